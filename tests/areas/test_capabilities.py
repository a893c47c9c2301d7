"""The capabilities and `status.php`."""

import base64
import json
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from support.running import PASSWORD, Server
from talkd.areas.capabilities import service
from talkd.areas.capabilities.model import FEATURES, Viewer
from talkd.areas.signaling import tokens
from talkd.config import Config
from talkd.conversation.settings import TalkSettings
from talkd.core import colors

PATH = "/ocs/v2.php/cloud/capabilities"
ALICE = ("alice", PASSWORD)


@pytest.fixture
def client(own_server: Server) -> httpx.Client:
    """Return an API client without a user."""
    return own_server.client()


def blocks(client: httpx.Client, auth: tuple[str, str] | None = None) -> dict[str, Any]:
    """Return the blocks of the capabilities by name."""
    answer = client.get(PATH, auth=auth) if auth else client.get(PATH)
    return dict(answer.json()["ocs"]["data"]["capabilities"])


def test_everybody_may_read_the_status(client: httpx.Client) -> None:
    answer = client.get("/index.php/status.php", headers={"Authorization": ""})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.json() == {
        "installed": True,
        "maintenance": False,
        "needsDbUpgrade": False,
        "version": "32.0.1.2",
        "versionstring": "32.0.1",
        "edition": "",
        "productname": "Nextcloud",
        "extendedSupport": False,
    }


def test_visitors_and_users_get_the_capabilities_that_apps_require(client: httpx.Client) -> None:
    visitor, user = blocks(client), blocks(client, ALICE)
    for seen in (visitor, user):
        talk = seen["spreed"]
        assert {"conversation-v4", "signaling-v3", "chat-v2"} <= set(talk["features"])
        assert set(talk["features-local"]) <= set(talk["features"])
        assert all(isinstance(group, dict) for group in talk["config"].values())
        local = {(group, name) for group, names in talk["config-local"].items() for name in names}
        known = {(group, name) for group, entries in talk["config"].items() for name in entries}
        assert local - known == ({("attachments", "folder")} if seen is visitor else set())
        assert talk["config"]["chat"]["max-length"] == 32_000
        assert talk["version"].split(".")[0] == "22"
    assert "core" not in visitor
    assert user["core"]["mod-rewrite-working"] is True
    assert not visitor["spreed"]["config"]["conversations"]["can-create"]
    assert user["spreed"]["config"]["conversations"]["can-create"]
    assert user["password_policy"]["minLength"] == 10


def test_announced_api_versions_follow_the_setting() -> None:
    config, versions = Config(), {"conversation-v2", "conversation-v4", "signaling-v3", "chat", "chat-v2"}

    def features() -> list[str]:
        return list(service.get_talk(config, TalkSettings(), Viewer(), token_key="")["features"])

    before, known = features(), service.talk_hash(config, TalkSettings(), Viewer())
    assert before == list(FEATURES), "the default announces what today's apps know"
    assert set(before) & versions == {"conversation-v4", "signaling-v3", "chat-v2"}
    config.identity.announced_apis = ["conversation-v2", "chat"]
    assert set(features()) & versions == {"conversation-v2", "chat"}
    assert set(features()) - versions == set(before) - versions
    assert service.talk_hash(config, TalkSettings(), Viewer()) != known


def test_features_that_talkd_lacks_are_not_announced(client: httpx.Client) -> None:
    features = set(blocks(client)["spreed"]["features"])
    missing = {
        "bots-v1",
        "recording-v1",
        "federation-v1",
        "sip-support",
        "voice-message-sharing",
        "chat-summary-api",
    }
    assert not features & missing


