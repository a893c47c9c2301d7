"""The grammar of mentions, by itself and through the server."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from support.people import Person
from talkd.core.mentions import list_meant, list_mentions, replace_mentions

PEOPLE = ("bob", "o'brien", "o", "x@y@z", "x", "dotend.", "dot.end", "a-b", "user-x", "s", "scope")
KNOWN = {("users", name): f"<{name}>" for name in PEOPLE} | {("all", "all"): "<all>"}


def marked(text: str) -> str:
    """Return the text with `{<id>}` instead of each mention of one of PEOPLE."""
    return replace_mentions(text, list_mentions(text), KNOWN)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # ids that end in punctuation or contain it
        ("@o'brien please call", "{<o'brien>} please call"),
        ("@o’brien please call", "{<o'brien>} please call"),
        ("@o'neill please call", "@o'neill please call"),
        ("@o’neill please call", "@o’neill please call"),
        ("@x@y@z hi", "{<x@y@z>} hi"),
        ("@x@y hi", "@x@y hi"),
        ("@bob@o hi", "@bob@o hi"),
        ("@bob@例え.jp", "@bob@例え.jp"),
        ("@dotend. hi", "{<dotend.>} hi"),
        ("@dot.end. Hi", "{<dot.end>}. Hi"),
        ("@bob... @bob.", "{<bob>}... {<bob>}."),
        ("@bob's and @bob’s, @bob'll @o'brien's", "{<bob>}'s and {<bob>}’s, {<bob>}'ll {<o'brien>}'s"),
        (
            "@bob- @bob, @bob! @bob? (@bob) '@bob' _@bob_ *@bob*",
            "{<bob>}- {<bob>}, {<bob>}! {<bob>}? ({<bob>}) '{<bob>}' _{<bob>}_ *{<bob>}*",
        ),
        ("@BOB and @O'Brien", "{<bob>} and {<o'brien>}"),
        ('@"bob"bob @"x@y@z" @"nobody"', '{<bob>}bob {<x@y@z>} @"nobody"'),
        # characters next to a mention
        ("@bobさん、お願いします", "{<bob>}さん、お願いします"),
        ("@bob你好", "{<bob>}你好"),
        ("你好@bob 谢谢", "你好{<bob>} 谢谢"),
        ("@bob님 @bobу, (@bob)", "{<bob>}님 {<bob>}у, ({<bob>})"),
        ("@bobé @bobe\u0301 @bobby", "@bobé @bobe\u0301 @bobby"),
        ("mail@bob é@bob 1@bob x_@bob a+@bob @@bob \\@bob", "mail@bob é@bob 1@bob x_@bob a+@bob @@bob \\@bob"),
        (".@bob -@bob", ".{<bob>} -{<bob>}"),
        ("@all, @ALL @allan", "{<all>}, @ALL @allan"),
        # code
        ("use `@bob` here @bob", "use `@bob` here {<bob>}"),
        ("``x @bob`` ```` ` @bob ````", "``x @bob`` ```` ` @bob ````"),
        ("``x @bob`", "``x {<bob>}`"),
        ("`a @bob", "`a {<bob>}"),
        ("`a\n@bob\nb`", "`a\n@bob\nb`"),
        ("`a\n\n@bob`", "`a\n\n{<bob>}`"),
        ("\\`@bob`", "\\`{<bob>}`"),
        ("\\\\`@bob`", "\\\\`@bob`"),
        ("```\n@bob\n```\n@o", "```\n@bob\n```\n{<o>}"),
        ("~~~\n@all\n~~~", "~~~\n@all\n~~~"),
        ("~~~~ py `x`\n~~~\n@bob\n~~~~~  \n@o", "~~~~ py `x`\n~~~\n@bob\n~~~~~  \n{<o>}"),
        ("```\n~~~\n@bob\n```", "```\n~~~\n@bob\n```"),
        ("````\n```\n@bob", "````\n```\n@bob"),
        ("text\n   ```\n   @bob\n   ```\n@o", "text\n   ```\n   @bob\n   ```\n{<o>}"),
        ("- ```\n  @bob\n  ```\n1. ~~~\n   @o", "- ```\n  @bob\n  ```\n1. ~~~\n   @o"),
        ("> ```\n> @bob\n\n@o", "> ```\n> @bob\n\n{<o>}"),
        ("> ```\n> @bob\n> ```\n> @o", "> ```\n> @bob\n> ```\n> {<o>}"),
        ("``` @bob ```", "``` @bob ```"),
        # links
        ("https://example.org/@bob and @bob", "https://example.org/@bob and {<bob>}"),
        ("https://example.org/?q=@bob&to=x", "https://example.org/?q=@bob&to=x"),
        ("see www.example.org/@bob", "see www.example.org/@bob"),
        ("[@bob](/a/@bob) <mailto:@bob>", "[{<bob>}](/a/@bob) <mailto:@bob>"),
    ],
)
def test_mentions_are_recognised_in_text(text: str, expected: str) -> None:
    assert marked(text) == expected


ANYTHING = st.lists(
    st.sampled_from(
        [
            "@",
            "bob",
            "o'brien",
            "'",
            "`",
            "``",
            "```",
            "~~~",
            "\n",
            "\n\n",
            "> ",
            "- ",
            " ",
            ".",
            "\\",
            '"',
            "(",
            ")",
            "https://x.y/",
            "你",
            "é",
            "[",
            "](",
            "<",
            "{mention-user1}",
            "all",
        ]
    ),
    max_size=30,
).map("".join)


@given(ANYTHING)
@example('@"')
def test_text_around_mentions_stays_as_it_is(text: str) -> None:
    end = 0
    for mention in list_mentions(text):
        ends = [reading.end for reading in mention.readings]
        assert end <= mention.start < ends[-1] <= ends[0] <= len(text)
        assert ends == sorted(ends, reverse=True)
        assert text[mention.start] == "@"
        end = ends[0]
    assert replace_mentions(text, list_mentions(text), {}) == text


@given(ANYTHING, st.sampled_from(["`", "``", "`````"]))
def test_code_never_mentions_anybody(text: str, ticks: str) -> None:
    inner = text.replace("`", "").replace("\n", " ").strip() or "x"
    assert list_meant(list_mentions(f"{ticks} {inner} {ticks}"), KNOWN) == []
    assert list_meant(list_mentions(f"~~~~\n{text}"), KNOWN) == [] or "~~~~" in text
    assert list_meant(list_mentions(f"````\n{text}"), KNOWN) == [] or "````" in text


@given(st.text(max_size=20).filter(lambda text: not set(text) & set("`<[]~@\\\r\n")), st.sampled_from(PEOPLE))
def test_a_mention_between_spaces_always_counts(before: str, name: str) -> None:
    assert ("users", name) in list_meant(list_mentions(f"{before} @{name} and so on"), KNOWN)


@pytest.mark.parametrize("piece", ["@", "`", "](", "@bob ", "`@", "```\n", "> ", "@a'", "<a:", "https://", '@"', "\\`"])
def test_the_longest_message_is_parsed_within_a_second(piece: str) -> None:
    text = (piece * 32_000)[:32_000]
    started = time.process_time()
    list_mentions(text)
    assert time.process_time() - started < 1


# --- through the server ---------------------------------------------------------------------
def test_typed_placeholders_stay_text(alice: Person, bob: Person, token: str) -> None:
    said = alice.say(token, f"write {{mention-user1}} or {{mention-user3}} to mention, @{bob.id} @{alice.id} {{actor}}")
    named = {key: value["id"] for key, value in said["messageParameters"].items()}
    assert sorted(named) == ["mention-user2", "mention-user4"]
    assert set(named.values()) == {alice.id, bob.id}
    assert "{mention-user1} or {mention-user3}" in said["message"]
    said = alice.say(token, "{mention-call1} is not @all")
    assert said["message"] == "{mention-call1} is not {mention-call2}"
    assert list(said["messageParameters"]) == ["mention-call2"]
    changed = alice.put(f"v1/chat/{token}/{said['id']}", message=f"{{mention-user1}} {{mention-call1}} @{bob.id}")
    assert list(changed["parent"]["messageParameters"]) == ["mention-user2"]


def test_user_ids_in_mentions_ignore_case(alice: Person, bob: Person, token: str) -> None:
    said = alice.say(token, f'Hi @{bob.id.upper()}, @{bob.id} and @"{bob.id.title()}"')
    assert said["message"] == "Hi {mention-user1}, {mention-user1} and {mention-user1}"
    assert said["messageParameters"]["mention-user1"]["id"] == bob.id
    assert bob.room(token)["unreadMentionDirect"] is True


def test_code_mentions_nobody(alice: Person, bob: Person, token: str) -> None:
    said = alice.say(token, f"use `@{bob.id}`\n```\n@all\n```")
    assert said["messageParameters"] == []
    assert bob.room(token)["unreadMention"] is False


def test_a_placeholder_in_a_room_name_is_shown_as_text(alice: Person, bob: Person, token: str) -> None:
    alice.put(f"v4/room/{token}", roomName="The {actor} and {user} show")
    for person, text in ((alice, "You"), (bob, "{actor}")):
        renamed = person.history(token)[0]
        assert renamed["message"].startswith(f'{text} renamed the conversation from "Room" to "The {{typed-actor}} and')
        assert renamed["messageParameters"]["typed-actor"] == {"type": "highlight", "id": "{actor}", "name": "{actor}"}
        assert sorted(renamed["messageParameters"]) == ["actor", "typed-actor"]
