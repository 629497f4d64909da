"""The week of a practice as a receptionist works with it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from accounts.enums import Role
from accounts.models import User
from accounts.tests.factories import make_user
from appointments.models import Appointment
from appointments.tests.factories import at, make_appointment, make_practitioner, make_time_off
from tests.browser.driving import errors_of, requested_hosts, wait

pytestmark = pytest.mark.django_db(transaction=True)

LOCAL = {"localhost", "127.0.0.1"}


def _text(browser: webdriver.Chrome) -> str:
    return browser.find_element(By.TAG_NAME, "body").text


def test_receptionist_reads_the_week_books_moves_and_prints(
    browser: webdriver.Chrome,
    live_server: Any,
    sign_in: Callable[[User], None],
    screenshot: Callable[[str], None],
) -> None:
    doctor = make_practitioner(place="Cabinet du port", grid_minutes=30)
    patient = make_user(first_name="Aïcha", last_name="Exemple", phone="+24177000001")
    # The week after this one, whatever day it is: nothing of it is past.
    monday = at(9) + timedelta(days=7 - at(9).astimezone(doctor.zone).weekday())
    booked = make_appointment(practitioner=doctor, patient=patient, starts_at=monday)
    make_time_off(doctor, monday + timedelta(days=1, hours=3), monday + timedelta(days=1, hours=6))
    newcomer = make_user(first_name="Bruno", last_name="Exemple")
    week = live_server.url + reverse("admin:appointments_practitioner_week", args=(doctor.pk,))
    sign_in(make_user(Role.STAFF))

    browser.get(f"{week}?date={monday.date()}")
    assert "09:00–09:30 Aïcha Exemple" in _text(browser)
    assert "Absent" in _text(browser)
    screenshot("week")

    browser.find_element(By.LINK_TEXT, "10:00").click()
    wait(browser, lambda: browser.find_elements(By.NAME, "patient"))
    screenshot("week-book")
    browser.find_element(By.NAME, "patient").send_keys(newcomer.email, Keys.ENTER)
    wait(browser, lambda: "Le rendez-vous est pris." in _text(browser))
    assert "10:00–10:30 Bruno Exemple" in _text(browser)
    assert Appointment.objects.get(patient=newcomer).starts_at == monday + timedelta(hours=1)

    browser.get(f"{week}?date={monday.date()}&moving={booked.pk}")
    wait(browser, lambda: "Choisissez le nouveau créneau de Aïcha Exemple" in _text(browser))
    screenshot("week-moving")
    browser.find_element(By.LINK_TEXT, "11:00").click()
    wait(browser, lambda: "Déplacer le rendez-vous" in _text(browser))
    browser.find_element(By.CSS_SELECTOR, "form button[type=submit]:not([form]).bg-primary-600").click()
    wait(browser, lambda: "Le rendez-vous est déplacé." in _text(browser))
    booked.refresh_from_db()
    assert booked.starts_at == monday + timedelta(hours=2)

    day = reverse("admin:appointments_practitioner_day", args=(doctor.pk,))
    browser.get(f"{live_server.url}{day}?date={monday.date()}")
    assert "+24177000001" in _text(browser)
    screenshot("day-list")
    browser.get(live_server.url + reverse("admin:appointments_practitioner_change", args=(doctor.pk,)))
    screenshot("practitioner")

    assert requested_hosts(browser) <= LOCAL
    assert errors_of(browser) == []
