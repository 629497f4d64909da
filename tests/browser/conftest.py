"""A headless Chromium against the live server; what it sees is kept under `var/screenshots/`."""

import fcntl
import shutil
import tempfile
import threading
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
from tests.browser.driving import PATIENCE_SECONDS, PHONE_WIDTH, wait
from tests.engines.packages import install

_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --window-size=1440,1000 --lang=fr"
)


def _programs() -> tuple[str, str]:
    """The browser and its driver; Debian's are installed where they are missing and we may."""
    programs = []
    with (Path(tempfile.gettempdir()) / "medoc-chromium.lock").open("w") as lock:
        # One at a time: the suite runs in several processes.
        fcntl.flock(lock, fcntl.LOCK_EX)
        for program, package in (("chromium", "chromium"), ("chromedriver", "chromium-driver")):
            if shutil.which(program) is None:
                install(package, otherwise="leave tests/browser out")
            programs.append(shutil.which(program))
    browser, driver = programs
    assert browser is not None, "Debian's chromium brings no such program"
    assert driver is not None, "Debian's chromium-driver brings no chromedriver"
    return browser, driver


def _start(profile: Path) -> webdriver.Chrome:
    browser, driver = _programs()
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in [*_FLAGS.split(), f"--user-data-dir={profile}"]:
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"intl.accept_languages": "fr"})
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    return webdriver.Chrome(options=options, service=Service(driver))


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory, django_db_setup: None) -> Iterator[webdriver.Chrome]:
    """One browser for all tests. It goes before the test database does, which its connections keep in use."""
    chromium = _start(tmp_path_factory.mktemp("chromium"))
    yield chromium
    chromium.quit()
    _wait_for_the_servers_threads()


@pytest.fixture
def colleagues_browser(tmp_path: Path, django_db_setup: None) -> Iterator[webdriver.Chrome]:
    """The browser of a second person, with cookies of its own."""
    chromium = _start(tmp_path / "chromium")
    yield chromium
    chromium.quit()


def _wait_for_the_servers_threads() -> None:
    """A thread of the live server serves one connection of the browser, and closes its own to the database after it."""
    for thread in threading.enumerate():
        if "process_request_thread" in thread.name:
            thread.join(PATIENCE_SECONDS)


@pytest.fixture
def browser(chromium: webdriver.Chrome) -> webdriver.Chrome:
    """The browser without yesterday's cookies and logs."""
    chromium.delete_all_cookies()
    for kind in ("performance", "browser"):
        chromium.get_log(kind)
    return chromium


@pytest.fixture
def colours(browser: webdriver.Chrome) -> Iterator[Callable[[str], None]]:
    """`colours("dark")` is a device whose owner prefers it so."""

    def prefer(scheme: str) -> None:
        preference = {"name": "prefers-color-scheme", "value": scheme}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [preference]})

    yield prefer
    prefer("light")


@pytest.fixture
def phone(browser: webdriver.Chrome) -> Iterator[None]:
    """The screen of a phone; a window of the browser itself does not get as narrow."""
    size = {"width": PHONE_WIDTH, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    yield
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.fixture
def screenshot(browser: webdriver.Chrome) -> Callable[..., None]:
    """`screenshot("name")` keeps what is seen; of another browser with that as the second argument."""
    folder = Path(settings.BASE_DIR) / "var" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)

    def take(name: str, of: webdriver.Chrome = browser) -> None:
        (folder / f"{name}.png").write_bytes(of.get_screenshot_as_png())

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