def test_unchanged_capabilities_are_not_sent_again(client: httpx.Client) -> None:
    first = client.get(PATH)
    etag = first.headers["etag"]
    again = client.get(PATH, headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(PATH, headers={"If-None-Match": etag}, auth=ALICE).status_code == 200


def test_changed_settings_show_at_once(own_server: Server, client: httpx.Client) -> None:
    settings = own_server.app.world.talk_settings
    before = service.talk_hash(own_server.app.world.config, settings, Viewer())
    settings.replace({"start_calls": "3", "start_conversations": '["staff"]', "allowed_groups": "[]"})
    talk = blocks(client, ALICE)["spreed"]
    assert not talk["config"]["call"]["enabled"]
    assert not talk["config"]["conversations"]["can-create"]
    assert service.talk_hash(own_server.app.world.config, settings, Viewer()) != before
    settings.replace({"allowed_groups": '["staff"]'})
    assert "spreed" not in blocks(client, ALICE)
    assert "spreed" in blocks(client)


def test_tokens_are_signed_by_the_announced_key(own_server: Server, client: httpx.Client) -> None:
    announced = blocks(client)["spreed"]["config"]["signaling"]["hello-v2-token-key"]
    keys = own_server.write(tokens.get_keys)
    assert keys.public_pem == announced
    token = tokens.make_token(
        keys, issuer="https://talk.test", user_id="alice", display_name="Alice A.", mark="mark of a login", now=1000
    )
    signed, _, signature = token.rpartition(".")
    header, claims, raw = (base64.urlsafe_b64decode(part + "==") for part in (*signed.split("."), signature))
    assert json.loads(header) == {"typ": "JWT", "alg": "ES256"}
    assert json.loads(claims) == {
        "iss": "https://talk.test/",
        "iat": 1000,
        "exp": 1060,
        "sid": "mark of a login",
        "sub": "alice",
        "userdata": {"displayname": "Alice A."},
    }
    public = serialization.load_pem_public_key(announced.encode())
    assert isinstance(public, ec.EllipticCurvePublicKey)
    der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    public.verify(der, signed.encode(), ec.ECDSA(hashes.SHA256()))


def test_guests_have_no_name_in_tokens() -> None:
    token = tokens.make_token(
        tokens.new_keys(), issuer="https://talk.test/", user_id=None, display_name="", mark="mark", now=1000
    )
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert claims == {"iss": "https://talk.test/", "iat": 1000, "exp": 1060, "sid": "mark"}


def test_tickets_belong_to_their_user() -> None:
    ticket = tokens.make_ticket("secret", user_id="alice:b", login="secret of a login", now=1000)
    assert len(ticket.split(":")[0]) == 16
    assert tokens.is_ticket("secret", ticket, user_id="alice:b", login="secret of a login")
    assert not tokens.is_ticket("secret", ticket, user_id="alice", login="secret of a login")
    assert not tokens.is_ticket("secret", ticket, user_id="alice:b", login="another")
    assert not tokens.is_ticket("other", ticket, user_id="alice:b", login="secret of a login")
    assert not tokens.is_ticket("secret", "", user_id=None, login="")


@pytest.mark.parametrize("color", ["#0a6b5c", "#ffee00", "#000000", "#ffffff", "#7f7f7f", "not a colour"])
def test_text_is_readable_on_every_main_colour(color: str) -> None:
    config = Config()
    config.identity.color = color
    data = service.get_capabilities(config, TalkSettings(), Viewer(), token_key="", base_url="https://talk.test")
    theme = data["capabilities"]["theming"]
    assert colors.contrast(theme["color"], theme["color-text"]) >= colors.READABLE
    assert colors.contrast(theme["color-element-bright"], "#ffffff") >= colors.READABLE
    assert colors.contrast(theme["color-element-dark"], "#171717") >= colors.READABLE


def test_clients_learn_how_to_send_files(client: httpx.Client) -> None:
    seen = blocks(client, ALICE)
    assert seen["dav"] == {"chunking": "1.0"}
    assert seen["files"]["bigfilechunking"] is True
    assert seen["files"]["chunked_upload"] == {"max_size": 104_857_600, "max_parallel_count": 5}
    root = "/remote.php/dav/files/alice"
    characters, names, ends = (
        seen["files"][f"forbidden_filename{each}"] for each in ("_characters", "s", "_extensions")
    )
    for name in (*names, *(f"a{end}" for end in ends), *(f"a%{ord(character):02X}b" for character in characters)):
        assert client.request("MKCOL", f"{root}/{name}", auth=ALICE).status_code in (400, 409), name
    assert client.request("MKCOL", f"{root}/a.parts", auth=ALICE).status_code == 201
    assert "files" not in blocks(client)
