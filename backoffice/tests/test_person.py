"""One page a person and the field that finds it: all that the reader may see, and no more, from as many queries."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.enums import Duty, Role
from accounts.models import Account, User
from accounts.tests.factories import make_session, make_user
from appointments.tests.factories import at as slot
from appointments.tests.factories import make_appointment
from audit.models import Event
from backoffice.tests.pages import page_of
from backoffice.tests.world import make_rate_payment, make_refund
from reservations.tests.factories import make_pharmacist, make_reservation, make_stock

pytestmark = pytest.mark.django_db

SignedIn = Callable[[User | None], Client]
ALL = ["Relevé", "Réservations", "Rendez-vous", "Paiements", "Remboursements", "Journal", "Sessions"]


def _staff(duty: Duty) -> User:
    user = make_user(Role.STAFF)
    user.groups.set([Group.objects.get(name=duty)])
    return user


def _sheet(client: Client, user: User) -> Any:
    response = client.get(reverse("person", args=(user.pk,)))
    assert response.status_code == 200
    return response.context["sheet"]


def _full(patient: User, days: int = 3) -> None:
    make_reservation(user=patient)
    appointment = make_appointment(patient=patient, starts_at=slot(days=days))
    type(appointment).objects.filter(pk=appointment.pk).update(reason="mal de dos")
    make_refund(payment=make_rate_payment(patient))
    make_session(patient)


def test_a_person_is_one_page(signed_in: SignedIn) -> None:
    patient = make_user(credits=42, first_name="Aïcha", last_name="Exemple", phone="+24177123456")
    _full(patient)

    client = signed_in(make_user(Role.ADMIN))
    sheet = _sheet(client, patient)

    assert [str(part.title) for part in sheet.parts] == ALL
    # Of the ledger: welcome, the correction of the test, the pack. Of the log: their creation, and these three.
    assert [len(part.rows) for part in sheet.parts] == [3, 1, 1, 1, 1, 4, 1]
    assert sheet.account.credit == 72
    content = client.get(reverse("person", args=(patient.pk,))).content.decode()
    for text in ("Aïcha Exemple", "+24177123456", "Famille", "mypayga"):
        assert text in content
    assert "mal de dos" not in content


def test_a_person_of_whom_there_is_nothing_has_a_page_that_says_so(signed_in: SignedIn) -> None:
    patient = make_user()
    content = signed_in(make_user(Role.STAFF)).get(reverse("person", args=(patient.pk,))).content.decode()
    assert "Aucune réservation." in content
    assert "Jamais connectée par l&#x27;application." in content


@pytest.mark.parametrize(
    ("duty", "parts"),
    [
        (Duty.GENERAL, ALL),
        (Duty.AUDITOR, ALL),
        (Duty.SUPPORT, [name for name in ALL if name != "Journal"]),
        (Duty.CASHIER, ["Relevé", "Réservations", "Paiements", "Remboursements", "Sessions"]),
        (Duty.MEDICAL_SECRETARY, ["Rendez-vous", "Sessions"]),
    ],
)
def test_each_duty_sees_its_parts(signed_in: SignedIn, duty: Duty, parts: list[str]) -> None:
    patient = make_user(credits=42)
    _full(patient)
    sheet = _sheet(signed_in(_staff(duty)), patient)
    assert [str(part.title) for part in sheet.parts] == parts
    assert (sheet.account is None) is (duty == Duty.MEDICAL_SECRETARY)


def test_an_auditor_has_no_buttons_and_staff_the_ones_that_fit(signed_in: SignedIn) -> None:
    patient = make_user()
    assert _sheet(signed_in(_staff(Duty.AUDITOR)), patient).buttons == []
    urls = [button.url.partition("?")[0] for button in _sheet(signed_in(make_user(Role.ADMIN)), patient).buttons]
    assert page_of(patient, "disable_user") in urls
    assert page_of(patient, "enable_user") not in urls
    account = Account.objects.get(user=patient)
    for name in ("grant_credits", "adjust_credits", "disable_account"):
        assert page_of(account, name) in urls


def test_others_are_refused_and_leave_no_trace(signed_in: SignedIn) -> None:
    patient = make_user()
    address = reverse("person", args=(patient.pk,))
    for somebody, status in (
        (_staff(Duty.CATALOGUE), 403),
        (make_pharmacist(make_stock().pharmacy), 403),
        (make_user(Role.DOCTOR), 302),
        (patient, 302),
        (None, 302),
    ):
        assert signed_in(somebody).get(address).status_code == status
    assert signed_in(make_user(Role.ADMIN)).get(reverse("person", args=(999_999,))).status_code == 404
    assert signed_in(make_user(Role.ADMIN)).post(address).status_code == 405
    assert not Event.objects.filter(action="page.read").exists()


def test_the_page_is_one_event(signed_in: SignedIn) -> None:
    patient, staff = make_user(), make_user(Role.STAFF)
    _sheet(signed_in(staff), patient)
    event = Event.objects.get(action="page.read")
    assert (event.entity, event.entity_id, event.actor_id) == ("user", str(patient.pk), str(staff.pk))


def test_the_page_costs_as_many_queries_for_one_row_as_for_three(signed_in: SignedIn) -> None:
    patient = make_user(credits=1)
    client = signed_in(make_user(Role.STAFF))

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            _sheet(client, patient)
        return sum(query["sql"].startswith("SELECT") for query in seen.captured_queries)

    _full(patient)
    at_one = queries()
    _full(patient, days=4)
    _full(patient, days=5)
    # Session, user, rights; the person, the account; seven parts, of which the event log takes three.
    assert queries() == at_one
    assert at_one <= 4 + 2 + 9 + 1


def test_credits_are_given_from_the_page_and_lead_back_to_it(signed_in: SignedIn) -> None:
    patient, staff = make_user(credits=10), make_user(Role.STAFF)
    client = signed_in(staff)
    (button,) = [each for each in _sheet(client, patient).buttons if "grant-credits" in each.url]

    asked = client.get(button.url)
    given = {"credits": 5, "reason": "geste", "once": asked.context["once"]}
    response = client.post(button.url, given)

    assert (response.status_code, response.url) == (302, reverse("person", args=(patient.pk,)))
    assert Account.objects.get(user=patient).credit == 15


def test_a_button_leads_nowhere_but_to_this_site(signed_in: SignedIn) -> None:
    patient = make_user()
    account = Account.objects.get(user=patient)
    client = signed_in(make_user(Role.STAFF))
    for target in ("https://evil.example/", "//evil.example/", "javascript:alert(1)"):
        address = page_of(account, "disable_account" if account.is_active else "enable_account")
        once = client.get(address).context["once"]
        response = client.post(f"{address}?next={target}", {"once": once})
        assert response.url == page_of(account), target
        account.refresh_from_db()


def _found(client: Client, term: str) -> list[str]:
    response = client.get(reverse("find"), {"q": term})
    if response.status_code == 302:
        return [response.url]
    return [hit.url for group in response.context["found"] for hit in group.hits]


@pytest.mark.parametrize("term", ["7712 34", "077 12 34 56", "+241 77 12 34 56", "123456", "exem", "AÏCHA", "aicha@"])
def test_a_person_is_found_by_half_a_number_a_name_or_an_address(signed_in: SignedIn, term: str) -> None:
    patient = make_user(email="aicha@example.org", first_name="Aïcha", last_name="Exemple", phone="+24177123456")
    make_user(email="other@example.com", first_name="Brice", last_name="Autre", phone="+24166999999")

    assert _found(signed_in(make_user(Role.STAFF)), term) == [reverse("person", args=(patient.pk,))]


def test_a_pickup_code_and_a_payment_reference_lead_to_their_page(signed_in: SignedIn) -> None:
    reservation = make_reservation()
    payment = make_rate_payment()
    client = signed_in(make_user(Role.STAFF))
    assert _found(client, reservation.pickup_code.lower()) == [page_of(reservation)]
    assert _found(client, payment.attempts.get().reference) == [page_of(payment)]
    assert _found(client, str(payment.public_id)) == [page_of(payment)]


def test_nobody_finds_what_they_may_not_see(signed_in: SignedIn) -> None:
    patient, stock = make_user(phone="+24177123456"), make_stock()
    make_reservation(user=patient)
    own = make_reservation(user=patient, stock=stock)
    assert _found(signed_in(make_pharmacist(stock.pharmacy)), "77123456") == [page_of(own)]
    assert _found(signed_in(_staff(Duty.CATALOGUE)), "77123456") == []


def test_a_search_is_one_event_with_its_term_erasable(signed_in: SignedIn) -> None:
    client = signed_in(make_user(Role.STAFF))
    assert _found(client, "zzz personne") == []
    event = Event.objects.get(action="page.listed")
    assert (event.entity, event.changes, event.personal.values) == ("search", {}, {"q": "zzz personne"})
    assert "Rien ne correspond" in client.get(reverse("find"), {"q": "zzz"}).content.decode()
    assert "au moins 3" in client.get(reverse("find"), {"q": "z"}).content.decode()
