"""Parts of the installation that are connected to another process than those who use them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from support.company import Company, Enter, at, make_room
from support.janus import SECRET, Janus, await_gateways
from support.media import Media
from support.running import LoopThread, Server
from support.sockets import Socket
from talkd.config import Config

NUMBER = "+4930123456"
INTERNAL = "the secret of internal clients"


def test_a_bridge_at_another_process_calls_a_number(
    company: Company, open_at: Callable[[Server], Socket], enter_at: Enter
) -> None:
    def configure(config: Config) -> None:
        config.calls.internal_secret = INTERNAL

    first, second = company(2, configure)
    for key, value in {"sip_bridge_shared_secret": "a secret of the bridge", "sip_dialout": "yes"}.items():
        path = f"/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed/{key}"
        first.admin_request("POST", path, value=value)
    bridge = open_at(second)
    bridge.hello_internal(second, INTERNAL, features=("start-dialout",))
    alice, _, token = make_room(first)
    alice.add(token, NUMBER, "phones")
    caller = enter_at(first, alice, token)
    here = at(first, alice)
    here.post(f"v4/call/{token}", flags=7)
    phone = next(each for each in here.participants(token).values() if each["actorType"] == "phones")
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(here.request, "POST", f"v4/call/{token}/dialout/{phone['attendeeId']}")
        message = bridge._next(lambda each: each["type"] == "internal")
        order = message["internal"]
        status = {"callid": "call-1", "status": "accepted"}
        content = {"type": "dialout", "dialout": {"roomid": token, "type": "status", "status": status}}
        bridge.send_raw({"id": message["id"], "type": "internal", "internal": content})
        assert asked.result(10).status_code == 201
    assert order["dialout"]["request"]["number"] == NUMBER
    assert caller.expect("transient")["key"] == "callstatus_call-1"


def test_media_pass_between_clients_of_two_processes(company: Company, enter_at: Enter, janus: Janus) -> None:
    def configure(config: Config) -> None:
        config.calls.janus, config.calls.janus_secret = [janus.url], SECRET

    servers = company(2, configure)
    for server in servers:
        await_gateways(server, 1)
    alice, bob, token = make_room(servers[0])
    first, second = enter_at(servers[0], alice, token), enter_at(servers[1], bob, token)
    at(servers[0], alice).post(f"v4/call/{token}", flags=7)
    at(servers[1], bob).post(f"v4/call/{token}", flags=7)
    with closing(LoopThread()) as loop, closing(Media(first, loop)) as here, closing(Media(second, loop)) as there:
        there.publish()
        here.receive(second)
