"""Only moderators with an account see the e-mail address that somebody was invited by."""

import pytest

from support.people import PUBLIC, TALK, Person
from support.running import Server, unique
from talkd.conversation import attendee_store, room_store
from talkd.storage.database import Tx


class Meeting:
    """A room with a call. alice moderates, bob is a member, gail is a guest moderator, vera was invited by e-mail."""

    def __init__(self, server: Server) -> None:
        self.address = f"{unique('vera')}@example.org"
        self.alice, self.bob = server.add_user("alice"), server.add_user("bob")
        self.gail, self.vera = server.visitor(), server.visitor()
        self.token = self.alice.create_room(PUBLIC)
        self.alice.add(self.token, self.bob)
        self.alice.add(self.token, self.address, "emails")
        self.gail_id = self.gail.join(self.token)["actorId"]
        self._moderate(self.gail_id)
        joined = self.vera.join(self.token, email=self.address, access=self._access(server))
        self.vera_id = joined["actorId"]
        for each in (self.alice, self.bob):
            each.join(self.token)
        for each in (self.alice, self.bob, self.gail, self.vera):
            each.post(f"v4/call/{self.token}", flags=1)

    def _access(self, server: Server) -> str:
        async def work(tx: Tx) -> str:
            room = await room_store.get_room(tx, self.token)
            assert room is not None
            everybody = await attendee_store.list_attendees(tx, room.id)
            return next(each.access_token for each in everybody if each.invited_address == self.address)

        return server.read(work)

    def _moderate(self, actor_id: str, method: str = "POST") -> None:
        attendee_id = self.alice.attendee(self.token, actor_id)
        self.alice.request(method, f"v4/room/{self.token}/moderators", attendeeId=attendee_id)

    def leave_traces(self) -> int:
        """Let vera do everything that shows her name to others. Return the id of a poll."""
        said = self.vera.say(self.token, "hello from vera")
        asked = self.alice.say(self.token, f'@"email/{self.vera_id}" and @"{self.bob.id}"')
        self.bob.say(self.token, "yes", replyTo=said["id"])
        self.vera.post(f"v1/reaction/{self.token}/{asked['id']}", reaction="👍")
        self.vera.say(self.token, f'@"{self.bob.id}"')
        poll = self.alice.post(f"v1/poll/{self.token}", question="?", options=["a", "b"], resultMode=0, maxVotes=1)
        self.vera.post(f"v1/poll/{self.token}/{poll['id']}", optionIds=[0])
        self._moderate(self.vera_id)
        self._moderate(self.vera_id, "DELETE")
        self.asked = asked["id"]
        return int(poll["id"])

    def everything(self, who: Person, poll: int) -> dict[str, str]:
        """Return the answers to all requests that show people of the room, by path."""
        token = self.token
        addresses = [
            f"{TALK}v4/room/{token}",
            f"{TALK}v4/room/{token}/participants?includeStatus=true",
            f"{TALK}v3/room/{token}/participants",
            f"{TALK}v1/chat/{token}/mentions?search=",
            f"{TALK}v1/chat/{token}/mentions?search=vera",
            f"{TALK}v1/chat/{token}?lookIntoFuture=0",
            f"{TALK}v1/reaction/{token}/{self.asked}",
            f"{TALK}v1/poll/{token}/{poll}",
            f"{TALK}v4/call/{token}",
            f"{TALK}v4/call/{token}/download",
            f"{TALK}v1/ban/{token}",
            f"{TALK}v4/room",
            "/ocs/v2.php/apps/notifications/api/v2/notifications",
            "/ocs/v2.php/search/providers/talk-message/search?term=vera",
        ]
        return {address: who.http.get(address).text for address in addresses}


@pytest.fixture
def meeting(server: Server) -> Meeting:
    return Meeting(server)


def test_only_moderators_with_an_account_see_the_address(meeting: Meeting) -> None:
    poll = meeting.leave_traces()
    for who in (meeting.bob, meeting.gail, meeting.vera):
        leaks = [address for address, text in meeting.everything(who, poll).items() if meeting.address in text.lower()]
        assert leaks == []
    seen = [address for address, text in meeting.everything(meeting.alice, poll).items() if meeting.address in text]
    assert [address.rpartition("/")[2] for address in seen] == ["participants?includeStatus=true", "download"]


def test_the_attendance_shows_guest_moderators_no_address(server: Server, meeting: Meeting) -> None:
    change = {"key": "email", "value": f"{unique('bob')}@example.net"}
    server.admin.put(f"/ocs/v2.php/cloud/users/{meeting.bob.id}", json=change)
    path = f"v4/call/{meeting.token}/download"
    assert change["value"] in meeting.alice.request("GET", path).text
    shown = meeting.gail.request("GET", path)
    assert (shown.status_code, "@" in shown.text) == (200, False)


def test_a_ban_does_not_show_the_address(meeting: Meeting) -> None:
    banned = meeting.alice.post(f"v1/ban/{meeting.token}", actorType="emails", actorId=meeting.vera_id)
    assert banned["bannedDisplayName"] == meeting.vera_id


@pytest.mark.parametrize("name", ["{0}", "Vera <{0}>", "{1}"])
def test_a_name_that_contains_the_address_is_left_out(sqlite_server: Server, name: str) -> None:
    alice, address = sqlite_server.add_user("alice"), f"{unique('vera')}@example.org"
    token = alice.create_room(PUBLIC)
    sheet = f"name,email\n{name.format(address, address.upper())},{address}\n".encode()
    answer = alice.http.post(f"{TALK}v4/room/{token}/import-emails", files={"file": ("list.csv", sheet)})
    assert answer.status_code == 200
    (vera,) = [each for each in alice.participants(token).values() if each["actorType"] == "emails"]
    assert (vera["displayName"], vera["invitedActorId"]) == ("", address)
