"""Waiting for pages, and what the browser recorded of them."""

import json
from collections.abc import Callable
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

PATIENCE_SECONDS = 30
PHONE_WIDTH = 390


def wait(browser: webdriver.Chrome, condition: Callable[[], object]) -> None:
    # A page that is being replaced under the look is looked at again.
    patience = WebDriverWait(
        browser, PATIENCE_SECONDS, poll_frequency=0.1, ignored_exceptions=[StaleElementReferenceException]
    )
    patience.until(lambda _driver: condition())


def requested_hosts(browser: webdriver.Chrome) -> set[str]:
    """The hosts that pages asked for anything since the log was last read, as the browser itself recorded it.

    What the page's own policy forbade never left the browser and does not count.
    """
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    forbidden = {
        message["params"]["requestId"]
        for message in messages
        if message["method"] == "Network.loadingFailed" and message["params"].get("blockedReason") == "csp"
    }
    urls = [
        urlsplit(message["params"]["request"]["url"])
        for message in messages
        if message["method"] == "Network.requestWillBeSent" and message["params"]["requestId"] not in forbidden
    ]
    return {url.hostname or "" for url in urls if url.scheme in ("http", "https", "ws", "wss")}


def errors_of(browser: webdriver.Chrome) -> list[str]:
    """What the browser's console calls severe: failed requests and scripts.

    Not what a policy forbade, nor the icon that every browser asks for and no page of ours names.
    """
    severe = [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    return [message for message in severe if "Content Security Policy" not in message and "favicon.ico" not in message]


def click(browser: webdriver.Chrome, address: str) -> None:
    """Click on the link to this address, icons and badges in it or not, once it is there."""
    selector = f'#page a[href^="{address}"]'
    wait(browser, lambda: browser.find_elements(By.CSS_SELECTOR, selector))
    link = browser.find_element(By.CSS_SELECTOR, selector)
    # Into the middle, as people scroll: at the end of the page the bar with the buttons would lie above it.
    browser.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", link)
    link.click()
