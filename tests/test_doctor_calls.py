"""`talkd doctor calls`: STUN and TURN servers (a coturn that the test starts), the signaling socket and Janus."""

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aioice import stun, turn
from websockets.sync.server import ServerConnection, serve

from support import janus as gateway
from support.commands import run_talkd
from support.janus import Janus
from support.people import Person
from support.recorders import SECRET as RECORDING_SECRET
from support.recorders import running_recording_server
from support.relays import SECRET, WITH_SECRET, Coturn
from support.running import Server, free_port
from talkd.cli import relays
from talkd.cli.calls import examine_calls
from talkd.cli.relays import is_reachable
from talkd.config import Config
from talkd.conversation.settings import TalkSettings
from talkd.signaling.sfu.janus import PROTOCOL
from test_cli import certificate

Found = dict[str, tuple[str, str]]


def examine(*words: str, **settings: str) -> Found:
    """Run `talkd doctor calls`, and return state and text of the findings by subject."""
    done = run_talkd("doctor", "calls", "--json", *words, **settings)
    findings = json.loads(done.stdout)
    assert done.returncode == any(each["state"] == "fail" for each in findings), done.stderr
    assert SECRET not in done.stdout + done.stderr
    return {each["subject"]: (each["state"], each["found"]) for each in findings}


def examine_turn(server: str, secret: str = SECRET, protocols: str = "udp,tcp") -> tuple[str, str]:
    """Return state and text of the finding about a TURN server."""
    return examine(CALLS_TURN_SERVERS=server, CALLS_TURN_SECRET=secret, CALLS_TURN_PROTOCOLS=protocols)["TURN"]


# --- STUN and TURN ------------------------------------------------------------------------------
def test_clients_get_credentials_that_the_turn_server_accepts(server: Server, alice: Person, tmp_path: Path) -> None:
    with Coturn(tmp_path) as coturn:
        entry = {"schemes": "turn", "server": coturn.address, "secret": SECRET, "protocols": "udp"}
        path = "/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed/turn_servers"
        server.admin_request("POST", path, value=json.dumps([entry]))
        try:
            (given,) = alice.get("v3/signaling/settings")["turnservers"]
        finally:
            server.admin_request("DELETE", path)
        assert given["urls"] == [f"turn:{coturn.address}?transport=udp"]
        assert asyncio.run(allocate(coturn, given["username"], given["credential"])) == "127.0.0.1"


class Receiver(asyncio.DatagramProtocol):
    """What arrives at a relay address. `released` is set when the address is given back."""

    def __init__(self) -> None:
        self.released = asyncio.Event()

    def connection_lost(self, exc: Exception | None) -> None:
        self.released.set()


@contextlib.asynccontextmanager
async def allocated(coturn: Coturn, user: str | None, password: str | None, way: str) -> AsyncIterator[str]:
    """Get a relay address, and give it back at the end."""
    relay, receiver = await turn.create_turn_endpoint(
        Receiver, ("127.0.0.1", coturn.port), user, password, transport=way
    )
    yield relay.get_extra_info("sockname")[0]
    relay.close()
    await receiver.released.wait()


async def allocate(coturn: Coturn, user: str, password: str) -> str:
    """Get a relay address over UDP, and return its host."""
    async with allocated(coturn, user, password, "udp") as host:
        return host


def test_a_turn_server_is_tried_over_all_its_transports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tls = certificate(tmp_path, days=60, names=["localhost"])
    monkeypatch.setenv("SSL_CERT_FILE", tls.tls_certificate)
    with Coturn(tmp_path, certificate=(tls.tls_certificate, tls.tls_key)) as coturn:
        found = examine(
            CALLS_TURN_SERVERS=f"turn:{coturn.address}",
            CALLS_STUN_SERVERS=coturn.address,
            CALLS_TURN_SECRET=SECRET,
        )
        assert found["TURN"] == ("ok", f"{coturn.address}: relays over UDP and TCP from 127.0.0.1")
        assert found["STUN"] == ("ok", f"{coturn.address}: answers that this machine is 127.0.0.1")
        over_tls = examine_turn(f"turns:{coturn.tls_address}")
        assert over_tls == ("ok", f"{coturn.tls_address}: relays over TLS from 127.0.0.1")


