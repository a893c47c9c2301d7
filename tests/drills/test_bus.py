"""The bus that ends, starts late, is cut or stalls, while people post, follow and talk."""

import signal

import httpx
import pytest

from drills.conftest import Site
from support.several import await_hearing, await_true, phones_in
from support.timers import Timers


def health(url: str) -> str:
    """Return what a server says of its health, which it is in any case."""
    answer = httpx.get(f"{url}/healthz", trust_env=False)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["status"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_without_nats_everything_goes_on_more_slowly(site: Site, seconds: float, number: signal.Signals) -> None:
    company, timers = site.company, Timers(site.company, 6)
    said_before = [each.output.count('"bus_lost"') for each in company.processes]
    with site.load(seconds) as load, phones_in(company, load.token) as phones:
        load.go_on()
        site.nats.stop(number)
        await_true(lambda: all(health(each) == "degraded" for each in company.urls))
        load.go_on()
        await_hearing(phones)
        timers.await_due()
        site.nats.start()
        await_true(lambda: all(health(each) == "ok" for each in company.urls))
        load.go_on()
        await_hearing(phones)
        timers.check()
        load.check()
    timers.check_again()
    assert [each.output.count('"bus_lost"') for each in company.processes] == [each + 1 for each in said_before]


def test_a_cut_between_one_process_and_the_bus(site: Site, seconds: float) -> None:
    company, cable = site.company, site.cables[1]
    with site.load(seconds) as load, phones_in(company, load.token) as phones:
        load.go_on()
        cable.cut()
        await_true(lambda: health(company.urls[1]) == "degraded")
        load.go_on()
        await_hearing(phones)
        cable.heal()
        await_true(lambda: health(company.urls[1]) == "ok")
        load.go_on()
        await_hearing(phones)
        load.check()


@pytest.mark.parametrize("is_noticed", [False, True])
def test_a_stall_between_one_process_and_the_bus(site: Site, seconds: float, is_noticed: bool) -> None:
    """A short stall is not noticed by the connection itself, a longer one is."""
    company, cable = site.company, site.cables[1]
    with site.load(seconds) as load, phones_in(company, load.token) as phones:
        load.go_on()
        cable.stall()
        load.go_on()
        if is_noticed:
            await_true(lambda: health(company.urls[1]) == "degraded")
            load.go_on()
            await_hearing(phones)
        cable.heal()
        await_true(lambda: health(company.urls[1]) == "ok")
        load.go_on()
        await_hearing(phones)
        load.check()
