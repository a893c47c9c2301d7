"""Which messages of other processes are missing: rules without a bus."""

from hypothesis import given
from hypothesis import strategies as st

from talkd.bus.hearing import MOST_MISSING, Hearing

SENDER = 7


def begun() -> Hearing:
    """Return a hearing that has looked at a process that has sent nothing yet."""
    hearing = Hearing()
    hearing.look({SENDER: 0})
    return hearing


@given(st.lists(st.integers(1, 20)))
def test_each_message_is_taken_once_in_any_order(numbers: list[int]) -> None:
    hearing = begun()
    taken = [number for number in numbers if hearing.take(SENDER, number)]
    assert sorted(taken) == sorted(set(numbers))


@given(st.sets(st.integers(1, 30)))
def test_what_is_missing_at_two_looks_is_reported_once(arrived: set[int]) -> None:
    hearing = begun()
    for number in sorted(arrived):
        hearing.take(SENDER, number)
    assert not hearing.look({SENDER: 30})
    assert hearing.look({SENDER: 30}) == (arrived != set(range(1, 31)))
    assert not hearing.look({SENDER: 30})


def test_what_comes_late_is_not_missing() -> None:
    hearing = begun()
    hearing.take(SENDER, 3)
    hearing.look({SENDER: 3})
    assert hearing.take(SENDER, 1)
    assert hearing.take(SENDER, 2)
    assert not hearing.look({SENDER: 3})


def test_what_a_process_sent_before_it_was_known_is_not_missing() -> None:
    hearing = Hearing()
    assert hearing.take(SENDER, 100)
    assert not hearing.look({SENDER: 100})
    assert not hearing.look({SENDER: 100})


def test_very_many_missing_messages_are_given_up_at_once() -> None:
    hearing = begun()
    assert hearing.look({SENDER: MOST_MISSING * 3})
    assert not hearing.look({SENDER: MOST_MISSING * 3})


def test_a_process_that_has_ended_is_forgotten() -> None:
    hearing = begun()
    hearing.take(SENDER, 5)
    hearing.look({})
    assert hearing.take(SENDER, 2)