def test_a_wrong_secret_is_named(tmp_path: Path) -> None:
    with Coturn(tmp_path) as coturn:
        assert examine_turn(coturn.address, "another") == (
            "fail",
            f"{coturn.address}: UDP and TCP: refuses the credentials",
        )


def test_a_dead_server_is_named() -> None:
    address = f"127.0.0.1:{free_port()}"
    found = examine(CALLS_TURN_SERVERS=address, CALLS_STUN_SERVERS=address, CALLS_TURN_SECRET=SECRET)
    assert found["TURN"] == ("fail", f"{address}: UDP: no answer; TCP: cannot connect: Connection refused")
    assert found["STUN"] == ("fail", f"{address}: no answer")


def test_a_server_that_never_answers_over_tcp_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relays, "ANSWER_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        assert examine_turn(address, protocols="tcp") == ("fail", f"{address}: TCP: no answer")
        assert examine_turn(f"turns:{address}") == ("fail", f"{address}: TLS: no answer")


def test_an_unknown_host_is_named() -> None:
    assert examine_turn("turn.invalid:3478") == (
        "fail",
        "turn.invalid:3478: UDP and TCP: turn.invalid cannot be resolved",
    )


def test_a_server_without_udp_gets_a_warning(tmp_path: Path) -> None:
    with Coturn(tmp_path, *WITH_SECRET, "--no-udp") as coturn:
        assert examine_turn(coturn.address) == (
            "warn",
            f"{coturn.address}: relays over TCP from 127.0.0.1; UDP: no answer",
        )


@pytest.mark.parametrize(
    ("trusts", "name", "fault"),
    [
        (False, "localhost", "self-signed certificate"),
        (True, "talk.example.org", "Hostname mismatch, certificate is not valid for 'localhost'."),
    ],
)
def test_a_certificate_that_browsers_refuse_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusts: bool, name: str, fault: str
) -> None:
    tls = certificate(tmp_path, days=60, names=[name])
    if trusts:
        monkeypatch.setenv("SSL_CERT_FILE", tls.tls_certificate)
    with Coturn(tmp_path, certificate=(tls.tls_certificate, tls.tls_key)) as coturn:
        found = examine_turn(f"turns:{coturn.tls_address}")
    assert found == ("fail", f"{coturn.tls_address}: TLS: browsers refuse the certificate: {fault}")


def test_a_server_without_tls_is_named(server: Server) -> None:
    address = f"127.0.0.1:{server.config.server.port}"
    state, found = examine_turn(f"turns:{address}")
    assert (state, found.partition(": ")[2]) == ("fail", "TLS: no TLS: WRONG_VERSION_NUMBER")


def test_an_answer_without_an_address_is_named() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stub:
        stub.bind(("127.0.0.1", 0))

        def answer() -> None:
            data, sender = stub.recvfrom(65_536)
            asked = stun.parse_message(data)
            stub.sendto(bytes(stun.Message(asked.message_method, stun.Class.RESPONSE, asked.transaction_id)), sender)

        thread = threading.Thread(target=answer)
        thread.start()
        address = f"127.0.0.1:{stub.getsockname()[1]}"
        found = examine(CALLS_STUN_SERVERS=address)
        thread.join(10)
    assert found["STUN"] == ("fail", f"{address}: answers no address")


async def test_a_server_without_a_free_relay_address_is_named(tmp_path: Path) -> None:
    port = str(free_port())
    with Coturn(tmp_path, "--no-auth", "--min-port", port, "--max-port", port) as coturn:
        async with allocated(coturn, None, None, "tcp"):
            found = await asyncio.to_thread(examine_turn, coturn.address, protocols="tcp")
    assert found == ("fail", f"{coturn.address}: TCP: has no relay address")


