"""The texts of the server's own pages, one catalogue for each language.

A text may contain HTML; values that are filled in are escaped. A text with a `count` has the forms `.one` and `.other`.
"""

from typing import TYPE_CHECKING, Any

from talkd.web.texts.de import DE
from talkd.web.texts.en import EN

if TYPE_CHECKING:
    from markupsafe import Markup

CATALOGUES = {"en": EN, "de": DE}
DEFAULT = "en"


def preferred(*wanted: str) -> str:
    """Return the first wanted language that has a catalogue. Regions are ignored: `de-AT` wants `de`."""
    found = (each.lower().replace("_", "-").partition("-")[0] for each in wanted)
    return next((each for each in found if each in CATALOGUES), DEFAULT)


def accepted(header: str) -> list[str]:
    """Return the languages of a header `Accept-Language`, best first."""
    rated = []
    for part in header.split(","):
        language, _, quality = part.strip().partition(";")
        try:
            rated.append((float(quality.strip().removeprefix("q=") or 1), language))
        except ValueError:
            continue
    return [language for quality, language in sorted(rated, key=lambda each: -each[0]) if quality > 0]


def text(language: str, key: str, **values: Any) -> "Markup":
    """Return a text as HTML. Raises KeyError if there is none."""
    from markupsafe import Markup  # with the first page

    if "count" in values:
        key = f"{key}.one" if values["count"] == 1 else f"{key}.other"
    return Markup(CATALOGUES[language][key]).format(**values)  # noqa: S704 - the catalogues are trusted
