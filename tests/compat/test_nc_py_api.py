"""nc-py-api, an independent client library, logs in and holds a conversation."""

import gc
import time
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import nc_py_api  # type: ignore[import-untyped]
import pytest
from nc_py_api import AsyncNextcloud, NextcloudException
from nc_py_api.talk import ConversationType, NotificationLevel, ParticipantType  # type: ignore[import-untyped]

from support.parts import SYNC_CLIENT
from support.people import Person
from support.running import ADMIN, ADMIN_PASSWORD, PASSWORD, Server, unique


@pytest.fixture(autouse=True)
def forgotten_sockets() -> Iterator[None]:
    """Ignore warnings about connections that the library only closes at garbage collection."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


needs_sync = SYNC_CLIENT.skip_if(not hasattr(nc_py_api, "Nextcloud"))


@contextmanager
def connect(server: Server, user: str, password: str = PASSWORD) -> Iterator[Any]:
    """Yield the sync client. It closes its connections only at the end of the process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # releases after 0.30 have only the async client
        nc = nc_py_api.Nextcloud(nextcloud_url=server.url, nc_auth_user=user, nc_auth_pass=password)
    yield nc
    nc._session.adapter.close()


@asynccontextmanager
async def connect_async(server: Server, user: str) -> AsyncIterator[AsyncNextcloud]:
    """Yield the async client."""
    nc = AsyncNextcloud(nextcloud_url=server.url, nc_auth_user=user, nc_auth_pass=PASSWORD)
    yield nc
    await nc._session.adapter.close()


@needs_sync
def test_sync_client_holds_a_conversation(server: Server, alice: Person, bob: Person) -> None:
    with connect(server, alice.id) as nc, connect(server, bob.id) as other:
        assert nc.talk.available
        assert nc.user == alice.id

        room = nc.talk.create_conversation(ConversationType.GROUP, room_name="Plans")
        assert room.token in [each.token for each in nc.talk.get_user_conversations()]
        assert nc.talk.config_sha
        nc.talk.rename_conversation(room, "Great plans")
        nc.talk.set_conversation_description(room, "What we want")
        nc.talk.set_conversation_fav(room, True)
        nc.talk.set_conversation_notify_lvl(room, NotificationLevel.NEVER_NOTIFY)
        room = nc.talk.get_conversation_by_token(room)
        assert (room.name, room.description, room.is_favorite) == ("Great plans", "What we want", True)
        assert room.notification_level is NotificationLevel.NEVER_NOTIFY

        path = f"/ocs/v2.php/apps/spreed/api/v4/room/{room.token}/participants"
        nc.ocs("POST", path, json={"newParticipant": bob.id})
        people = {each.actor_id: each for each in nc.talk.list_participants(room, include_status=True)}
        assert set(people) == {alice.id, bob.id}
        assert people[alice.id].participant_type is ParticipantType.OWNER
        assert people[bob.id].participant_type is ParticipantType.USER

        question = nc.talk.send_message("Shall we?", room)
        assert (question.message, question.actor_id) == ("Shall we?", alice.id)
        assert abs(time.time() - question.timestamp) < 5
        seen = next(each for each in other.talk.get_user_conversations() if each.token == room.token)
        assert (seen.unread_messages_count, seen.last_message.message) == (1, "Shall we?")
        answer = other.talk.send_message("Yes", room, reply_to_message=question)
        read = {each.message_id: each for each in nc.talk.receive_messages(room)}
        assert (read[answer.message_id].message, read[answer.message_id].actor_id) == ("Yes", bob.id)
        assert read[answer.message_id]._raw_data["parent"]["id"] == question.message_id
        assert any(each.system_message for each in read.values())

        assert room.token in [each.token for each in nc.talk.get_user_conversations(modified_since=True)]
        nc.talk.set_conversation_public(room, True)
        nc.talk.set_conversation_password(room, "a long password")
        assert nc.talk.get_conversation_by_token(room).has_password
        nc.talk.set_conversation_public(room, False)
        nc.talk.set_conversation_readonly(room, True)
        with pytest.raises(NextcloudException) as refused:
            other.talk.send_message("Too late", room)
        assert refused.value.status_code == 403
        other.talk.leave_conversation(room)
        with pytest.raises(NextcloudException, match="404"):
            other.talk.get_conversation_by_token(room)
        nc.talk.delete_conversation(room)
        assert room.token not in [each.token for each in nc.talk.get_user_conversations()]


