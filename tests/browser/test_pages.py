"""Users log in with a browser, connect apps, and see pages without layout faults."""

from contextlib import suppress

import httpx
from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from support.browsers import fill_in_login, press
from support.running import HEADERS, Server


def log_of(browser: Chrome, kind: str) -> str:
    """Return the browser's log since the previous call."""
    entries = browser.get_log(kind)  # type: ignore[no-untyped-call]
    return "\n".join(entry["message"] for entry in entries)


def test_a_user_connects_an_app(own_server: Server, browser: Chrome) -> None:
    started = httpx.post(f"{own_server.url}/login/v2", headers={"User-Agent": "Test app"}).json()
    browser.get(started["login"])
    fill_in_login(browser)
    assert "Test app" in browser.find_element(By.TAG_NAME, "main").text
    press(browser, By.ID, "grant")
    assert browser.find_element(By.TAG_NAME, "h1").text == "Connected"
    login = httpx.post(started["poll"]["endpoint"], data={"token": started["poll"]["token"]}).json()
    answer = httpx.get(
        f"{own_server.url}/ocs/v2.php/cloud/capabilities",
        headers=HEADERS,
        auth=(login["loginName"], login["appPassword"]),
    )
    assert "core" in answer.json()["ocs"]["data"]["capabilities"]


def test_the_web_view_of_an_app_gets_the_redirect_to_the_app(own_server: Server, browser: Chrome) -> None:
    browser.get(f"{own_server.url}/login/flow")
    fill_in_login(browser)
    with suppress(WebDriverException):  # no program opens nc: here, and some versions report that
        browser.find_element(By.ID, "grant").click()
    WebDriverWait(browser, 20).until(lambda _: "nc://login/server:" in log_of(browser, "performance"))
    # A policy that forbids the redirect would be reported in the console.
    assert "Content Security Policy" not in log_of(browser, "browser")
    browser.get(f"{own_server.url}/devices")
    assert "Mozilla" in browser.find_element(By.CSS_SELECTOR, "ul.devices").text


def test_a_user_gets_a_login_code_and_disconnects_a_device(own_server: Server, browser: Chrome) -> None:
    browser.get(f"{own_server.url}/login?redirect_url=/devices")
    fill_in_login(browser)
    press(browser, By.ID, "code")
    assert browser.find_element(By.CSS_SELECTOR, ".code svg").is_displayed()
    press(browser, By.LINK_TEXT, "Done")
    assert "QR code" in browser.find_element(By.CSS_SELECTOR, "ul.devices").text
    press(browser, By.CSS_SELECTOR, "button.bad")
    assert "No app is connected" in browser.find_element(By.TAG_NAME, "main").text


def test_an_unknown_address_leads_back_to_the_start_page(own_server: Server, browser: Chrome) -> None:
    browser.get(f"{own_server.url}/nothing")
    assert browser.find_element(By.TAG_NAME, "h1").text == "Page not found"
    press(browser, By.CSS_SELECTOR, "main a.button")
    assert browser.find_element(By.TAG_NAME, "h2").text == "Connect an app"


FAULTS = """
const found = [];
if (document.documentElement.scrollWidth > innerWidth) found.push("the page is wider than the screen");
const parts = [...document.querySelectorAll("header .mark, header .name, header .who > :not(.name)")];
const boxes = parts.map(each => each.getBoundingClientRect());
boxes.forEach((box, i) => {
  if (i && box.left < boxes[i - 1].right) found.push(`${parts[i].textContent} overlaps what is before it`);
  if (box.height > 40) found.push(`${parts[i].textContent} takes several lines`);
});
for (const below of document.querySelectorAll("h1 + .notice, h1 + .asking, h1 + form")) {
  const heading = below.previousElementSibling;
  const space = below.getBoundingClientRect().top - heading.getBoundingClientRect().bottom;
  if (space < 12) found.push(`there is no space below ${heading.textContent}`);
}
return found;
"""


def test_no_page_is_too_wide_or_overlaps(own_server: Server, browser: Chrome) -> None:
    name, client = "Wilhelmina Alexandra Featherstonehaugh-Cholmondeley", "An_app_with_a_name_without_spaces" * 3
    user = "an-account-with-a-name-that-is-long-and-has-no-spaces-at-all"
    own_server.add_account(user, name)

    def look() -> None:
        for width in (320, 768, 1280):
            screen = {"width": width, "height": 700, "deviceScaleFactor": 1, "mobile": width < 600}
            browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
            assert browser.execute_script(FAULTS) == [], (browser.current_url, width)

    def visit(*paths: str) -> None:
        for path in paths:
            browser.get(own_server.url + path)
            look()

    started = httpx.post(f"{own_server.url}/login/v2", headers={"User-Agent": client}).json()
    flow = started["login"].removeprefix(own_server.url)
    visit("/", "/login", "/login/flow", flow, "/login/v2/flow/gone", "/call/abcdefgh", "/call/-", "/nothing")
    browser.get(own_server.url + flow)
    browser.find_element(By.ID, "user").send_keys("nobody")
    browser.find_element(By.ID, "password").send_keys("wrong")
    press(browser, By.CSS_SELECTOR, "main button")
    look()
    browser.find_element(By.ID, "user").clear()
    fill_in_login(browser, user)
    look()
    press(browser, By.ID, "grant")
    look()
    httpx.post(started["poll"]["endpoint"], data={"token": started["poll"]["token"]})
    visit("/devices", "/password", "/logout", "/login/flow/grant")
    browser.get(f"{own_server.url}/devices")
    assert client[:30] in browser.find_element(By.CSS_SELECTOR, "ul.devices").text
    press(browser, By.ID, "code")
    look()
