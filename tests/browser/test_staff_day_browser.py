"""A day of two members of staff, from the sign-in to the chart on the first page, over real HTTP.

The patients' phones, the gateway that calls back, and two browsers; afterwards the books are right.
"""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.urls import reverse
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

from accounts.enums import Role
from accounts.models import Account, Approval, User
from accounts.services.verification import verify_ledger
from accounts.tests.factories import PASSWORD, balance, make_user
from accounts.tests.phones import Phone, give_phone
from audit.models import Event
from backoffice.tests.pages import page, page_of
from payments.models import Payment, Refund
from payments.providers.mypayga import client as mypayga
from payments.tests.factories import make_rate
from payments.tests.gateway import Gateway
from tests.browser.driving import click, errors_of, requested_hosts, wait
from tests.test_journey import Person, pay, work_off_queue

pytestmark = pytest.mark.django_db(transaction=True)

Screenshot = Callable[..., None]

PAID, PACK = 2_500, 30
SMALL_PRICE, SMALL_PACK = 1_500, 10
WELCOME = 10


@pytest.fixture
def gateway(simulators: Any, live_server: Any, settings: Any) -> Iterator[Gateway]:
    """MyPayGa, whose customers pay at once; above 2,000 XAF staff need a second person, and all of them a code."""
    settings.PUBLIC_URL = live_server.url
    settings.TWO_EYES_XAF, settings.MFA_REQUIRED = 2_000, True
    mypayga._client.cache_clear()
    gateway = Gateway(simulators)
    gateway.set(decide_after=0)
    yield gateway
    mypayga._client.cache_clear()


def _text(browser: webdriver.Chrome) -> str:
    return browser.find_element(By.TAG_NAME, "body").text


def _says(browser: webdriver.Chrome, sentence: str) -> None:
    wait(browser, lambda: sentence in _text(browser))


def _type(browser: webdriver.Chrome, *keys: str) -> None:
    """By keyboard alone, wherever the page has put the focus."""
    ActionChains(browser).send_keys(*keys).perform()


def _sign_in(browser: webdriver.Chrome, url: str, user: User, phone: Phone) -> None:
    browser.get(f"{url}/admin/")
    first = browser.find_element(By.CSS_SELECTOR, "input[autofocus][name=username]")
    browser.execute_script("arguments[0].focus()", first)
    _type(browser, user.email, Keys.TAB, PASSWORD, Keys.TAB, phone.code(), Keys.ENTER)
    wait(browser, lambda: urlsplit(browser.current_url).path == "/admin/")


def _confirm(browser: webdriver.Chrome) -> None:
    """Answer the question that the page asks."""
    browser.find_element(By.CSS_SELECTOR, "form:has(input[name=once]) button[type=submit]").click()


def _follow_queue(browser: webdriver.Chrome, url: str, title: str) -> None:
    browser.get(f"{url}/admin/")
    browser.find_element(By.XPATH, f"//*[@id='page']//a[.//*[normalize-space()='{title}']]").click()
    wait(browser, lambda: "La liste entière" in _text(browser))


def _today_in_chart(browser: webdriver.Chrome, title: str) -> tuple[list[int], list[int]]:
    """Today's figures of the chart with that title: as the table below it says them, and as they are drawn."""
    chart = browser.find_element(By.XPATH, f"//figure[figcaption[normalize-space()='{title}']]")
    chart.find_element(By.TAG_NAME, "summary").click()
    row = chart.find_element(By.CSS_SELECTOR, "tbody tr")
    read = [int(cell.text) for cell in row.find_elements(By.TAG_NAME, "td")]
    wait(browser, lambda: browser.execute_script("return Boolean(Chart.getChart(arguments[0]))", _canvas(chart)))
    drawn = browser.execute_script(
        "return Chart.getChart(arguments[0]).data.datasets.map((set) => set.data.at(-1))", _canvas(chart)
    )
    return read, drawn


def _canvas(chart: Any) -> Any:
    return chart.find_element(By.TAG_NAME, "canvas")