@needs_sync
def test_sync_client_sees_notifications(server: Server, alice: Person, bob: Person) -> None:
    token = alice.create_room()
    alice.add(token, bob)
    said = alice.say(token, f"Hello @{bob.id}")
    server.run_job("deliver_notifications")
    with connect(server, bob.id) as nc:
        told = nc.notifications.by_object_id(f"{token}/{said['id']}")
        assert (told.app_name, told.object_type, told.user_id) == ("spreed", "chat", bob.id)
        assert (told.subject, told.message) == ("Alice mentioned you in conversation Room", "Hello @Bob")
        assert abs(told.time.timestamp() - time.time()) < 5
        assert nc.notifications.get_one(told.notification_id).link.startswith(server.url)
        nc.notifications.delete(told.notification_id)
        assert nc.notifications.exists([told.notification_id]) == []
        nc.notifications.delete_all()
        assert nc.notifications.get_all() == []


async def test_async_client_holds_a_conversation(server: Server, alice: Person, bob: Person) -> None:
    async with connect_async(server, alice.id) as nc, connect_async(server, bob.id) as other:
        assert await nc.talk.available
        assert await nc.user == alice.id

        room = await nc.talk.create_conversation(ConversationType.ONE_TO_ONE, invite=bob.id)
        assert room.display_name == "Bob"
        question = await nc.talk.send_message("Hello", room)
        await other.talk.send_message("Hello yourself", room, reply_to_message=question.message_id)
        texts = [each.message for each in await other.talk.receive_messages(room) if not each.system_message]
        assert texts == ["Hello yourself", "Hello"]
        assert {each.actor_id for each in await nc.talk.list_participants(room)} == {alice.id, bob.id}
        await nc.talk.set_conversation_fav(room, True)
        listed = {each.token: each.is_favorite for each in await nc.talk.get_user_conversations()}
        assert listed[room.token]
        await nc.talk.leave_conversation(room)
        assert room.token not in [each.token for each in await nc.talk.get_user_conversations()]

        group = await nc.talk.create_conversation(ConversationType.PUBLIC, room_name="Open")
        await nc.talk.rename_conversation(group, "Wide open")
        await nc.talk.set_conversation_description(group, "For all")
        group = await nc.talk.get_conversation_by_token(group.token)
        assert (group.name, group.description) == ("Wide open", "For all")
        assert group.conversation_type is ConversationType.PUBLIC
        await nc.talk.delete_conversation(group)
        with pytest.raises(NextcloudException, match="404"):
            await nc.talk.get_conversation_by_token(group)


@needs_sync
def test_users_and_groups_are_administered(server: Server) -> None:
    user_id, group_id = unique("managed"), unique("managers")
    with connect(server, ADMIN, ADMIN_PASSWORD) as nc:
        nc.users_groups.create(group_id)
        nc.users.create(user_id, password=PASSWORD, display_name="Ada", groups=[group_id])
        assert user_id in nc.users.get_list(mask=user_id)
        user = nc.users.get_user(user_id)
        assert (user.display_name, user.groups, user.enabled) == ("Ada", [group_id], True)
        nc.users.edit(user_id, displayname="Ada L.", email="ada@example.org")
        nc.users.disable(user_id)
        assert nc.users.get_user(user_id).enabled is False
        nc.users.delete(user_id)
        nc.users_groups.delete(group_id)
        assert nc.users.get_list(mask=user_id) == []


@needs_sync
def test_sync_client_keeps_files(server: Server, alice: Person) -> None:
    with connect(server, alice.id) as nc:
        made = nc.files.upload("first.txt", content=b"first")
        assert nc.files.download(made) == b"first"
        assert nc.files.by_id(made).name == "first.txt"
        number = nc.files.by_path("first.txt").info.fileid
        assert nc.files.by_id(number).user_path == "first.txt"
        assert [each.name for each in nc.files.find(["eq", "fileid", number])] == ["first.txt"]
        nc.files.makedirs("a/b/c")
        assert nc.files.makedirs("a/b/c", exist_ok=True) is None
        with pytest.raises(NextcloudException) as refused:
            nc.files.mkdir("a")
        assert refused.value.status_code == 405
        moved = nc.files.move(made, "a/moved.txt")
        copied = nc.files.copy(moved, "a/b/copied.txt")
        assert (moved.file_id, copied.file_id == moved.file_id) == (made.file_id, False)
        with pytest.raises(NextcloudException) as refused:
            nc.files.move("a/moved.txt", "a/b/copied.txt")
        assert refused.value.status_code == 412
        nc.files.move("a/moved.txt", "a/b/copied.txt", overwrite=True)
        assert [each.user_path for each in nc.files.listdir("a", depth=-1)] == ["a/b/", "a/b/c/", "a/b/copied.txt"]
        listed = nc.files.listdir("a/b", exclude_self=False)
        assert [(each.name, each.is_dir, each.info.size) for each in listed] == [
            ("b", True, 5),
            ("c", True, 0),
            ("copied.txt", False, 5),
        ]
        assert listed[2].info.mimetype == "text/plain"
        assert listed[2].is_updatable
        assert listed[2].is_deletable
        nc.files.delete("a")
        with pytest.raises(NextcloudException) as refused:
            nc.files.delete("a")
        assert refused.value.status_code == 404
        nc.files.delete("a", not_fail=True)
        assert nc.files.listdir() == []


