"""How the load generator measures durations."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkd.load.measures import CLASSES, Durations, Measures
from talkd.load.processes import processes_in
from talkd.load.report import find_bottlenecks


@given(st.lists(st.floats(0.0001, 100), min_size=1, max_size=200), st.sampled_from([0.5, 0.95, 0.99, 1.0]))
def test_percentiles_are_at_most_two_percent_too_high(seconds: list[float], share: float) -> None:
    durations = Durations()
    for each in seconds:
        durations.add(each)
    exact = sorted(seconds)[math.ceil(share * len(seconds)) - 1]
    assert exact * 0.999999 <= durations.percentile(share) <= exact * 1.020001


def test_extreme_durations_are_counted() -> None:
    durations = Durations()
    for each in (-1.0, 0.0, 1e9):
        durations.add(each)
    spread = durations.spread()
    assert (spread.count, spread.max) == (3, 1e12)
    assert spread.p50 <= 0.01
    assert len(durations._classes) == CLASSES < 2_000


def test_nothing_is_counted_before_the_beginning_and_after_the_end() -> None:
    measures = Measures()
    for is_after in (False, True):
        if is_after:
            measures.begin()
            measures.end()
        measures.succeeded("send", 0.1)
        measures.failed("send", 500)
        measures.delivered(0.1, 0.1)
        measures.began(0.0)
        assert (measures.names(), measures.since_sent.count, measures.actions) == ([], 0, 0)


def test_refusals_for_too_many_requests_are_counted_apart() -> None:
    measures = Measures()
    measures.begin()
    for how in (429, 503, 503, "timeout"):
        measures.failed("send", how)
    assert measures.throttled == {"send": 1}
    assert measures.refused == {("send", "503"): 2, ("send", "timeout"): 1}


@pytest.mark.parametrize(
    ("cores", "lag", "late", "reason"),
    [(0.9, 1.0, 1.0, "of a core"), (0.1, 50.0, 1.0, "event loop"), (0.1, 1.0, 900.0, "fewer were done")],
)
def test_the_load_generator_says_when_it_is_too_slow_itself(cores: float, lag: float, late: float, reason: str) -> None:
    [found] = find_bottlenecks(cores, lag, late)
    assert reason in found
    assert find_bottlenecks(0.5, 5.0, 100.0) == []


def test_the_metrics_of_several_processes_are_read_by_process() -> None:
    text = "".join(
        f'process_cpu_seconds_total{{process="{number}"}} {number}.5\n'
        f'process_resident_memory_bytes{{process="{number}"}} {number}e+06\n'
        for number in (1, 2)
    )
    assert processes_in(text) == {"1": (1.5, 1_000_000), "2": (2.5, 2_000_000)}
    assert processes_in("process_cpu_seconds_total 3\nprocess_resident_memory_bytes 4\n") == {"": (3.0, 4)}
    assert processes_in("talkd_calls 1\n") == {}
