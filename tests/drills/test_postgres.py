"""PostgreSQL that restarts or is killed while people post, follow and talk."""

from collections.abc import Callable

import pytest

from drills.conftest import Site
from support.replication import Instance
from support.several import await_hearing, phones_in
from support.timers import Timers


def restart_fast(postgres: Instance) -> None:
    postgres.stop("fast")
    postgres.start()


def restart_at_once(postgres: Instance) -> None:
    postgres.stop("immediate")
    postgres.start()


def kill(postgres: Instance) -> None:
    """Kill PostgreSQL and start it again, as a supervisor does."""
    postgres.kill()
    postgres.start_again()


@pytest.mark.parametrize(
    "restart",
    [
        pytest.param(restart_fast, marks=pytest.mark.variant),
        pytest.param(restart_at_once, marks=pytest.mark.variant),
        kill,
    ],
)
def test_a_postgres_that_restarts(site: Site, seconds: float, restart: Callable[[Instance], None]) -> None:
    company, timers = site.company, Timers(site.company, 6)
    with site.load(seconds) as load, phones_in(company, load.token) as phones:
        load.go_on()
        restart(site.postgres)
        load.go_on()
        await_hearing(phones)
        site.find_leader()
        timers.check()
        load.check()
    timers.check_again()
