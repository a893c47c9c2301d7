"""Generated pages are up to date, every page is linked, and every link leads to an existing file."""

import re
import runpy
from pathlib import Path

import pytest

from talkd import __version__

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
NAMED_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
NAMED_FILE = re.compile(r"`(?:pytest )?(tests/[\w/.]+\.\w+)")
DECISION = {
    "- Date: YYYY-MM-DD": r"^- Date: \d{4}-\d\d-\d\d\b",
    "- Status: …": r"^- Status: \S",
    "## Context": r"^## Context\n\n\S",
    "## Decision": r"^## Decision\n\n\S",
    "## Alternatives considered": r"^## Alternatives considered\n\n\S",
    "## Consequences": r"^## Consequences\n\n\S",
}
"""What every page in docs/adr must contain."""
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize(("script", "page"), [("settings", "admin/settings.md"), ("versions", "api/versions.md")])
def test_pages_made_from_the_code_are_current(script: str, page: str) -> None:
    made = runpy.run_path(str(ROOT / "docs" / f"{script}.py"))["page"]()
    assert (ROOT / "docs" / page).read_text() == made, "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text()):
        if "://" not in target and not target.startswith("mailto:"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_test_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text()
    for file in NAMED_FILE.findall(text):
        assert (ROOT / file).exists(), f"{page.name} names {file}"
    for file, name in NAMED_TEST.findall(text):
        assert f"def {name}(" in (ROOT / file).read_text(), f"{page.name} names {name}, which {file} does not have"


def test_every_difference_is_held_by_a_test() -> None:
    page = (ROOT / "docs" / "api" / "differences.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("|") and not line.startswith(("|---", "| talkd |"))]
    assert rows
    for row in rows:
        tests = NAMED_TEST.findall(row.rstrip(" |").rpartition("|")[2])
        assert tests, f"no test holds {row}"


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "adr").glob("[0-9]*.md")), ids=lambda page: page.stem)
def test_a_decision_has_date_status_and_alternatives(page: Path) -> None:
    text = page.read_text()
    for heading, pattern in DECISION.items():
        assert re.search(pattern, text, re.MULTILINE), f"docs/adr/{page.name} has no {heading}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_installs_talkd_from_an_index(page: Path) -> None:
    assert "install talkd" not in page.read_text(), "talkd is in no package index: install a checkout or a built wheel"


def test_every_page_is_linked() -> None:
    linked = {
        (page.parent / target).resolve()
        for page in PAGES
        for target in LINK.findall(page.read_text())
        if "://" not in target
    }
    unlinked = [str(page.relative_to(ROOT)) for page in PAGES if page.parent != ROOT and page.resolve() not in linked]
    assert not unlinked


def test_the_architecture_page_is_short() -> None:
    assert len((ROOT / "ARCHITECTURE.md").read_text().splitlines()) <= 150


def test_the_architecture_page_names_every_package() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    for folder in sorted((ROOT / "src" / "talkd").iterdir()):
        if (folder / "__init__.py").exists():
            assert f"`{folder.name}/`" in text, f"ARCHITECTURE.md does not name {folder.name}/"


def test_the_version_has_an_entry() -> None:
    releases = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert releases[:2] == ["Unreleased", __version__], "it begins with `## Unreleased` and the newest release"
    assert f'version = "{__version__}"' in (ROOT / "pyproject.toml").read_text()


def test_the_project_says_that_it_is_independent() -> None:
    assert "independent of Nextcloud GmbH" in (ROOT / "README.md").read_text()
