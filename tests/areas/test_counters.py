"""The counters and markers in the room list equal a recount of the history, after any sequence of operations."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from support.running import Server
from talkd.core import clock

ASIDE = {"message_edited", "message_deleted", "reaction", "reaction_deleted", "reaction_revoked"}
"""System messages about older messages, which are never the last message of a room."""
NEVER = -2
OWNER, *OTHERS = PEOPLE = (0, 1, 2, 3)
IN_GROUP = {1, 2}

_numbers = count(1)


class Counters(RuleBasedStateMachine):
    """A room and four users. The first moderates the room and stays in it; the second and third are in a group.

    The history is read after every step. Read markers, which are not in the history, are tracked from step to step.
    """

    server: Server

    def __init__(self) -> None:
        super().__init__()
        self.now = 2_000_000_000.0
        clock.source = lambda: self.now
        self.people = [self.server.add_user(f"person{number}") for number in PEOPLE]
        self.owner = self.people[OWNER]
        self.group = self.server.add_group(*(self.people[number] for number in IN_GROUP))
        self.token = self.owner.create_room()
        self.history: list[dict[str, Any]] = []
        self.newest, self.activity = 0, 0
        self.marker: dict[int, int] = {}
        self.came: dict[int, int] = {}
        self.hides: set[int] = set()
        self.polls: list[int] = []
        self.answers: dict[int, str] = {}
        self.formerly: dict[tuple[int, int], tuple[bool, bool]] = {}
        self.has_tidied = True
        self.look()
        self.marker[OWNER] = self.came[OWNER] = self.newest
        for number in (1, 2):
            self.add(number)

    def teardown(self) -> None:
        self.owner.delete(f"v4/room/{self.token}")

    # --- counting the history ---------------------------------------------------------------
    def look(self) -> None:
        """Read the history, and store its newest message."""
        self.history = sorted(self.owner.history(self.token, limit=200), key=lambda each: each["id"])
        assert len(self.history) < 200, "one page shows the whole history, as runs are short"
        for each in self.history:
            if each["id"] > self.newest and each["systemMessage"] not in ASIDE:
                self.newest, self.activity = each["id"], each["timestamp"]

    def said(self) -> list[dict[str, Any]]:
        """Return the messages that count as unread: no system messages and no deleted ones."""
        return [each for each in self.history if not each["systemMessage"] and not each.get("deleted")]

    def names(self, message: dict[str, Any], number: int) -> tuple[bool, bool]:
        """Return whether a message mentions a user in any way, and whether directly."""
        person = self.people[number]
        if message["actorId"] == person.id:
            return False, False
        parameters = dict(message["messageParameters"])
        targets = [(key.rstrip("0123456789"), value["id"]) for key, value in parameters.items()]
        direct = ("mention-user", person.id) in targets or self.answers.get(message["id"]) == person.id
        in_group = number in IN_GROUP and ("mention-group", self.group) in targets
        return direct or in_group or any(kind == "mention-call" for kind, _ in targets), direct

    def common_read(self) -> int:
        shown = [marker for number, marker in self.marker.items() if number not in self.hides]
        return min(shown, default=0)

    @invariant()
    def the_room_list_equals_a_recount(self) -> None:
        self.look()
        for number in PEOPLE:
            rooms = self.people[number].rooms()
            if number not in self.marker:
                assert self.token not in rooms
                continue
            room, marker = rooms[self.token], self.marker[number]
            unread = [each for each in self.said() if each["id"] > marker]
            named = [self.names(each, number) for each in unread if each["id"] > self.came[number]]
            assert room["lastReadMessage"] == marker
            assert room["unreadMessages"] == len(unread)
            there = {each["id"] for each in self.history}
            is_sure = self.has_tidied and all(each.get("parent", each)["id"] in there for each in unread)
            formerly = [self.formerly.get((each["id"], number), (False, False)) for each in unread]
            for at, flag in enumerate(("unreadMention", "unreadMentionDirect")):
                self.check_flag(
                    room[flag], any(each[at] for each in named), any(each[at] for each in formerly), is_sure
                )
            assert room["lastCommonReadMessage"] == (0 if number in self.hides else self.common_read())
            news = [each["id"] for each in self.history if each["systemMessage"] not in ASIDE]
            assert room.get("lastMessage", {}).get("id") == max(news, default=None)
            assert room["lastActivity"] == self.activity

    def note(self, message: dict[str, Any], number: int) -> None:
        """Store how a message that is edited now mentions a user: they may keep the flags."""
        before = self.formerly.get((message["id"], number), (False, False))
        anyhow, direct = self.names(message, number)
        self.formerly[message["id"], number] = before[0] or anyhow, before[1] or direct

    def check_flag(self, shown: bool, expected: bool, formerly: bool, is_sure: bool) -> None:
        """Check a flag, with two exceptions.

        The flag may be missing until expired messages are deleted, because they may hide older mentions, and because
        the author of an expired parent message is unknown. And an edit that drops a mention keeps the flag until this
        or a newer message is deleted.
        """
        assert shown == expected or (not shown and not is_sure) or (shown and formerly)

    # --- operations -------------------------------------------------------------------------
    def member(self, data: st.DataObject) -> int:
        """Return a random member of the room."""
        return data.draw(st.sampled_from(sorted(self.marker)), label="who")

    def message(self, data: st.DataObject) -> dict[str, Any] | None:
        """Return a random message, or None if there are none."""
        said = self.said()
        return data.draw(st.sampled_from(said), label="message") if said else None

    def text(self, data: st.DataObject) -> str:
        """Return a random text, which may contain mentions."""
        people = [f'@"{person.id}"' for person in self.people]
        names = st.lists(
            st.sampled_from([*people, "@all", f'@"group/{self.group}"']), min_size=1, max_size=2, unique=True
        )
        return " ".join([f"Message {next(_numbers)}", *data.draw(names, label="names")])

    @rule(data=st.data(), silent=st.booleans())
    def say(self, data: st.DataObject, silent: bool) -> None:
        who = self.member(data)
        self.marker[who] = self.people[who].say(self.token, self.text(data), silent=silent)["id"]

    @rule(data=st.data())
    def reply(self, data: st.DataObject) -> None:
        who, message = self.member(data), self.message(data)
        if message is not None:
            sent = self.people[who].say(self.token, self.text(data), replyTo=message["id"])
            self.marker[who] = sent["id"]
            self.answers[sent["id"]] = message["actorId"]

    @rule(data=st.data())
    def edit(self, data: st.DataObject) -> None:
        message = self.message(data)
        if message is not None and "object" not in message["messageParameters"]:
            for number in self.marker:
                self.note(message, number)
            status = self.owner.status("PUT", f"v1/chat/{self.token}/{message['id']}", message=self.text(data))
            assert status == 200

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        message = self.message(data)
        if message is not None:
            self.owner.delete(f"v1/chat/{self.token}/{message['id']}")

    @rule(data=st.data(), emoji=st.sampled_from("👍🎉"))
    def react(self, data: st.DataObject, emoji: str) -> None:
        who, message = self.member(data), self.message(data)
        if message is not None:
            path = f"v1/reaction/{self.token}/{message['id']}"
            if self.people[who].status("DELETE", path, reaction=emoji) == 404:
                self.people[who].post(path, reaction=emoji)

    @rule(data=st.data())
    def ask(self, data: st.DataObject) -> None:
        who = self.member(data)
        poll = self.people[who].post(
            f"v1/poll/{self.token}", question="Where?", options=["Here", "There"], resultMode=0, maxVotes=1
        )
        self.polls.append(poll["id"])
        self.look()
        self.marker[who] = self.newest

    @precondition(lambda self: self.polls)
    @rule(data=st.data())
    def vote(self, data: st.DataObject) -> None:
        who, poll = self.member(data), data.draw(st.sampled_from(self.polls), label="poll")
        self.people[who].request("POST", f"v1/poll/{self.token}/{poll}", optionIds=[0])  # it may be closed or deleted

    @precondition(lambda self: self.polls)
    @rule(data=st.data())
    def close(self, data: st.DataObject) -> None:
        poll = self.polls.pop(data.draw(st.integers(0, len(self.polls) - 1), label="poll"))
        if self.owner.status("DELETE", f"v1/poll/{self.token}/{poll}") == 200:
            self.look()
            self.marker[OWNER] = self.newest

    @rule(data=st.data())
    def read(self, data: st.DataObject) -> None:
        who = self.member(data)
        ids = [each["id"] for each in self.history if each["id"] >= self.came[who]]
        last = data.draw(st.sampled_from([None, *ids]), label="up to")
        self.people[who].post(f"v1/chat/{self.token}/read", lastReadMessage=last)
        self.marker[who] = self.newest if last is None else last

    @rule(data=st.data())
    def mark_unread(self, data: st.DataObject) -> None:
        who = self.member(data)
        said = [each["id"] for each in self.said() if each["id"] > self.came[who]]
        if len(said) < 2:
            return
        self.people[who].delete(f"v1/chat/{self.token}/read")
        self.marker[who] = said[-2]

    @rule(data=st.data())
    def wait(self, data: st.DataObject) -> None:
        who = self.member(data)
        if not self.history:
            return
        known = data.draw(st.sampled_from(self.history), label="after")["id"]
        self.people[who].get(f"v1/chat/{self.token}", lookIntoFuture=1, lastKnownMessageId=known, timeout=0)
        self.marker[who] = max(self.marker[who], known)

    @rule(number=st.sampled_from(OTHERS))
    def add(self, number: int) -> None:
        if number not in self.marker:
            self.look()
            self.marker[number] = self.came[number] = self.newest
            self.owner.add(self.token, self.people[number])

    @rule(number=st.sampled_from(OTHERS), by_himself=st.booleans())
    def part(self, number: int, by_himself: bool) -> None:
        if self.marker.pop(number, None) is None:
            return
        if by_himself:
            self.people[number].delete(f"v4/room/{self.token}/participants/self")
        else:
            attendee = self.owner.attendee(self.token, self.people[number])
            self.owner.delete(f"v4/room/{self.token}/attendees", attendeeId=attendee)

    @rule(number=st.sampled_from(PEOPLE))
    def hide_or_show_reading(self, number: int) -> None:
        self.hides ^= {number}
        self.people[number].post("v1/settings/user", key="read_status_privacy", value=int(number in self.hides))

    @rule()
    def rename(self) -> None:
        self.owner.put(f"v4/room/{self.token}", roomName=f"Room {next(_numbers)}")

    @rule()
    def clear(self) -> None:
        self.owner.delete(f"v1/chat/{self.token}")
        self.polls.clear()
        self.look()
        for number in self.marker:
            self.marker[number], self.came[number] = NEVER, self.newest

    @rule(data=st.data(), seconds=st.sampled_from([60, 300]))
    def say_for_a_while(self, data: st.DataObject, seconds: int) -> None:
        who = self.member(data)
        self.owner.post(f"v4/room/{self.token}/message-expiration", seconds=seconds)
        self.marker[who] = self.people[who].say(self.token, self.text(data))["id"]
        self.owner.post(f"v4/room/{self.token}/message-expiration", seconds=0)

    @rule(seconds=st.sampled_from([100, 400]))
    def let_time_pass(self, seconds: int) -> None:
        self.now += seconds
        self.has_tidied = False

    @rule()
    def tidy(self) -> None:
        self.server.run_job("end_timed_out_sessions", "delete_old_signaling", "delete_expired_messages")
        self.has_tidied = True


@contextmanager
def own_time() -> Iterator[None]:
    before = clock.source
    try:
        yield
    finally:
        clock.source = before


def test_counters_equal_a_recount(server: Server) -> None:
    machine = type("Counters", (Counters,), {"server": server})
    with own_time():
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=8,
                stateful_step_count=40,
                phases=[Phase.generate],  # shrinking a failure would take minutes
                derandomize=True,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
