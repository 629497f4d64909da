"""Staff enrol an authenticator application and sign in with it, by keyboard alone."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from accounts.enums import Role
from accounts.tests.factories import PASSWORD, make_user
from accounts.tests.phones import Phone
from tests.browser.driving import errors_of, requested_hosts, wait

pytestmark = pytest.mark.django_db(transaction=True)


def _type(browser: webdriver.Chrome, field: str, *keys: str) -> None:
    """Type where the page wants the focus; a browser that nobody looks at does not move it by itself."""
    first = browser.find_element(By.CSS_SELECTOR, f"input[autofocus][name={field}]")
    browser.execute_script("arguments[0].focus()", first)
    ActionChains(browser).send_keys(*keys).perform()


def _is_at(browser: webdriver.Chrome, path: str) -> bool:
    return urlsplit(browser.current_url).path == path


def _text_of(browser: webdriver.Chrome, selector: str) -> str:
    return browser.find_element(By.CSS_SELECTOR, selector).text


def test_staff_enrol_at_the_first_sign_in_and_give_a_code_at_the_next(
    browser: webdriver.Chrome, live_server: Any, screenshot: Callable[[str], None], settings: Any
) -> None:
    settings.MFA_REQUIRED = True
    user = make_user(Role.STAFF, email="estelle@example.org")
    browser.get(f"{live_server.url}/admin/")
    _type(browser, "username", user.email, Keys.TAB, PASSWORD, Keys.ENTER)
    wait(browser, lambda: _is_at(browser, "/admin/second-factor/"))
    picture = browser.find_element(By.CSS_SELECTOR, "#picture svg")
    assert picture.size["width"] == picture.size["height"] > 150
    screenshot("second-factor-enrol")

    phone = Phone(_text_of(browser, "#secret").replace(" ", ""))
    _type(browser, "otp", phone.wrong_code(), Keys.ENTER)
    wait(browser, lambda: "n'est pas celui" in _text_of(browser, "#enrolment-form"))
    screenshot("second-factor-wrong")
    _type(browser, "otp", phone.code(), Keys.ENTER)
    wait(browser, lambda: browser.find_elements(By.ID, "recovery-codes"))
    codes = _text_of(browser, "#recovery-codes").split()
    assert len(codes) == 10
    screenshot("second-factor-codes")

    browser.find_element(By.LINK_TEXT, "Je les ai, continuer").send_keys(Keys.ENTER)
    wait(browser, lambda: _is_at(browser, "/admin/"))
    browser.delete_all_cookies()
    browser.get(f"{live_server.url}/admin/")
    _type(browser, "username", user.email, Keys.TAB, PASSWORD, Keys.ENTER)
    wait(browser, lambda: "code à 6 chiffres" in _text_of(browser, "[role=alert]"))
    screenshot("sign-in-code-missing")
    _type(browser, "username", Keys.TAB, PASSWORD, Keys.TAB, phone.code(1), Keys.ENTER)
    wait(browser, lambda: _is_at(browser, "/admin/"))

    browser.get(f"{live_server.url}/admin/second-factor/")
    assert "Il reste 10 codes de secours." in _text_of(browser, "body")
    screenshot("second-factor")
    assert requested_hosts(browser) <= {"localhost", "127.0.0.1"}
    assert errors_of(browser) == []
