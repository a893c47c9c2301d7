"""Processes that are killed or frozen while people post, follow and talk."""

import os
import signal
import time

import pytest

from drills.conftest import Site
from support.several import await_hearing, await_true, phones_in
from support.timers import Timers

FROZEN_SECONDS = 10.0


@pytest.mark.parametrize("leads", [True, pytest.param(False, marks=pytest.mark.variant)])
def test_a_killed_process_costs_nothing_but_its_connections(site: Site, seconds: float, leads: bool) -> None:
    company, timers = site.company, Timers(site.company, 6)
    leader = site.find_leader()
    killed = leader if leads else (leader + 1) % 3
    with (
        site.load(seconds) as load,
        phones_in(company, load.token, (killed, (killed + 1) % 3, (killed + 2) % 3)) as phones,
    ):
        load.go_on()
        company.processes[killed].popen.send_signal(signal.SIGKILL)
        began = time.monotonic()
        await_true(lambda: site.list_leaders() not in ([], [killed]))
        print(f"led again after {time.monotonic() - began:.1f} s")
        await_hearing(phones)
        timers.await_due()
        load.go_on()
        company.start_again(killed)
        load.go_on()
        load.check()
    timers.check()
    timers.check_again()


@pytest.mark.parametrize("leads", [True, pytest.param(False, marks=pytest.mark.variant)])
def test_a_frozen_process_catches_up_and_does_nothing_twice(site: Site, seconds: float, leads: bool) -> None:
    company, timers = site.company, Timers(site.company, 6)
    leader = site.find_leader()
    frozen = company.processes[leader if leads else (leader + 1) % 3]
    with site.load(seconds) as load, phones_in(company, load.token) as phones:
        load.go_on()
        os.kill(frozen.popen.pid, signal.SIGSTOP)
        try:
            until = time.monotonic() + FROZEN_SECONDS
            await_true(lambda: time.monotonic() > until)
        finally:
            os.kill(frozen.popen.pid, signal.SIGCONT)
        load.go_on()
        await_hearing(phones)
        timers.check()
        load.check(frozen=FROZEN_SECONDS)
    timers.check_again()