def test_a_server_that_relays_for_everybody_is_named(tmp_path: Path) -> None:
    with Coturn(tmp_path, "--no-auth") as coturn:
        assert examine_turn(coturn.address) == (
            "fail",
            f"{coturn.address}: UDP and TCP: relays for everybody, without credentials",
        )


@pytest.mark.parametrize(
    ("relay", "server", "expected"),
    [
        ("8.8.8.8", "8.8.4.4", True),
        ("10.0.0.5", "8.8.4.4", False),
        ("127.0.0.1", "10.0.0.5", False),
        ("0.0.0.0", "8.8.4.4", False),
        ("10.0.0.5", "10.0.0.5", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("8.8.8.8", "10.0.0.5", True),
        ("2001:4860:4860::8888", "2001:4860:4860::8844", True),
    ],
)
def test_a_relay_address_is_reachable_for_those_who_reach_the_server(relay: str, server: str, expected: bool) -> None:
    assert is_reachable(relay, server) is expected


@pytest.mark.parametrize(
    ("public_url", "turn_state", "stun_state"),
    [
        ("https://8.8.8.8", "warn", "warn"),
        ("https://192.168.1.2", "ok", "ok"),
        ("http://localhost:1", "ok", "ok"),
        ("", "warn", "warn"),
    ],
)
async def test_servers_are_missed_unless_all_clients_are_in_one_network(
    public_url: str, turn_state: str, stun_state: str
) -> None:
    config = Config()
    config.calls.signaling, config.server.public_url = "polls", public_url
    found = {each.subject: each.state for each in await examine_calls(config, TalkSettings())}
    assert found == {"signaling": "ok", "TURN": turn_state, "STUN": stun_state}


def test_a_turn_server_is_enough_without_a_stun_server(tmp_path: Path) -> None:
    with Coturn(tmp_path) as coturn:
        found = examine(CALLS_TURN_SERVERS=coturn.address, CALLS_TURN_SECRET=SECRET)
    assert found["STUN"] == ("ok", "none; the TURN servers do the same")


# --- the signaling socket -----------------------------------------------------------------------
@contextlib.contextmanager
def proxy_without_websockets(port: int) -> Iterator[str]:
    """Forward requests to a port, as a proxy that is not set up for WebSockets: without the header Upgrade."""

    def forward(client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", port)) as upstream:
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(65_536)
            own = (b"upgrade:", b"connection:")
            kept = [line for line in head.split(b"\r\n") if not line.lower().startswith(own)]
            upstream.sendall(b"\r\n".join([kept[0], b"Connection: close", *kept[1:]]))
            while part := upstream.recv(65_536):
                client.sendall(part)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                forward(listener.accept()[0])

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def test_the_signaling_socket_is_opened_at_the_public_address(server: Server) -> None:
    found = examine(URL=server.url)
    address = f"ws://127.0.0.1:{server.config.server.port}/standalone-signaling/spreed"
    assert found["signaling"] == ("ok", f"{address} opens")


def test_a_proxy_that_passes_no_websockets_on_is_named(server: Server) -> None:
    with proxy_without_websockets(server.config.server.port) as url:
        found = examine(URL=url)
    assert found["public address"] == ("ok", f"talkd answers on {url}")
    address = f"{url.replace('http', 'ws')}/standalone-signaling/spreed"
    assert found["signaling"] == ("fail", f"{address}: answers with status 404, not as a WebSocket")


def test_the_signaling_socket_is_not_tried_where_no_talkd_answers() -> None:
    found = examine(URL=f"http://127.0.0.1:{free_port()}")
    assert found["public address"][0] == "warn"
    assert "signaling" not in found


async def test_external_signaling_servers_take_the_place_of_the_socket() -> None:
    servers = {"servers": [{"server": "https://signaling.example.org/"}], "secret": SECRET}
    chosen = TalkSettings()
    chosen.replace({"signaling_servers": json.dumps(servers)})
    found = {each.subject: (each.state, each.found) for each in await examine_calls(Config(), chosen)}
    assert found["signaling"] == ("ok", "through https://signaling.example.org, which is not tried")


# --- media gateways -----------------------------------------------------------------------------
def examine_janus(url: str, secret: str) -> tuple[str, str]:
    """Return state and text of the finding about a gateway."""
    return examine(CALLS_JANUS=url, CALLS_JANUS_SECRET=secret)["media gateway"]


def test_a_gateway_that_lets_talkd_in_is_fine(janus: Janus) -> None:
    state, found = examine_janus(janus.url, gateway.SECRET)
    assert (state, found.partition("Janus 1.")[0]) == ("ok", f"{janus.url}: ")


def test_a_gateway_with_another_secret_refuses_talkd(janus: Janus) -> None:
    state, found = examine_janus(janus.url, "another")
    assert state == "fail"
    assert found.startswith(f"{janus.url}: refuses talkd: Unauthorized")


def test_a_gateway_that_does_not_run_is_named() -> None:
    url = f"ws://127.0.0.1:{free_port()}"
    state, found = examine_janus(url, SECRET)
    assert state == "fail"
    assert found.startswith(f"{url}: ")


@pytest.mark.parametrize(
    ("about", "state", "text"),
    [
        ({"version": 907, "version_string": "0.9.7"}, "fail", "is Janus 0.9.7"),
        ({"version": 1100, "plugins": {}}, "fail", "has no janus.plugin.videoroom"),
        ({"version": 1100, "plugins": {"janus.plugin.videoroom": {}}}, "warn", "calls begin slowly"),
    ],
)
def test_what_a_gateway_lacks_is_named(about: dict[str, object], state: str, text: str) -> None:
    def answer(connection: ServerConnection) -> None:
        for request in map(json.loads, connection):
            says = {"janus": "server_info", **about} if request["janus"] == "info" else {"janus": "success"}
            connection.send(json.dumps(says))

    with serve(answer, "127.0.0.1", 0, subprotocols=[PROTOCOL]) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        found = examine_janus(f"ws://127.0.0.1:{listening.socket.getsockname()[1]}", SECRET)
        listening.shutdown()
        thread.join(10)
    assert found[0] == state
    assert text in found[1]


# --- recording servers --------------------------------------------------------------------------
async def examine_recorder(
    url: str, *, secret: str = RECORDING_SECRET, internal_secret: str = "secret"
) -> tuple[str, str]:
    """Return state and text of the finding about a recording server."""
    config, chosen = Config(), TalkSettings()
    config.server.public_url, config.calls.internal_secret = "http://127.0.0.1:1", internal_secret
    chosen.replace({"recording_servers": json.dumps({"servers": [{"server": url}], "secret": secret})})
    findings = {each.subject: each for each in await examine_calls(config, chosen)}
    found = findings["recording server"]
    assert (found.advice == "") == (found.state == "ok")
    return found.state, found.found.removeprefix(url)


async def test_a_recording_server_that_knows_talkd_is_fine() -> None:
    with running_recording_server() as recorder:
        assert await examine_recorder(recorder.url) == ("ok", ": version 0.2.1, accepts the secret")
        assert [message["type"] for _, message, _ in recorder.asked] == ["stop"]


async def test_what_keeps_a_recording_server_from_recording_is_named() -> None:
    with running_recording_server() as recorder:
        refused = await examine_recorder(recorder.url, secret="another")
        assert refused == ("fail", ": version 0.2.1, refuses talkd with status 403")
        outside = await examine_recorder(recorder.url, internal_secret="")
        assert outside == ("fail", ": version 0.2.1, but it cannot join calls")
        other = await examine_recorder(f"{recorder.url}/elsewhere")
        assert other == ("fail", ": something else answers")
    state, _ = await examine_recorder(f"http://127.0.0.1:{free_port()}")
    assert state == "fail"
