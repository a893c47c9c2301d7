"""Random texts: their length, their characters, and that `source` decides them."""

import random
from collections import Counter

import pytest

from talkd.core import ids


@pytest.mark.parametrize("alphabet", ["0123456789", "abc", ids._SECRET_ALPHABET, ids._SESSION_ALPHABET])
def test_every_character_is_about_equally_likely(monkeypatch: pytest.MonkeyPatch, alphabet: str) -> None:
    monkeypatch.setattr(ids, "source", random.Random(7))
    count = 2_000 * len(alphabet)
    found = Counter(ids.text(count, alphabet))
    assert set(found) == set(alphabet)
    assert found.total() == count
    assert all(1_700 < times < 2_300 for times in found.values()), found


def test_the_source_decides_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = []
    for seed in (1, 1, 2):
        monkeypatch.setattr(ids, "source", random.Random(seed))
        texts.append((ids.text(20), ids.new_session_id(), ids.new_pin(), ids.new_app_password()))
    assert texts[0] == texts[1]
    assert all(first != second for first, second in zip(texts[0], texts[2], strict=True))


def test_a_session_id_has_512_characters() -> None:
    assert len({ids.new_session_id() for _ in range(100)}) == 100
    assert len(ids.new_session_id()) == 512
