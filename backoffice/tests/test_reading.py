"""Who looks at whose page is an event: one a page, one a list, none for a refusal, and no page waits for it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import models
from django.http import HttpResponse
from django.test import Client, RequestFactory

from accounts.enums import Duty, Role
from accounts.models import Account, User
from accounts.tests.factories import make_user
from audit.models import Event, EventPersonal
from backoffice.tests.pages import model_admins, page, page_of
from backoffice.tests.world import make_rate_payment, make_refund
from catalog.models import Product
from common.admin import reading
from common.context import acting
from reservations.models import Reservation
from reservations.tests.factories import make_pharmacist, make_reservation, make_stock

pytestmark = pytest.mark.django_db

SignedIn = Callable[[User | None], Client]
READINGS = ("page.read", "page.listed")


def _readings() -> list[tuple[str, str, str, str, dict[str, Any]]]:
    found = Event.objects.filter(action__in=READINGS).order_by("pk")
    return [(event.action, event.entity, event.entity_id, event.actor_id, event.changes) for event in found]


def _personal() -> dict[str, Any]:
    values: dict[str, Any] = EventPersonal.objects.get(event__action="page.listed").values
    return values


def test_a_page_is_one_event_about_the_person_and_names_who_looked(signed_in: SignedIn) -> None:
    staff, patient = make_user(Role.STAFF), make_user()
    reservation = make_reservation(user=patient)
    refund = make_refund(payment=make_rate_payment(patient))
    client = signed_in(staff)

    for obj in (patient, Account.objects.get(user=patient), reservation, refund):
        assert client.get(page_of(obj)).status_code == 200

    account = Account.objects.get(user=patient).pk
    assert _readings() == [
        ("page.read", "user", str(patient.pk), str(staff.pk), {"page": name, "id": number})
        for name, number in (
            ("user", str(patient.pk)),
            ("account", str(account)),
            ("reservation", str(reservation.public_id)),
            ("refund", str(refund.public_id)),
        )
    ]
    event = Event.objects.filter(action="page.read").latest("pk")
    assert event.actor_kind == "user"
    assert event.request_id
    assert EventPersonal.objects.get(event=event).ip == "127.0.0.1"


def test_a_list_is_one_event_with_its_filters_and_what_was_typed_can_be_erased(signed_in: SignedIn) -> None:
    staff = make_user(Role.STAFF)
    query = {"q": "077 12 34", "role__exact": "patient", "period": "week", "email__startswith": "aicha", "p": "1"}

    assert signed_in(staff).get(page(User, "changelist"), query).status_code == 200

    filters = {"role__exact": "patient", "period": "week", "p": "1"}
    assert _readings() == [("page.listed", "user", "", str(staff.pk), {"filters": filters})]
    assert _personal() == {"q": "077 12 34", "email__startswith": "aicha"}


def test_a_plain_list_has_no_details(signed_in: SignedIn) -> None:
    signed_in(make_user(Role.STAFF)).get(page(Reservation, "changelist"))
    ((_action, entity, _id, _actor, changes),) = _readings()
    assert (entity, changes, _personal()) == ("reservation", {}, {})


def test_refusals_and_redirections_leave_no_event(signed_in: SignedIn) -> None:
    patient = make_user()
    reservation = make_reservation(user=patient)
    keeper = make_user(Role.STAFF)
    keeper.groups.set([Group.objects.get(name=Duty.CATALOGUE)])
    stranger = make_pharmacist(make_stock().pharmacy)

    for somebody, status in ((keeper, 403), (stranger, 403), (None, 302), (patient, 302)):
        assert signed_in(somebody).get(page_of(patient)).status_code == status
        assert signed_in(somebody).get(page(User, "changelist")).status_code == status
    # To a pharmacist another pharmacy's reservation does not exist.
    assert signed_in(stranger).get(page_of(reservation)).status_code == 302
    assert signed_in(make_user(Role.STAFF)).get(page(User, "change", 999_999)).status_code == 302
    assert _readings() == []


def test_a_pharmacist_who_looks_is_told_of_like_staff(signed_in: SignedIn) -> None:
    patient, stock = make_user(), make_stock()
    pharmacist = make_pharmacist(stock.pharmacy)
    reservation = make_reservation(user=patient, stock=stock)

    signed_in(pharmacist).get(page_of(reservation))

    changes = {"page": "reservation", "id": str(reservation.public_id)}
    assert _readings() == [("page.read", "user", str(patient.pk), str(pharmacist.pk), changes)]


def test_what_is_nobodys_is_no_event(signed_in: SignedIn) -> None:
    stock = make_stock()
    client = signed_in(make_user(Role.STAFF))
    client.get(page(Product, "changelist"))
    client.get(page_of(stock))
    assert _readings() == []


def test_a_decision_is_its_own_event_and_no_reading(signed_in: SignedIn) -> None:
    refund = make_refund()
    signed_in(make_user(Role.STAFF)).post(page_of(refund, "approve"))
    assert _readings() == []
    assert Event.objects.filter(action="refund.approved").count() == 1


def test_nothing_is_written_before_the_answer_is_sent(rf: RequestFactory) -> None:
    """The server closes the answer when it has sent it: that is when, in the name of who had asked."""
    patient = make_user()
    response = HttpResponse()
    with acting("user", "7", request_id="request-7", ip="10.0.0.7"):
        reading.page_was_read(rf.get("/"), response, model=User, person=lambda: patient.pk, obj=patient)
    assert _readings() == []
    # Not `close()` itself, which ends the database connection as well.
    for closer in response._resource_closers:
        closer()
    assert _readings() == [("page.read", "user", str(patient.pk), "7", {"page": "user", "id": str(patient.pk)})]
    assert Event.objects.get(action="page.read").request_id == "request-7"


def test_a_page_is_shown_although_its_reading_cannot_be_written(
    signed_in: SignedIn, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(**kwargs: Any) -> None:
        raise RuntimeError("no disk left")

    reading.page_read.connect(broken)
    try:
        patient = make_user()
        assert signed_in(make_user(Role.STAFF)).get(page_of(patient)).status_code == 200
    finally:
        reading.page_read.disconnect(broken)
    assert "a reading was not written down" in caplog.text


def test_every_admin_of_somebodys_rows_says_whose() -> None:
    """A relation to a person, an account, a payment or a reservation makes a row somebody's."""
    somebodys = {"user", "patient", "beneficiary", "account", "payment", "reservation"}
    missing = {
        model._meta.label
        for model, model_admin in model_admins()
        if not getattr(model_admin, "person_path", "")
        and any(isinstance(field, models.ForeignKey) and field.name in somebodys for field in model._meta.fields)
    }
    # Doctors and those who work somewhere: what is shown there is public.
    assert missing == {"appointments.Practitioner"}