def test_two_members_of_staff_work_a_day(
    browser: webdriver.Chrome,
    colleagues_browser: webdriver.Chrome,
    live_server: Any,
    gateway: Gateway,
    screenshot: Screenshot,
) -> None:
    url = live_server.url
    estelle = make_user(Role.STAFF, email="estelle@example.org", first_name="Estelle", last_name="Exemple")
    firmin = make_user(Role.STAFF, email="firmin@example.org", first_name="Firmin", last_name="Exemple")
    phones = {each.pk: give_phone(each)[0] for each in (estelle, firmin)}
    aicha = make_user(email="aicha@example.org", first_name="Aïcha", last_name="Exemple", phone="+24177120001")
    bruno = make_user(email="bruno@example.org", first_name="Bruno", last_name="Exemple", phone="+24166009999")
    pack, small = (
        make_rate(label="Famille", price=PAID, credits=PACK),
        make_rate(label="Découverte", price=SMALL_PRICE, credits=SMALL_PACK),
    )
    paid = pay(Person(url, aicha.email), {"purpose": "rate", "rate": pack.pk})
    work_off_queue()
    gateway.says(amount=str(SMALL_PRICE - 1))
    held = pay(Person(url, bruno.email), {"purpose": "rate", "rate": small.pk})
    work_off_queue()
    assert Payment.objects.get(pk=held.pk).status == "held"

    _sign_in(browser, url, estelle, phones[estelle.pk])
    screenshot("day-01-home")

    browser.get(url + page(User, "changelist"))
    _type(browser, "/", "120001", Keys.ENTER)
    _says(browser, "1 utilisateur")
    assert aicha.email in _text(browser)
    screenshot("day-02-found-by-half-a-number")
    browser.get(f"{url}/admin/")
    browser.find_element(By.CSS_SELECTOR, "#page input[name=q]").send_keys("12 00 01", Keys.ENTER)
    wait(browser, lambda: urlsplit(browser.current_url).path == reverse("person", args=(aicha.pk,)))
    assert "Aïcha Exemple" in _text(browser)
    screenshot("day-03-person")

    click(browser, page_of(aicha.account, "give_rate"))
    _says(browser, "sans le payer")
    Select(browser.find_element(By.NAME, "rate")).select_by_visible_text(f"Famille : {PACK} crédits")
    screenshot("day-04-give-a-pack")
    _confirm(browser)
    _says(browser, "Le forfait est donné.")
    screenshot("day-05-pack-given")
    assert balance(aicha) == WELCOME + PACK + PACK
    assert Account.objects.get(user=aicha).rate == pack

    browser.get(url + page_of(paid))
    click(browser, page_of(paid, "request_refund"))
    wait(browser, lambda: browser.find_elements(By.NAME, "reason"))
    browser.find_element(By.NAME, "reason").send_keys("Acheté par erreur")
    screenshot("day-06-ask-for-a-refund")
    browser.find_element(By.NAME, "reason").send_keys(Keys.ENTER)
    _says(browser, "La demande attend la décision d'une seconde personne.")
    screenshot("day-07-waits-for-a-second-person")
    approval = Approval.objects.get()
    assert not Refund.objects.exists()

    _sign_in(colleagues_browser, url, firmin, phones[firmin.pk])
    _follow_queue(colleagues_browser, url, "Demandes à approuver")
    screenshot("day-08-what-waits", colleagues_browser)
    click(colleagues_browser, page_of(approval))
    wait(
        colleagues_browser,
        lambda: colleagues_browser.find_elements(By.CSS_SELECTOR, f'a[href="{page_of(approval, "approve")}"]'),
    )
    screenshot("day-09-the-request", colleagues_browser)
    click(colleagues_browser, page_of(approval, "approve"))
    _says(colleagues_browser, "Cette décision est définitive.")
    _confirm(colleagues_browser)
    _says(colleagues_browser, "La demande est approuvée et exécutée.")
    screenshot("day-10-approved", colleagues_browser)
    refund = Refund.objects.get()
    assert (refund.status, refund.amount, refund.requested_by, refund.approved_by) == (
        "approved",
        PAID,
        estelle,
        firmin,
    )

    _follow_queue(browser, url, "Remboursements à envoyer")
    click(browser, page_of(refund))
    _says(browser, "Noter l'envoi")
    click(browser, page_of(refund, "mark_sent"))
    wait(browser, lambda: browser.find_elements(By.NAME, "external_reference"))
    browser.find_element(By.NAME, "external_reference").send_keys("GW-2026-11", Keys.ENTER)
    _says(browser, "L'envoi est noté.")
    screenshot("day-11-refund-sent")

    _follow_queue(browser, url, "Paiements à vérifier")
    click(browser, page_of(held))
    _says(browser, "Accepter le paiement")
    screenshot("day-12-held")
    click(browser, page_of(held, "accept_held"))
    _says(browser, "Cette décision est définitive.")
    _confirm(browser)
    _says(browser, "Le paiement est accepté.")
    screenshot("day-13-accepted")
    assert balance(bruno) == WELCOME + SMALL_PACK

    browser.get(f"{url}/admin/")
    assert _today_in_chart(browser, "Paiements par issue") == ([2, 0, 0], [2, 0, 0])
    assert Payment.objects.filter(status="succeeded").count() == Payment.objects.count() == 2
    assert _today_in_chart(browser, "Crédits") == ([PACK + SMALL_PACK, 0], [PACK + SMALL_PACK, 0])
    signed_in = Event.objects.filter(action="user.signed_in").count()
    assert signed_in == 4
    assert _today_in_chart(browser, "Activité")[0][0] == signed_in
    screenshot("day-14-charts")

    assert verify_ledger().findings == []
    for each in (browser, colleagues_browser):
        assert requested_hosts(each) <= {"localhost", "127.0.0.1"}
        assert errors_of(each) == []
