"""A headless Chromium against the live server; what it sees is kept under `var/screenshots/`."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from accounts.models import User
from accounts.tests.factories import PASSWORD
from tests.browser.driving import wait

_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --window-size=1440,1000 --lang=fr"
)


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip("no chromium and chromedriver on this machine: the browser tests are left out")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in [*_FLAGS.split(), f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"]:
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"intl.accept_languages": "fr"})
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    chromium = webdriver.Chrome(options=options, service=Service(driver))
    yield chromium
    chromium.quit()


@pytest.fixture
def browser(chromium: webdriver.Chrome) -> webdriver.Chrome:
    """The browser without yesterday's cookies and logs."""
    chromium.delete_all_cookies()
    for kind in ("performance", "browser"):
        chromium.get_log(kind)
    return chromium


@pytest.fixture
def screenshot(browser: webdriver.Chrome) -> Callable[[str], None]:
    """`screenshot("name")` keeps what is seen, the whole page."""
    folder = Path(settings.BASE_DIR) / "var" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)

    def take(name: str) -> None:
        (folder / f"{name}.png").write_bytes(browser.get_screenshot_as_png())

    return take


@pytest.fixture
def sign_in(browser: webdriver.Chrome, live_server: Any) -> Callable[[User], None]:
    """Sign in at the admin as a person does."""

    def as_user(user: User) -> None:
        browser.get(f"{live_server.url}/admin/login/?next=/admin/")
        browser.find_element(By.NAME, "username").send_keys(user.email)
        browser.find_element(By.NAME, "password").send_keys(PASSWORD)
        browser.find_element(By.CSS_SELECTOR, "form#login-form button[type=submit]").click()
        wait(browser, lambda: urlsplit(browser.current_url).path == "/admin/")

    return as_user
