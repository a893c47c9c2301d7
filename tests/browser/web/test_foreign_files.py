"""Files of others run no script in the web client and do not break its layout. Guests see files, and send none."""

import base64

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.keys import Keys

from browser.web.conftest import Page
from browser.web.file_pages import GIVE, IS_SHOWN, picture, send
from browser.web.payloads import LAYOUTS, SCRIPTS
from browser.web.test_attacks import FOREIGN, SHOW_ALL, TOO_WIDE, WATCH
from support.people import Person

HOSTILE = {
    "attack.svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>',
    "attack.html": b"<script>alert(1)</script>",
    "fake.png": b"<script>alert(1)</script>",
}


def storable(text: str) -> str:
    """Return as much of a text as the name of a file may have."""
    allowed = "".join(each for each in text if each not in "/\\" and each.isprintable())
    return allowed.encode()[:200].decode(errors="ignore").strip()


def test_a_guest_sees_pictures_and_sends_none(page: Page, owner: Person, token: str) -> None:
    send(owner, token, "sea.png", picture(), caption="The sea today")
    page.visit(f"/call/{token}")
    page.fill("Your name", "Gil")
    page.click("Join the conversation")
    assert page.shows("The sea today")
    page.wait(lambda: page.run(IS_SHOWN, "Show sea.png"))
    page.press("Show sea.png")
    page.wait(lambda: page.run("return document.querySelector('dialog[open] header b').innerText") == "sea.png")
    page.keys(Keys.ESCAPE)
    page.click("Add something")
    page.find("[role=menuitem], [role=menuitemcheckbox]", "Share a place")
    assert "Files" not in page.run("return document.querySelector('[role=menu]').innerText")
    page.keys(Keys.ESCAPE)
    given = [["sea.png", "image/png", base64.b64encode(picture()).decode()]]
    assert not page.run(GIVE, "paste", given)
    assert page.run("return document.querySelector('dialog[open]')") is None


@pytest.mark.parametrize("width", [1280, 340])
def test_hostile_files_run_nothing_and_break_nothing(
    web_browser: Chrome, page: Page, owner: Person, token: str, width: int
) -> None:
    names = [each for text in (*SCRIPTS, *LAYOUTS) if (each := storable(text))]
    for name in names:
        send(owner, token, f"{name}.txt", b"text", caption=name)
    for name, content in HOSTILE.items():
        send(owner, token, name, content)
    send(owner, token, "fake.wav", b"no sound", messageType="voice-message")
    watching = web_browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    web_browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        page.open(owner, f"/call/{token}")
        for name in ("fake.wav", "fake.png", "attack.svg", "attack.html"):
            page.find("a", f"Download {name}")
        for _ in range(3):
            assert page.run(TOO_WIDE) == []
            assert page.run(FOREIGN) == []
            assert web_browser.execute_async_script(SHOW_ALL)
        page.click("Details")
        page.click("Shared")
        page.find("aside a", "Download attack.html")
        assert page.run(FOREIGN) == []
        assert page.run(TOO_WIDE) == []
        assert page.run("return window.attacks") == []
        link = page.find("aside a", "Download attack.svg").get_attribute("href")
        answer = owner.http.get(str(link))
        assert answer.headers["content-disposition"].startswith("attachment")
    finally:
        web_browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", watching)
        web_browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
