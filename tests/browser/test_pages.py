"""People log in with a real browser."""

from contextlib import suppress

import httpx
from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.expected_conditions import staleness_of
from selenium.webdriver.support.wait import WebDriverWait

from doors import OCS, PASSWORD, Site


def press(browser: Chrome, how: str, what: str) -> None:
    """Click, and wait for the next page."""
    button = browser.find_element(how, what)
    button.click()
    # Asked while one page makes way for the next, the driver may fail in other ways than by saying so: ask again.
    WebDriverWait(browser, 20, ignored_exceptions=[WebDriverException]).until(staleness_of(button))


def log_of(browser: Chrome, kind: str) -> str:
    """What the browser noted since the last time somebody asked."""
    entries = browser.get_log(kind)  # type: ignore[no-untyped-call]
    return "\n".join(entry["message"] for entry in entries)


def fill_in(browser: Chrome) -> None:
    """Log in as alice."""
    browser.find_element(By.ID, "user").send_keys("alice")
    browser.find_element(By.ID, "password").send_keys(PASSWORD)
    press(browser, By.CSS_SELECTOR, "main button")


def test_a_person_connects_an_app(site: Site, browser: Chrome) -> None:
    started = httpx.post(f"{site.url}/login/v2", headers={"User-Agent": "Test app"}).json()
    browser.get(started["login"])
    fill_in(browser)
    assert "Test app" in browser.find_element(By.TAG_NAME, "main").text
    press(browser, By.ID, "grant")
    assert browser.find_element(By.TAG_NAME, "h1").text == "Connected"
    login = httpx.post(started["poll"]["endpoint"], data={"token": started["poll"]["token"]}).json()
    answer = httpx.get(
        f"{site.url}/ocs/v2.php/cloud/capabilities", headers=OCS, auth=(login["loginName"], login["appPassword"])
    )
    assert "core" in answer.json()["ocs"]["data"]["capabilities"]


def test_a_web_view_reaches_the_redirect_to_its_app(site: Site, browser: Chrome) -> None:
    browser.get(f"{site.url}/login/flow")
    fill_in(browser)
    with suppress(WebDriverException):  # nothing here opens nc:, and some versions say so
        browser.find_element(By.ID, "grant").click()
    WebDriverWait(browser, 20).until(lambda _: "nc://login/server:" in log_of(browser, "performance"))
    # A policy that forbade the redirect would have said so in the console.
    assert "Content Security Policy" not in log_of(browser, "browser")
    browser.get(site.url)
    assert "Mozilla" in browser.find_element(By.CSS_SELECTOR, "ul.devices").text


def test_a_login_code_and_disconnecting(site: Site, browser: Chrome) -> None:
    browser.get(f"{site.url}/login")
    fill_in(browser)
    press(browser, By.ID, "code")
    assert browser.find_element(By.CSS_SELECTOR, ".code svg").is_displayed()
    press(browser, By.LINK_TEXT, "Done")
    assert "QR code" in browser.find_element(By.CSS_SELECTOR, "ul.devices").text
    press(browser, By.CSS_SELECTOR, "button.bad")
    assert "No app is connected" in browser.find_element(By.TAG_NAME, "main").text


def test_an_unknown_address_leads_back_to_the_start_page(site: Site, browser: Chrome) -> None:
    browser.get(f"{site.url}/nothing")
    assert browser.find_element(By.TAG_NAME, "h1").text == "Page not found"
    press(browser, By.CSS_SELECTOR, "main a.button")
    assert browser.find_element(By.TAG_NAME, "h2").text == "Connect an app"