@needs_sync
def test_sync_client_finds_files(server: Server, alice: Person) -> None:
    with connect(server, alice.id) as nc:
        nc.files.makedirs("a/b")
        for path, size in (("one.txt", 1), ("a/Two.txt", 20), ("a/b/three.png", 300)):
            nc.files.upload(path, b"x" * size)

        def found(*query: Any, path: str = "") -> list[str]:
            return [each.user_path for each in nc.files.find([*query], path=path)]

        assert found("eq", "name", "one.txt") == ["one.txt"]
        assert found("like", "name", "%t%.t_t") == ["a/Two.txt"]
        assert found("like", "mime", "image/%") == ["a/b/three.png"]
        assert found("gt", "size", 20) == ["a/", "a/b/", "a/b/three.png"]
        assert found("and", "gte", "size", 20, "like", "name", "%.%") == ["a/Two.txt", "a/b/three.png"]
        assert found("or", "eq", "name", "one.txt", "eq", "name", "b") == ["one.txt", "a/b/"]
        assert found("like", "name", "%", path="a/b") == ["a/b/three.png"]
        assert found("lt", "last_modified", datetime(2020, 1, 1, tzinfo=UTC)) == []
        assert len(found("gt", "last_modified", datetime(2020, 1, 1, tzinfo=UTC))) == 5
        with pytest.raises(NextcloudException, match="404"):
            found("like", "name", "%", path="missing")


@needs_sync
@pytest.mark.parametrize(("size", "piece"), [(12_000_001, 5 * 1024 * 1024), (250_000, 100_000), (0, 100_000)])
def test_sync_client_sends_large_files_in_pieces(server: Server, alice: Person, size: int, piece: int) -> None:
    content = bytes(range(250)) * (size // 250) + b"!" * (size % 250)
    with connect(server, alice.id) as nc:
        made = nc.files.upload_stream("large.bin", BytesIO(content), chunk_size=piece)
        assert nc.files.by_path("large.bin").file_id == made.file_id
        got = BytesIO()
        nc.files.download2stream("large.bin", got)
        assert got.getvalue() == content


@pytest.mark.parametrize(("size", "piece"), [(12_000_001, 5 * 1024 * 1024), (250_000, 100_000)])
async def test_async_client_sends_large_files_in_pieces(server: Server, alice: Person, size: int, piece: int) -> None:
    content = bytes(range(250)) * (size // 250) + b"!" * (size % 250)
    async with connect_async(server, alice.id) as nc:
        made = await nc.files.upload_stream("large.bin", BytesIO(content), chunk_size=piece)
        assert (await nc.files.by_id(made)).name == "large.bin"
        assert await nc.files.download("large.bin") == content
        await nc.files.move("large.bin", "moved.bin")
        assert [each.name for each in await nc.files.listdir()] == ["moved.bin"]
        await nc.files.delete("moved.bin")


def test_sync_client_sends_a_file_to_a_conversation(server: Server, alice: Person, bob: Person, token: str) -> None:
    with connect(server, alice.id) as nc, connect(server, bob.id) as other:
        node = nc.files.upload("/report.txt", b"all is well")
        share, reference_id = nc.talk.send_file(node, token)
        assert (share.share_with, share.file_owner, share.path) == (token, alice.id, "report.txt")
        message = next(each for each in other.talk.receive_messages(token) if each.reference_id == reference_id)
        file = message.message_parameters["file"]
        assert file["name"] == "report.txt"
        assert other.files.download(file["path"]) == b"all is well"
        assert other.files.by_id(file["id"]).name == "report.txt"


async def test_async_client_sends_a_file_to_a_conversation(
    server: Server, alice: Person, bob: Person, token: str
) -> None:
    async with connect_async(server, alice.id) as nc, connect_async(server, bob.id) as other:
        node = await nc.files.upload("/report.txt", b"all is well")
        _, reference_id = await nc.talk.send_file(node, token)
        message = next(each for each in await other.talk.receive_messages(token) if each.reference_id == reference_id)
        assert await other.files.download(message.message_parameters["file"]["path"]) == b"all is well"
