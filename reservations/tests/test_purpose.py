"""A reservation as something that can be paid for: what it costs, what keeps it, what the money gives."""

import uuid
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.tests.factories import make_user
from audit.models import Event
from common.errors import NotFound
from common.tests.rows import contents
from payments import purposes
from payments.exceptions import AlreadyPaid
from payments.models import Payment
from reservations.enums import Status
from reservations.exceptions import NotPayable
from reservations.models import EpgRequest, Reservation, ReservationLine
from reservations.purpose import ReservationPurpose
from reservations.services.epg import resolving
from reservations.tests.factories import make_epg_request, make_pharmacist, make_reservation, make_stock, pay

pytestmark = pytest.mark.django_db

PAYABLE = (Status.CONFIRMED, Status.READY)


@pytest.fixture
def purpose():
    return purposes.get("reservation")


def _payment(reservation, minutes=15):
    return Payment(
        user=reservation.user,
        purpose="reservation",
        purpose_id=str(reservation.public_id),
        amount=reservation.total,
        expires_at=timezone.now() + timedelta(minutes=minutes),
    )


def test_it_is_registered(purpose):
    assert isinstance(purpose, ReservationPurpose)


@pytest.mark.parametrize("status", PAYABLE)
def test_quote(purpose, status):
    reservation = make_reservation(stock=make_stock(price=1500), quantity=2, status=status)

    quote = purpose.quote(reservation.user_id, str(reservation.public_id))
    assert (quote.amount, quote.currency, dict(quote.terms)) == (3000, "XAF", {})
    # It goes to the gateway: the proof at the counter does not.
    assert quote.label == f"Réservation à {reservation.pharmacy.name}"


@pytest.mark.parametrize("status", [status for status in Status if status not in PAYABLE])
def test_what_cannot_be_paid(purpose, status):
    reservation = make_reservation(status=status)
    Reservation.objects.update(paid_at=timezone.now() if status == Status.COLLECTED else None)
    before = contents()

    refusal = AlreadyPaid if status == Status.COLLECTED else NotPayable
    with pytest.raises(refusal):
        purpose.quote(reservation.user_id, str(reservation.public_id))
    with pytest.raises(refusal), transaction.atomic():
        purpose.opened(_payment(reservation))
    assert not purpose.can_grant(_payment(reservation))
    assert contents() == before


def test_what_is_paid_already(purpose):
    reservation = make_reservation()
    pay(reservation)

    with pytest.raises(AlreadyPaid):
        purpose.quote(reservation.user_id, str(reservation.public_id))
    assert not purpose.can_grant(_payment(reservation))


def test_what_is_overdue(purpose):
    reservation = make_reservation()
    Reservation.objects.update(expires_at=timezone.now())

    with pytest.raises(NotPayable):
        purpose.quote(reservation.user_id, str(reservation.public_id))
    with pytest.raises(NotPayable), transaction.atomic():
        purpose.opened(_payment(reservation))
    assert not purpose.can_grant(_payment(reservation))


@pytest.mark.parametrize("public_id", [None, uuid.uuid4()])
def test_somebody_elses_is_as_unknown_as_none(purpose, public_id):
    reservation = make_reservation()

    with pytest.raises(NotFound) as refused:
        purpose.quote(make_user().pk, str(public_id or reservation.public_id))
    assert refused.value.code == "unknown_reservation"


def test_nothing_can_be_granted_for_what_is_gone(purpose):
    reservation = make_reservation()
    reservation.public_id = uuid.uuid4()

    assert purpose.can_grant(_payment(reservation)) is False


@pytest.mark.parametrize("minutes, prolonged", [(119, False), (125, True)])
def test_hold_lasts_at_least_as_long_as_the_payment_blocks(purpose, minutes, prolonged):
    reservation = make_reservation()
    payment = _payment(reservation, minutes)

    purpose.opened(payment)

    expected = payment.expires_at if prolonged else reservation.expires_at
    assert Reservation.objects.get().expires_at == expected
    assert ReservationLine.objects.get().held_until == expected


@pytest.mark.parametrize("hours_asked, prolonged", [(3.5, True), (0, False)])
def test_time_of_what_epg_has_confirmed_begins_with_that(hours_asked, prolonged, purpose, settings):
    """Somebody may have had to telephone for hours: the patient's payment is waited for all the same."""
    request = make_epg_request()
    resolving.found_upstream(request, number="R7", by=make_pharmacist(request.pharmacy))
    about_to_end = timezone.now() + timedelta(minutes=1)
    Reservation.objects.update(
        created_at=timezone.now() - settings.HOLD_UNPAID - timedelta(hours=3), expires_at=about_to_end
    )
    EpgRequest.objects.update(confirmed_at=timezone.now() - settings.HOLD_UNPAID - timedelta(hours=3 - hours_asked))

    payment = _payment(request.reservation)
    purpose.opened(payment)

    assert Reservation.objects.get().expires_at == (payment.expires_at if prolonged else about_to_end)


def test_grant_keeps_the_boxes_for_two_days(purpose, settings):
    reservation = make_reservation()
    payment = pay(reservation)
    Reservation.objects.update(paid_at=None)
    assert purpose.can_grant(payment)

    purpose.grant(payment)

    paid = Reservation.objects.get()
    assert paid.paid_at is not None
    assert paid.expires_at == paid.paid_at + settings.HOLD_PAID
    assert ReservationLine.objects.get().held_until == paid.expires_at
    assert paid.status == "confirmed"
    event = Event.objects.get(action="reservation.paid")
    assert (event.entity_id, event.amount) == (str(reservation.public_id), payment.amount)
    assert event.changes == {"payment": str(payment.public_id)}
    assert not purpose.can_grant(payment)
