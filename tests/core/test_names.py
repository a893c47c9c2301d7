"""Cleaning of names."""

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkd.core.names import cleaned, cleaned_text

FAMILY, RAINBOW, HEART = "👩‍👩‍👧", "🏳️‍🌈", "❤️"
SCOTLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"

INTACT = (
    "Anna / Ben",
    "O'Brien",
    "Zoë",
    "名前",
    "Дмитрий",
    "أحمد",
    "דוד",
    "a  b",
    "C++",
    "100 %",
    "e\u0301",
    FAMILY,
    RAINBOW,
    HEART,
    "👍🏽",
    "🇪🇺",
    "1️⃣",
    "☎\ufe0e",
    SCOTLAND,
    f"Team {FAMILY} {SCOTLAND}",
    "می\u200cخواهم",
    "نامه\u200cای",
    "क\u094d\u200dष",
    "र\u094d\u200c",
    "ശ\u0d4d\u0d30\u0d40",
    "രാമന\u0d4d\u200d",
    "ශ\u0dca\u200dර\u0dd3",
    "র\u200d\u09cdয",
    "葛\U000e0100飾区",
    "ᠮᠣᠩᠭᠣᠯ\u180b",
    "Việt Nam",
    "Vie\u0323\u0302t",
    "ש\u05bc\u05c1\u05b8\u0591\u05bd",
    "ཧ\u0f90\u0fa8\u0fb3\u0fba\u0fbc\u0f7b\u0f82",
    "\U0001fae8\U0001fadf",  # newer than some versions of Python
)
CHANGED = {
    " a ": "a",
    "\u202eecila\u202c": "ecila",
    "a\u2066b\u2069\u200e\u200f\u061c": "ab",
    "a\nb\x1b[31m": "a b[31m",
    "a\r\n\r\nb": "a b",
    "a\u2028b\u2029c\x85d\x0be": "a b c d e",
    "a\tb": "a b",
    "a\u200bb\u2060\ufeff\u00ad\u180e": "ab",
    "a\u200db\u200cc": "abc",
    "م\u200c": "م",
    "م\u200c\u200cن": "م\u200cن",
    "👩\u200d": "👩",
    "a\ufe0f1\ufe0f": "a1",
    "🈲\ufe0e\ufe0e": "🈲\ufe0e",
    "1\ufe0f\ufe0f\u20e3": "1\ufe0f\u20e3",
    "🇪🇺\ufe0f\ufe0f": "🇪🇺\ufe0f",
    "葛\U000e0100\U000e0101": "葛\U000e0100",
    "a\U000e0100": "a",
    "😀\U000e0061\U000e0062\U000e0063\U000e007f": "😀",
    "x\U000e0041": "x",
    "a\u3164\uffa0\u115f\u034fb": "ab",
    "a\u2800b": "a b",
    "a\ue000\u0378\uffffb": "ab",
    "a\ud800b": "ab",
    "Z" + "\u0310\u0348" * 40 + "a": "Z" + "\u0310\u0348" * 4 + "a",
    "ก" + "\u0e47" * 30: "ก" + "\u0e47" * 8,
    "a" + "\u20dd" * 30 + "b": "a" + "\u20dd" * 8 + "b",
    "م" + "\u064e\u200d" * 20 + "ن": "م" + "\u064e\u200d" * 8 + "ن",
}
EMPTY = (
    "",
    " ",
    "\u200b",
    "\u2060\u200b",
    "\u3164",
    "\u2800",
    "\u202e",
    "\n",
    "\ufeff",
    "\u00ad",
    "\u3000",
    "\x00",
)
UNSEEN = {"Cc", "Co", "Cs", "Zl", "Zp"}
BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"

pieces = st.one_of(
    st.characters(),
    st.characters(categories=["Cc", "Cf", "Mn", "Zs"]),
    st.sampled_from([*"\u200c\u200d\ufe0e\ufe0f\u20e31مक\u094dन葛🏴😀👧", FAMILY, SCOTLAND, SCOTLAND[1:]]),
)
texts = st.lists(pieces, max_size=12).map("".join)


@pytest.mark.parametrize("name", INTACT)
def test_visible_characters_and_emojis_stay(name: str) -> None:
    assert cleaned(name) == name


@pytest.mark.parametrize("name", CHANGED)
def test_invisible_characters_are_removed(name: str) -> None:
    assert cleaned(name) == CHANGED[name]


@pytest.mark.parametrize("name", EMPTY)
def test_a_name_without_visible_characters_becomes_empty(name: str) -> None:
    assert cleaned(name) == ""


@given(texts)
def test_a_cleaned_name_is_one_visible_line(text: str) -> None:
    name = cleaned(text)
    assert name == name.strip() == cleaned(name)
    assert len(name.splitlines()) <= 1
    assert not {unicodedata.category(character) for character in name} & UNSEEN
    assert not set(name) & set(BIDI)


@given(texts)
def test_joiners_and_selectors_follow_a_visible_character(text: str) -> None:
    name = cleaned(text)
    unseen = "\u200c\u200d\ufe0e\ufe0f"
    assert name[:1] not in tuple(unseen)
    assert all(not (one in unseen and other == one) for one, other in pairwise(name))


@given(st.lists(texts, max_size=4))
def test_a_text_keeps_its_lines(lines: list[str]) -> None:
    text = cleaned_text("\n".join(lines))
    assert text == cleaned_text(text)
    assert not set(text) & set(BIDI)
    assert " ".join(filter(None, map(str.strip, text.split("\n")))) == cleaned("\n".join(lines))


@pytest.mark.parametrize("between", ["", "\u180b", "\ufe0f", "\u202e", "\u200c"])
def test_a_joiner_stays_if_the_next_visible_character_joins(between: str) -> None:
    assert cleaned(f"\u0646\u200c{between}\u0645") == "\u0646\u200c\u0645"
    assert cleaned(f"\u0646\u200c{between}") == "\u0646"
    assert cleaned(f"\u0646\u200c{between}x") == "\u0646x"


def test_a_text_keeps_empty_lines_and_indentation() -> None:
    assert cleaned_text("One\r\n\r\n  - two\u202e\n") == "One\n\n  - two"
