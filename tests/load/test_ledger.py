"""What the load generator counts as lost, doubled and out of order."""

import pytest

from talkd.load.ledger import Faults, Ledger, Stay
from talkd.load.measures import Measures


@pytest.fixture
def measures() -> Measures:
    found = Measures()
    found.begin()
    return found


@pytest.fixture
def ledger(measures: Measures) -> Ledger:
    return Ledger(measures, Faults())


def send(ledger: Ledger, *ids: int, at: float = 0.0) -> None:
    """Send messages that are acknowledged after 10 ms."""
    for number in ids:
        ledger.sending(f"reference {number}", at)
        ledger.acknowledged(f"reference {number}", number, at + 0.01)


def receive(ledger: Ledger, stay: Stay, *ids: int, at: float = 0.0) -> None:
    for number in ids:
        ledger.arrived(stay, number, f"reference {number}", at)


def counted(ledger: Ledger) -> tuple[int, int, int]:
    """Check everything, and return how many messages were lost, doubled and out of order."""
    ledger.settle(finally_=True)
    return ledger.faults.lost, ledger.faults.doubled, ledger.faults.disordered


def test_messages_that_arrive_once_and_in_order_are_no_faults(ledger: Ledger, measures: Measures) -> None:
    stay = ledger.begin(10, overlaps=False)
    send(ledger, 11, 13, at=1.0)
    receive(ledger, stay, 11, 12, 13, at=1.05)
    assert ledger.is_complete()
    assert counted(ledger) == (0, 0, 0)
    assert measures.since_sent.count == 2
    assert measures.since_sent.percentile(1) == pytest.approx(0.05, rel=0.03)
    assert measures.since_acknowledged.percentile(1) == pytest.approx(0.04, rel=0.03)


def test_a_message_that_never_arrives_is_lost(ledger: Ledger) -> None:
    stay = ledger.begin(0, overlaps=False)
    send(ledger, 1, 2)
    receive(ledger, stay, 1)
    assert not ledger.is_complete()
    assert counted(ledger) == (1, 0, 0)


def test_a_message_that_is_left_out_is_lost_before_the_end(ledger: Ledger) -> None:
    stay = ledger.begin(0, overlaps=False)
    send(ledger, 1, 2, 3)
    receive(ledger, stay, 1, 3)
    ledger.settle()
    assert ledger.faults.lost == 1


def test_each_waiting_client_is_owed_each_message(ledger: Ledger) -> None:
    first, second = ledger.begin(0, overlaps=False), ledger.begin(0, overlaps=True)
    send(ledger, 1, 2)
    receive(ledger, first, 1, 2)
    receive(ledger, second, 2)
    assert counted(ledger) == (1, 0, 0)


@pytest.mark.parametrize("is_checked", [False, True])
def test_a_message_that_arrives_again_is_doubled(ledger: Ledger, *, is_checked: bool) -> None:
    stay = ledger.begin(0, overlaps=False)
    send(ledger, 1, 2)
    receive(ledger, stay, 1, 2)
    if is_checked:
        ledger.settle()
    receive(ledger, stay, 2)
    assert counted(ledger) == (0, 1, 0)


@pytest.mark.parametrize("is_checked", [False, True])
def test_a_message_that_arrives_after_a_newer_one_is_out_of_order_and_not_lost(
    ledger: Ledger, *, is_checked: bool
) -> None:
    stay = ledger.begin(0, overlaps=False)
    send(ledger, 1, 2)
    receive(ledger, stay, 2)
    if is_checked:
        ledger.settle()
    receive(ledger, stay, 1)
    assert counted(ledger) == (0, 0, 1)


def test_a_message_that_the_server_stores_twice_is_doubled(ledger: Ledger) -> None:
    stay = ledger.begin(0, overlaps=False)
    send(ledger, 1)
    ledger.arrived(stay, 1, "reference 1", 0.0)
    ledger.arrived(stay, 2, "reference 1", 0.0)
    assert counted(ledger) == (0, 1, 0)


def test_history_may_overlap_only_with_what_a_socket_brings(ledger: Ledger) -> None:
    socket, poll = ledger.begin(5, overlaps=True), ledger.begin(5, overlaps=False)
    receive(ledger, socket, 5)
    assert ledger.faults.doubled == 0
    receive(ledger, poll, 5)
    assert ledger.faults.doubled == 1


def test_a_client_that_has_left_is_owed_nothing_newer(ledger: Ledger) -> None:
    stay = ledger.begin(0, overlaps=False)
    send(ledger, 1)
    receive(ledger, stay, 1)
    ledger.end(stay)
    send(ledger, 2)
    assert ledger.is_complete()
    assert counted(ledger) == (0, 0, 0)


def test_a_client_that_has_left_was_owed_what_came_before(ledger: Ledger) -> None:
    stay = ledger.begin(0, overlaps=False)
    send(ledger, 1, 2)
    receive(ledger, stay, 2)
    ledger.end(stay)
    assert counted(ledger) == (1, 0, 0)


def test_a_delivery_before_the_acknowledgement_counts_from_sending(ledger: Ledger, measures: Measures) -> None:
    stay = ledger.begin(0, overlaps=False)
    ledger.sending("reference 1", 1.0)
    receive(ledger, stay, 1, at=1.02)
    assert measures.since_sent.count == 0
    ledger.acknowledged("reference 1", 1, 1.03)
    assert measures.since_sent.percentile(1) == pytest.approx(0.02, rel=0.03)
    assert measures.since_acknowledged.percentile(1) == 0
    assert counted(ledger) == (0, 0, 0)


def test_a_message_without_an_answer_may_arrive_or_not(ledger: Ledger) -> None:
    stay = ledger.begin(0, overlaps=False)
    for reference in ("one", "two"):
        ledger.sending(reference, 0.0)
        ledger.unanswered(reference)
    ledger.arrived(stay, 1, "one", 0.0)
    assert counted(ledger) == (0, 0, 0)


def test_acknowledgements_may_come_in_another_order(ledger: Ledger) -> None:
    stay = ledger.begin(0, overlaps=False)
    ledger.sending("reference 1", 0.0)
    send(ledger, 2)
    receive(ledger, stay, 1, 2)
    ledger.settle()
    ledger.acknowledged("reference 1", 1, 0.1)
    assert counted(ledger) == (0, 0, 0)


def test_what_is_checked_is_forgotten(ledger: Ledger) -> None:
    stay = ledger.begin(0, overlaps=False)
    for start in range(1, 5_000, 100):
        numbers = range(start, start + 100)
        send(ledger, *numbers)
        receive(ledger, stay, *numbers)
        ledger.settle()
        assert len(stay.received) + len(ledger._times) + len(ledger._ids) + len(ledger._acknowledged) == 0
    assert counted(ledger) == (0, 0, 0)
