"""The bus that ends, starts late, is cut or stalls, while people post, follow and talk."""

import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from drills.conftest import Site
from support.certificates import certificate_of
from support.load import Load
from support.nats import Nats, cluster_of, credentials_of
from support.running import PASSWORD
from support.several import PEOPLE, Company, await_hearing, await_true, phones_in
from support.sockets import SECONDS
from support.timers import Timers

BUS_RECEIVED = "talkd_bus_messages_received_total"


def health(url: str) -> str:
    """Return what a server says of its health, which it is in any case."""
    answer = httpx.get(f"{url}/healthz", trust_env=False)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["status"])


@pytest.mark.parametrize("number", [pytest.param(signal.SIGTERM, marks=pytest.mark.variant), signal.SIGKILL])
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


@pytest.mark.parametrize("is_noticed", [pytest.param(False, marks=pytest.mark.variant), True])
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


# --- ways to reach NATS -----------------------------------------------------------------------
def wakes(company: Company) -> bool:
    """Let a message wake a poll at another process. Return whether that process was told of it by the first one."""
    token = company.create_room()
    alice, bob = company.person(0), company.person(1, company.processes[-1])
    known = bob.room(token)["lastMessage"]["id"]
    params = {"lookIntoFuture": 1, "lastKnownMessageId": known, "timeout": 20}
    received = company.figure(company.processes[-1], BUS_RECEIVED)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(bob.get, f"v1/chat/{token}", **params)
        alice.say(token, "hello")
        assert [each["message"] for each in waiting.result(20)] == ["hello"]
    return company.figure(company.processes[-1], BUS_RECEIVED) > received


def by_password(folder: Path) -> tuple[Nats, str, dict[str, str]]:
    nats = Nats(folder, "--user", "talkd", "--pass", "secret")
    return nats, nats.url_with("talkd:secret@"), {}


def by_tls(folder: Path) -> tuple[Nats, str, dict[str, str]]:
    """Both sides show a certificate."""
    chain, key = certificate_of(folder)
    options = ("--tlsverify", "--tlscert", chain, "--tlskey", key, "--tlscacert", chain)
    nats = Nats(folder, *options, scheme="tls")
    return nats, nats.url, {"BUS_CA": chain, "BUS_CERTIFICATE": chain, "BUS_KEY": key}


def by_credentials(folder: Path) -> tuple[Nats, str, dict[str, str]]:
    settings, file = credentials_of(folder)
    nats = Nats(folder, "-c", str(settings))
    return nats, nats.url, {"BUS_CREDENTIALS": str(file)}


@pytest.mark.parametrize("way", [pytest.param(by_password, marks=pytest.mark.variant), by_tls, by_credentials])
def test_ways_to_prove_who_one_is(
    new_company: Callable[..., Company], tmp_path: Path, way: Callable[[Path], tuple[Nats, str, dict[str, str]]]
) -> None:
    nats, url, settings = way(tmp_path)
    with nats:
        company = new_company(url, url, **settings)
        company.start()
        await_true(lambda: all(health(each) == "ok" for each in company.urls))
        company.repair()
        assert wakes(company)


def test_a_start_without_nats_and_a_lost_member_of_a_cluster(
    new_company: Callable[..., Company], tmp_path: Path
) -> None:
    cluster = cluster_of(tmp_path, 3)
    url = ",".join(each.url for each in cluster)
    company = new_company(url, url, url)
    company.start()
    assert {health(each) for each in company.urls} == {"degraded"}
    assert wakes(company), "messages go through the database"
    try:
        for each in cluster:
            each.start()
        await_true(lambda: all(health(each) == "ok" for each in company.urls))
        company.repair()
        logins = [(name, PASSWORD) for name in PEOPLE]
        token = company.create_room()
        with Load(company.urls, token, logins) as load, phones_in(company, token) as phones:
            load.await_more()
            for each in cluster[:2]:
                lost = company.count_logged("bus_lost")
                each.stop(signal.SIGKILL)
                load.await_more()
                await_true(lambda: all(health(each) == "ok" for each in company.urls))
                await_hearing(phones)
                print(f"{company.count_logged('bus_lost') - lost} processes went to another member")
                each.start()
            load.check()
        assert company.count_logged("bus_lost") > 0, "nobody was connected to the members that were lost"
    finally:
        for each in cluster:
            each.stop(signal.SIGKILL)


def test_a_request_that_is_lost_between_processes_leaves_no_client_without_an_answer(site: Site) -> None:
    """No later letter shows that this one is lost."""
    company, cable, token = site.company, site.cables[1], site.company.create_room()
    with phones_in(company, token) as phones, ThreadPoolExecutor(1) as pool:
        socket = phones[1].socket
        socket.ask("room", roomid="")
        session = company.person(1, company.processes[1]).join(token)["sessionId"]
        cable.stall()
        joining = pool.submit(socket.join, token, session)
        await_true(lambda: health(company.urls[1]) == "degraded")
        cable.cut()  # what waits in the network is gone
        cable.heal()
        with suppress(ConnectionClosed):  # then the client resumes
            joining.result(SECONDS)
        await_hearing(phones)
