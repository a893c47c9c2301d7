"""What users of the load generator do."""

from collections import Counter

import pytest

from talkd.core import ids
from talkd.load.actions import ACTIONS
from talkd.load.plan import WEIGHTS, Plan, Wrong, choose, parse_weights


def test_users_do_each_thing_as_often_as_its_weight_says() -> None:
    numbers = ids.repeatable("1")
    counts = Counter(choose({"send": 3, "list": 1, "call": 0}, numbers) for _ in range(4_000))
    assert counts["call"] == 0
    assert counts["send"] / counts["list"] == pytest.approx(3, rel=0.15)


def test_there_is_a_function_for_everything_that_users_do() -> None:
    assert set(ACTIONS) == set(WEIGHTS)


def test_the_same_seed_makes_the_same_choices() -> None:
    one, same, other = ([choose(WEIGHTS, numbers) for _ in range(50)] for numbers in map(ids.repeatable, "112"))
    assert one == same != other


def test_weights_can_be_changed() -> None:
    assert parse_weights(("send=50", "call=0")) == {**WEIGHTS, "send": 50, "call": 0}


@pytest.mark.parametrize("text", ["send", "send=much", "dance=1", "send=-1"])
def test_wrong_weights_are_refused(text: str) -> None:
    with pytest.raises(Wrong, match="NAME=NUMBER"):
        parse_weights((text,))


def test_users_must_do_something() -> None:
    with pytest.raises(Wrong, match="must do something"):
        parse_weights(tuple(f"{name}=0" for name in WEIGHTS))


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0), (0.25, 5), (0.5, 10), (1.0, 20)])
def test_the_share_of_sockets_holds_for_the_first_users_of_a_step(share: float, expected: int) -> None:
    plan = Plan(url="", steps=(20, 100), sockets=share)
    assert sum(plan.has_socket(number) for number in range(20)) == expected
    assert sum(plan.has_socket(number) for number in range(100)) == expected * 5


def test_few_users_of_a_large_run_are_together_in_few_rooms() -> None:
    plan = Plan(url="", steps=(20, 200), rooms=20)
    used = Counter(room for user in range(20) for room in plan.rooms_of(user))
    assert len(used) == 4
    assert all(len(set(plan.rooms_of(user))) == 3 for user in range(200))
    members = Counter(room for user in range(200) for room in plan.rooms_of(user))
    assert len(members) == 20


def test_the_rate_of_all_users_together_is_bounded() -> None:
    plan = Plan(url="", rate=1.0, total_rate=50.0)
    assert plan.rate_of(10) == 1.0
    assert plan.rate_of(200) == 0.25
