"""The ten most used pages as axe-core judges them, by day and by night, and on a phone."""

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse
from selenium import webdriver
from selenium.webdriver.common.by import By

from accounts.enums import Role
from accounts.models import User
from accounts.tests.factories import make_user
from backoffice.tests.pages import page, page_of
from backoffice.tests.world import World, make_world
from payments.models import Payment
from reservations.models import Reservation
from tests.browser.accessibility import grave_faults
from tests.browser.driving import PHONE_WIDTH

pytestmark = pytest.mark.django_db(transaction=True)

Screenshot = Callable[[str], None]
SignIn = Callable[[User], None]

SIGN_IN = "/admin/login/"


def _most_used(world: World) -> dict[str, str]:
    """The pages behind the entrance on which staff spend their day."""
    return {
        "home": "/admin/",
        "person": reverse("person", args=(world.patient.pk,)),
        "account": page_of(world.patient.account),
        "reservations": page(Reservation, "changelist"),
        "reservation": page_of(world.reservation),
        "payments": page(Payment, "changelist"),
        "queue": reverse("queue", args=("payments-payment-held",)),
        "payment": page_of(world.held),
        "question": page_of(world.paid, "request_refund"),
    }


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_ten_most_used_pages_have_no_grave_fault(
    browser: webdriver.Chrome,
    live_server: Any,
    sign_in: SignIn,
    screenshot: Screenshot,
    colours: Callable[[str], None],
    scheme: str,
) -> None:
    world = make_world()
    colours(scheme)
    browser.get(live_server.url + SIGN_IN)
    faults = {"sign-in": grave_faults(browser)}
    sign_in(make_user(Role.STAFF, first_name="Estelle", last_name="Exemple"))

    for name, address in _most_used(world).items():
        browser.get(live_server.url + address)
        assert browser.find_elements(By.CSS_SELECTOR, "html.dark") == [] or scheme == "dark"
        faults[name] = grave_faults(browser)
        screenshot(f"axe-{name}-{scheme}")

    assert len(faults) == 10
    assert {name: found for name, found in faults.items() if found} == {}


def test_a_fault_is_found(browser: webdriver.Chrome, live_server: Any) -> None:
    browser.get(live_server.url + SIGN_IN)
    browser.execute_script("document.querySelector('label').remove(); document.title = ''")

    assert [fault.split(":")[0] for fault in grave_faults(browser)] == ["document-title", "label"]


def test_the_main_pages_fit_a_phone(
    browser: webdriver.Chrome, live_server: Any, sign_in: SignIn, screenshot: Screenshot, phone: None
) -> None:
    world = make_world()
    browser.get(live_server.url + SIGN_IN)
    too_wide = {"sign-in": _overhang(browser)}
    screenshot("phone-sign-in")
    sign_in(make_user(Role.STAFF, first_name="Estelle", last_name="Exemple"))

    for name, address in _most_used(world).items():
        browser.get(live_server.url + address)
        too_wide[name] = _overhang(browser)
        screenshot(f"phone-{name}")

    assert {name: pixels for name, pixels in too_wide.items() if pixels} == {}


def _overhang(browser: webdriver.Chrome) -> int:
    """By how many pixels the page is wider than the screen."""
    assert browser.execute_script("return window.innerWidth") == PHONE_WIDTH
    width: int = browser.execute_script("return document.documentElement.scrollWidth")
    return width - PHONE_WIDTH
