"""The grammar of mentions: their positions in a text, and the actors that each can mean.

`@name` and `@"anything"` (for groups, guests and ids with spaces) are mentions. Code, the addresses of links and
words such as e-mail addresses contain none. A backslash before the @ makes a mention plain text.

An id may end with punctuation, so a mention has several readings, the longest first: `@bob's.` means the account
`bob's.`, else `bob's`, else `bob`.
"""

import re
import unicodedata
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from string import digits

from talkd.core.names import folded

ALL = "all"
"""Kind and id of the mention of everybody in the room."""

Target = tuple[str, str]
"""Kind and id of a mentioned actor. The kind is an actor type, or `ALL`."""

_MENTION = re.compile(r"""@(?:"(?P<quoted>[^"\r\n]{1,300})"|(?P<plain>[A-Za-z0-9_.\-@'’]{1,300}))""")
_PUNCTUATION = ".'’-_"
"""Characters that can be part of an id, or punctuation after a name."""
_CONTRACTION = re.compile(r"['’](?:s|d|ll|re|ve)$", re.IGNORECASE)
_ADDRESS_BEFORE = re.compile(r"[A-Za-z0-9][_+\-]+$")
_ADDRESS_LENGTH = 64
_KINDS = (
    ("guest/", "guests"),
    ("email/", "emails"),
    ("group/", "groups"),
    ("user-group/", "groups"),
    ("federated_user/", "federated_users"),
    ("team/", "circles"),
    ("circle/", "circles"),
)


@dataclass(frozen=True, slots=True)
class Reading:
    """An actor that a mention can mean, with the end of the mention in that case, and the length of the name."""

    target: Target
    end: int
    length: int


@dataclass(frozen=True, slots=True)
class Mention:
    """A mention in a text. It means the first reading whose target exists."""

    start: int
    readings: tuple[Reading, ...]

    def meant(self, known: Container[Target]) -> Reading | None:
        """Return the first reading with a `known` target, or None if the mention is plain text."""
        return next((reading for reading in self.readings if reading.target in known), None)


def list_mentions(text: str) -> list[Mention]:
    """Return the mentions of a text, in order."""
    if "@" not in text:
        return []
    hidden = bytearray(len(text))
    for begin, end in _opaque_spans(text):
        hidden[begin:end] = b"\1" * (end - begin)
    found = []
    position = text.find("@")
    while position >= 0:
        match = _MENTION.match(text, position)
        done = position + 1
        if match and not hidden[position] and _can_start(text, position):
            done = match.end()
            readings = _readings(text, match)
            if readings:
                found.append(Mention(position, readings))
        position = text.find("@", done)
    return found


def list_meant(mentions: Iterable[Mention], known: Container[Target]) -> list[Target]:
    """Return the `known` targets that are mentioned, without repetition.

    Longer names come first, because Nextcloud numbers the placeholders of mentions in that order.
    """
    lengths: dict[Target, int] = {}
    for mention in mentions:
        reading = mention.meant(known)
        if reading is not None:
            lengths.setdefault(reading.target, reading.length)
    return sorted(lengths, key=lambda target: -lengths[target])


def replace_mentions(text: str, mentions: Iterable[Mention], keys: Mapping[Target, str]) -> str:
    """Replace each mention of a target in `keys` by `{key}`. Other mentions stay as they are."""
    parts: list[str] = []
    done = 0
    for mention in mentions:
        reading = mention.meant(keys)
        if reading is not None:
            parts += text[done : mention.start], "{", keys[reading.target], "}"
            done = reading.end
    return "".join((*parts, text[done:]))


def _can_start(text: str, start: int) -> bool:
    """Return False if the @ is part of a word, such as an e-mail address, or is escaped."""
    before = text[start - 1 : start]
    if not before:
        return True
    if before in "@\\" or before in digits or _is_latin(before):
        return False
    return before not in "_+-" or not _ADDRESS_BEFORE.search(text[max(0, start - _ADDRESS_LENGTH) : start])


def _readings(text: str, match: re.Match[str]) -> tuple[Reading, ...]:
    """Return the readings of a mention, the longest first. A mention directly before a Latin letter has none."""
    quoted, run = match["quoted"], match["plain"]
    if quoted is not None:
        return (Reading(_target(quoted), match.end(), len(quoted)),)
    after = text[match.end() : match.end() + 1]
    if after and (_is_latin(after) or unicodedata.combining(after)):
        return ()
    names = [run]
    while run and (run[-1] in _PUNCTUATION or _CONTRACTION.search(run)):
        run = run[:-1] if run[-1] in _PUNCTUATION else _CONTRACTION.sub("", run)
        names.append(run)
    typed = ((name.replace("’", "'"), match.start() + 1 + len(name)) for name in names if name)
    return tuple(Reading(_target(name), end, len(name)) for name, end in typed)


