"""Browsers that are logged in."""

import re

import httpx
from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.expected_conditions import staleness_of
from selenium.webdriver.support.wait import WebDriverWait

from support.people import Person
from support.running import PASSWORD, Server


def log_in(server: Server, person: Person) -> httpx.Client:
    """Log a person in by the form. Return their browser."""
    browser = server.client()
    page = browser.get("/login", headers={"Accept": "text/html"})
    found = re.search(r'name="requesttoken" value="([^"]+)"', page.text)
    assert found is not None
    form = {"user": person.id, "password": PASSWORD, "requesttoken": found[1]}
    assert browser.post("/login", data=form).status_code == 303
    return browser


def press(browser: Chrome, how: str, what: str) -> None:
    """Click, and wait for the next page."""
    button = browser.find_element(how, what)
    button.click()
    # While the page changes, the driver may also fail with other errors; then the wait tries again.
    WebDriverWait(browser, 20, ignored_exceptions=[WebDriverException]).until(staleness_of(button))


def fill_in_login(browser: Chrome, user: str = "alice") -> None:
    """Fill in the login form and submit it."""
    browser.find_element(By.ID, "user").send_keys(user)
    browser.find_element(By.ID, "password").send_keys(PASSWORD)
    press(browser, By.CSS_SELECTOR, "main button")
