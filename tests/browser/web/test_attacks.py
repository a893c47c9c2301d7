"""Texts of others run no script in the web client, and do not break its layout."""

import json

import pytest
from selenium.webdriver import Chrome

from browser.web.conftest import Page
from browser.web.payloads import LAYOUTS, PILED, SCRIPTS
from support.people import GROUP, Person
from support.running import Server

WATCH = """
window.attacks = [];
for (const name of ["alert", "confirm", "prompt", "eval"]) window[name] = text => window.attacks.push(name);
document.addEventListener("securitypolicyviolation", event => window.attacks.push(event.violatedDirective));
addEventListener("error", event => window.attacks.push(event.message));
addEventListener("unhandledrejection", event => window.attacks.push(String(event.reason)));
"""
FOREIGN = """
const tags = "iframe, object, embed, math, form[action], base, meta[http-equiv], script:not([src])";
const found = [...document.querySelectorAll(tags)].map(each => each.outerHTML.slice(0, 100));
const links = [...document.querySelectorAll("a[href]")].map(each => each.href);
const own = each => [...each.attributes].some(({name}) => name.startsWith("on"));
return [
  ...found,
  ...links.filter(each => !/^(https?|mailto|tel|sip|xmpp|matrix|geo|nc):/.test(each)),
  ...[...document.querySelectorAll("*")].filter(own).map(each => each.outerHTML.slice(0, 100)),
];
"""
TOO_WIDE = """
const scrolls = each => /auto|scroll|hidden/.test(getComputedStyle(each).overflowX);
const isInside = each => { for (let up = each.parentElement; up; up = up.parentElement) if (scrolls(up)) return true; };
const wide = ["html", "[role=log]", "nav .list > *", "aside"].flatMap(css => [...document.querySelectorAll(css)])
  .filter(each => each.scrollWidth > each.clientWidth + 1).map(each => each.className || each.tagName);
const rows = [...document.querySelectorAll(".item")].filter(each => each.scrollWidth > each.clientWidth + 1);
return [...wide, ...rows.filter(isInside).map(each => each.innerText.slice(0, 40))];
"""
SPILLS = r"""
const clips = each => /clip|hidden/.test(getComputedStyle(each).overflowY);
const scrolls = each => /auto|scroll/.test(getComputedStyle(each).overflowY) || each === document.body;
const isCut = node => {
  let up = node.parentElement;
  if (up !== document.body && scrolls(up)) return true; // it scrolls nothing but this text
  for (; !scrolls(up); up = up.parentElement)
    if (clips(up) && getComputedStyle(up).display !== "inline") return true;
  return false;
};
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
while (texts.nextNode()) {
  const node = texts.currentNode;
  if (/\p{M}{5}/u.test(node.data) && node.parentElement.checkVisibility() && !isCut(node))
    found.push(node.parentElement.outerHTML.slice(0, 100));
}
return found;
"""
SHOW_ALL = """
const done = arguments[0], list = document.querySelector("[role=log]");
let last = -1;
const step = () => {
  if (list.scrollTop === last) return done(true);
  last = list.scrollTop;
  list.scrollTop -= 500;
  requestAnimationFrame(() => requestAnimationFrame(step));
};
step();
"""


@pytest.fixture
def room(sqlite_server: Server) -> tuple[Person, str]:
    """A room in which everything that has a text has one of an attack. The server refuses some of them."""
    owner = sqlite_server.add_user("owner")
    token = owner.create_room(name=SCRIPTS[1], description=SCRIPTS[0] + LAYOUTS[0])
    for text in (*SCRIPTS, *LAYOUTS):
        owner.request("POST", "v4/room", roomType=GROUP, roomName=text[:200])
        owner.say(token, text)
        place = json.dumps({"name": text[:500], "latitude": "1", "longitude": "2"})
        share = {"objectType": "geo-location", "objectId": "geo:1,2", "metaData": place}
        owner.request("POST", f"v1/chat/{token}/share", **share)
    for text in (SCRIPTS[1], *LAYOUTS[:2], *LAYOUTS[5:8], PILED):
        member = sqlite_server.add_user("member", display_name=text.strip()[:64])
        owner.add(token, member)
        member.say(token, f'@"{owner.id}" {text}')
        poll = {"question": text[:300], "options": [text[:300], f"{text[:300]} 2"], "resultMode": 0, "maxVotes": 1}
        owner.request("POST", f"v1/poll/{token}", **poll)
    return owner, token


@pytest.mark.parametrize("width", [1280, 340])
def test_texts_of_others_run_nothing_and_break_nothing(
    web_browser: Chrome, page: Page, room: tuple[Person, str], width: int
) -> None:
    owner, token = room
    watching = web_browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    web_browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        page.open(owner, f"/call/{token}")
        page.wait(lambda: page.run("return document.querySelector('.item')"))
        for _ in range(3):
            assert page.run(TOO_WIDE) == []
            assert page.run(FOREIGN) == []
            assert page.run(SPILLS) == []
            assert web_browser.execute_async_script(SHOW_ALL)
        page.click("Details")
        for tab in ("People", "Shared", "Conversation"):
            page.click(tab)
            page.wait(lambda: page.run("return document.querySelector('[role=tabpanel] > *')"))
            assert page.run(FOREIGN) == []
            assert page.run(TOO_WIDE) == []
            assert page.run(SPILLS) == []
        assert page.run("return window.attacks") == []
    finally:
        web_browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", watching)
        web_browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
