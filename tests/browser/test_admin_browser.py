"""The back office and the API's pages as a browser shows them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from accounts.enums import Role
from accounts.models import Account, User
from accounts.tests.factories import make_user
from backoffice.tests.pages import page, page_of
from backoffice.tests.world import make_world
from payments.models import Payment, Refund
from reservations.models import Reservation
from tests.browser.driving import click, errors_of, requested_hosts, wait

pytestmark = pytest.mark.django_db(transaction=True)

Screenshot = Callable[[str], None]
SignIn = Callable[[User], None]

LOCAL = {"localhost", "127.0.0.1"}


def _text(browser: webdriver.Chrome) -> str:
    return browser.find_element(By.TAG_NAME, "body").text


def test_staff_look_at_a_reservation_a_payment_and_accounts(
    browser: webdriver.Chrome, live_server: Any, sign_in: SignIn, screenshot: Screenshot
) -> None:
    world = make_world()
    make_world()
    sign_in(make_user(Role.STAFF, first_name="Estelle", last_name="Exemple"))
    assert "Ce qui attend" in _text(browser)
    assert "Remboursements à approuver" in _text(browser)
    screenshot("home")

    click(browser, page(Reservation, "changelist"))
    wait(browser, lambda: world.reservation.pickup_code in _text(browser))
    assert "CONFIRMÉE" in _text(browser)
    screenshot("reservations")
    browser.find_element(By.NAME, "q").send_keys(world.reservation.pickup_code.lower(), Keys.ENTER)
    wait(browser, lambda: "1 réservation" in _text(browser))
    click(browser, page_of(world.reservation))
    wait(browser, lambda: "Prête à retirer" in _text(browser))
    assert "Aïcha Exemple" in _text(browser)
    screenshot("reservation")

    browser.get(live_server.url + page(Payment, "changelist"))
    screenshot("payments")
    browser.get(live_server.url + page_of(world.held))
    assert "montant différent de celui demandé" in _text(browser)
    assert "Accepter le paiement" in _text(browser)
    screenshot("payment")

    browser.get(live_server.url + page(Account, "changelist"))
    assert world.patient.email in _text(browser)
    screenshot("accounts")
    browser.get(live_server.url + page_of(Account.objects.get(user=world.patient)))
    assert "Crédits de bienvenue" in _text(browser)
    screenshot("account")

    assert requested_hosts(browser) <= LOCAL
    assert errors_of(browser) == []


def test_staff_resolve_a_held_payment_and_send_a_refund(
    browser: webdriver.Chrome, live_server: Any, sign_in: SignIn, screenshot: Screenshot
) -> None:
    world = make_world()
    sign_in(make_user(Role.STAFF))

    click(browser, reverse("queue", args=("payments-payment-held",)))
    wait(browser, lambda: "La liste entière" in _text(browser))
    assert "montant différent de celui demandé" in _text(browser)
    screenshot("queue")
    click(browser, page_of(world.held))
    click(browser, page_of(world.held, "accept_held"))
    wait(browser, lambda: "Cette décision est définitive" in _text(browser))
    screenshot("payment-question")
    assert Payment.objects.get(pk=world.held.pk).status == "held"
    browser.find_element(By.CSS_SELECTOR, "form button[type=submit]:not([form]).bg-primary-600").click()
    wait(browser, lambda: "Le paiement est accepté." in _text(browser))
    assert Payment.objects.get(pk=world.held.pk).status == "succeeded"

    Refund.objects.filter(pk=world.refund.pk).update(status="approved")
    browser.get(live_server.url + page_of(world.refund))
    click(browser, page_of(world.refund, "mark_sent"))
    wait(browser, lambda: browser.find_elements(By.NAME, "external_reference"))
    screenshot("refund-sent")
    browser.find_element(By.NAME, "external_reference").send_keys("GW-2026-11", Keys.ENTER)
    wait(browser, lambda: "L'envoi est noté." in _text(browser))
    screenshot("refund")
    assert Refund.objects.get(pk=world.refund.pk).external_reference == "GW-2026-11"


def test_a_pharmacist_prepares_a_reservation_on_a_phone(
    browser: webdriver.Chrome, live_server: Any, sign_in: SignIn, screenshot: Screenshot
) -> None:
    world, other = make_world(), make_world()
    browser.set_window_size(500, 900)
    try:
        sign_in(world.pharmacist)
        screenshot("pharmacist-home")
        browser.get(live_server.url + page(Reservation, "changelist"))
        assert world.reservation.pickup_code in _text(browser)
        assert other.reservation.pickup_code not in _text(browser)
        screenshot("pharmacist-reservations")
        browser.get(live_server.url + page_of(world.reservation, "mark_ready"))
        screenshot("pharmacist-ready")
        browser.find_element(By.CSS_SELECTOR, "form button.bg-primary-600").click()
        wait(browser, lambda: "La réservation est prête." in _text(browser))
        screenshot("pharmacist-reservation")
    finally:
        browser.set_window_size(1440, 1000)

    assert Reservation.objects.get(pk=world.reservation.pk).status == "ready"


@pytest.mark.parametrize(
    "path, rendered", [("docs", ".swagger-ui .opblock-tag"), ("redoc", ".redoc-wrap .menu-content li, redoc h1")]
)
def test_the_apis_pages_render_without_the_outside(
    browser: webdriver.Chrome, live_server: Any, screenshot: Screenshot, path: str, rendered: str
) -> None:
    browser.get(f"{live_server.url}/{path}")
    wait(browser, lambda: browser.find_elements(By.CSS_SELECTOR, rendered))
    wait(browser, lambda: "reservations" in browser.page_source)
    screenshot(path)

    assert requested_hosts(browser) <= LOCAL
    assert errors_of(browser) == []