def _is_latin(character: str) -> bool:
    """Return True for a Latin letter. Letters of scripts without spaces, such as Chinese, may touch a mention."""
    if character.isascii():
        return character.isalpha()
    return character.isalpha() and unicodedata.name(character, "").startswith(("LATIN", "FEMININE", "MASCULINE"))


def _target(name: str) -> Target:
    """Return the target of the text after an @. User ids are returned in lower case, because case does not matter."""
    if name == ALL:
        return ALL, ALL
    for prefix, kind in _KINDS:
        if name.startswith(prefix) and len(name) > len(prefix):
            return kind, name if kind in ("guests", "emails") else name[len(prefix) :]
    return "users", folded(name)


# --- code and links -------------------------------------------------------------------------
_FENCE = re.compile(
    r"(?P<container>(?:[ \t]*(?:>|[-*+][ \t]|\d{1,9}[.)][ \t]))*)[ \t]*(?P<fence>`{3,}(?=[^`\n]*$)|~{3,})"
)
_QUOTE = re.compile(r"(?:[ \t]*>)*")
_BACKTICKS = re.compile(r"(?<!`)`+(?!`)")
_LINK = re.compile(
    r"""(?<![A-Za-z0-9])(?:[a-z][a-z0-9+.\-]{1,31}://|mailto:|www\.)[^\s<>"`]+"""
    r"""|\]\([^()\n]*\)"""
    r"""|<[a-z][a-z0-9+.\-]{1,31}:[^\s<>]*>""",
    re.IGNORECASE,
)


def _opaque_spans(text: str) -> list[tuple[int, int]]:
    """Return the begin and end of each part of the text that is code or the address of a link."""
    spans, open_text = _fenced_spans(text)
    for begin, end in open_text:
        spans += _code_spans(text, begin, end)
    return spans + [match.span() for match in _LINK.finditer(text)]


def _fenced_spans(text: str) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return the fenced code blocks, and the paragraphs between them. Inline code ends at a blank line."""
    fenced: list[tuple[int, int]] = []
    paragraphs: list[tuple[int, int]] = []
    fence, depth, begin, paragraph, position = "", 0, 0, 0, 0
    for line in text.splitlines(keepends=True):
        content = line.rstrip("\r\n")
        quotes = _QUOTE.match(content)
        quoting = quotes[0].count(">") if quotes else 0
        if fence and quoting < depth:  # a code block ends with the quotation around it
            fenced.append((begin, position))
            fence, paragraph = "", position
        opening = _FENCE.match(content)
        if fence:
            marks = content[quotes.end() if quotes and depth else 0 :].strip(" \t")
            if len(marks) >= len(fence) and not marks.strip(fence[0]):
                fenced.append((begin, position + len(line)))
                fence, paragraph = "", position + len(line)
        elif opening:
            paragraphs.append((paragraph, position))
            fence, depth, begin = opening["fence"], opening["container"].count(">"), position
        elif not content.strip(" \t>"):
            paragraphs.append((paragraph, position))
            paragraph = position
        position += len(line)
    if fence:
        fenced.append((begin, position))
    else:
        paragraphs.append((paragraph, position))
    return fenced, paragraphs


def _code_spans(text: str, begin: int, end: int) -> list[tuple[int, int]]:
    """Return the inline code of a paragraph: from a run of backticks to the next run of the same length."""
    runs = [match.span() for match in _BACKTICKS.finditer(text, begin, end)]
    later: dict[int, list[int]] = {}
    for number, (start, stop) in reversed(list(enumerate(runs))):
        later.setdefault(stop - start, []).append(number)
    spans, number = [], 0
    while number < len(runs):
        start, stop = runs[number]
        if start > begin and text[start - 1] == "\\" and not _is_escaped(text, start - 1, begin):
            start += 1  # only the first backtick of the run is escaped
        candidates = later.get(stop - start, [])
        while candidates and candidates[-1] <= number:
            candidates.pop()
        if stop > start and candidates:
            number = candidates[-1]
            spans.append((start, runs[number][1]))
        number += 1
    return spans


def _is_escaped(text: str, position: int, begin: int) -> bool:
    """Return True if there is an odd number of backslashes before the position."""
    backslashes = position - begin - len(text[begin:position].rstrip("\\"))
    return backslashes % 2 == 1
