"""A few days of March in Libreville, with something on both sides of every midnight."""

import itertools
from datetime import date, datetime
from zoneinfo import ZoneInfo

import time_machine

from accounts.enums import EntryKind
from accounts.models import CreditEntry, User
from accounts.tests.factories import make_user
from audit.enums import Action
from audit.services import record
from backoffice.tests.world import make_rate_payment
from payments.enums import Status as PaymentStatus
from payments.models import Payment
from reservations.enums import Status as ReservationStatus
from reservations.models import Reservation
from reservations.tests.factories import make_reservation

ZONE = ZoneInfo("Africa/Libreville")
MONDAY, TUESDAY, WEDNESDAY = date(2026, 3, 16), date(2026, 3, 17), date(2026, 3, 18)

_numbers = itertools.count(1)


def at(day: date, hour: int = 12, minute: int = 0, second: int = 0) -> time_machine.travel:
    """It is that time, by the clocks of Libreville."""
    return time_machine.travel(datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=ZONE), tick=False)


def sign_in(user: User) -> None:
    record(Action.USER_SIGNED_IN, entity="user", entity_id=user.pk)


def check_availability(user: User) -> None:
    record(Action.AVAILABILITY_CHECKED, entity="pharmacy", entity_id=user.pk)


def book_entry(user: User, kind: EntryKind, amount: int) -> None:
    """A line of the ledger alone."""
    CreditEntry.objects.create(
        account=user.account, amount=amount, balance_after=100, kind=kind, reference=f"days:{next(_numbers)}"
    )


def put(reservation: Reservation, status: ReservationStatus) -> None:
    Reservation.objects.filter(pk=reservation.pk).update(status=status)


def make_days() -> dict[str, object]:
    """Three days; the last is today.

    |                          | Monday          | Tuesday            | Wednesday |
    | people                   | 1 (23:59:59)    | 1 (00:00:00)       | 0         |
    | sign-ins                 | 1 (23:59:59)    | 2 (00:00:00, 9:00) | 1         |
    | availability checks      | 0               | 1                  | 2         |
    | packs (credits)          | 1 (30)          | 1 (30)             | 1 (75)    |
    | credits consumed (times) | 2 (1)           | 5 (2)              | 1 (1)     |
    | reservations             | collected       | expired, cancelled | confirmed |
    | payments, 2,500 XAF each | succeeded       | succeeded, failed  | pending   |
    """
    with at(MONDAY, 23, 59, 59):
        first = make_user()
        sign_in(first)
        book_entry(first, EntryKind.SPEND, -2)
        collected = make_reservation(user=first, status=ReservationStatus.COLLECTED)
        paid = make_rate_payment(first)
    with at(TUESDAY, 0):
        second = make_user()
        sign_in(second)
        book_entry(second, EntryKind.SPEND, -4)
    with at(TUESDAY, 9):
        sign_in(second)
        check_availability(second)
        book_entry(second, EntryKind.SPEND, -1)
        expired = make_reservation(user=second, status=ReservationStatus.EXPIRED)
        make_reservation(user=second, status=ReservationStatus.CANCELLED)
        make_rate_payment(second)
        failed = make_rate_payment(second, status=PaymentStatus.PENDING)
        Payment.objects.filter(pk=failed.pk).update(status=PaymentStatus.FAILED, blocks=False, next_at=None)
    with at(WEDNESDAY, 8):
        sign_in(first)
        check_availability(first)
        check_availability(second)
        book_entry(first, EntryKind.RATE, 75)
        book_entry(first, EntryKind.SPEND, -1)
        confirmed = make_reservation(user=first)
        pending = make_rate_payment(first, status=PaymentStatus.PENDING)
    return {
        "first": first,
        "second": second,
        "collected": collected,
        "expired": expired,
        "confirmed": confirmed,
        "paid": paid,
        "failed": failed,
        "pending": pending,
    }
