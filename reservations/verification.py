"""What `verify_ledger` asks of reservations: paid is paid for once, and what was paid in vain is due back."""

from collections.abc import Iterator
from uuid import UUID

from accounts.services.verification import Finding
from common.chunks import by_pk
from payments.enums import Status
from payments.models import Payment
from payments.selectors import with_money
from reservations.enums import ACTIVE
from reservations.enums import Status as ReservationStatus
from reservations.models import Reservation

_KEEPS = (*ACTIVE, ReservationStatus.COLLECTED)


def check_reservations() -> Iterator[Finding]:
    yield from _paid_without_payment()
    yield from _money_without_reservation()


def _paid_without_payment() -> Iterator[Finding]:
    for chunk in by_pk(Reservation.objects.filter(paid_at__isnull=False)):
        kept = _kept([str(reservation.public_id) for reservation in chunk])
        for reservation in chunk:
            row, number = f"reservation {reservation.public_id}", str(reservation.public_id)
            if number not in kept:
                yield Finding(row, "paid without a payment that succeeded")
                continue
            allowed = reservation.total if reservation.status in _KEEPS else 0
            if kept[number] > allowed:
                yield Finding(row, f"{reservation.status}: {kept[number]} kept, {allowed} owed")


def _money_without_reservation() -> Iterator[Finding]:
    """Payments of reservations that nobody calls paid."""
    paid = Payment.objects.filter(purpose="reservation", status=Status.SUCCEEDED)
    for chunk in by_pk(with_money(paid)):
        numbers = [UUID(payment.purpose_id) for payment in chunk]
        known = set(
            Reservation.objects.filter(public_id__in=numbers, paid_at__isnull=False).values_list("public_id", flat=True)
        )
        for payment in chunk:
            if UUID(payment.purpose_id) not in known and payment.back < payment.received:
                yield Finding(f"payment {payment.public_id}", "succeeded, nothing granted and not all due back")


def _kept(purpose_ids: list[str]) -> dict[str, int]:
    paid = Payment.objects.filter(purpose="reservation", purpose_id__in=purpose_ids, status=Status.SUCCEEDED)
    kept: dict[str, int] = {}
    for payment in with_money(paid):
        kept[payment.purpose_id] = kept.get(payment.purpose_id, 0) + payment.received - payment.back
    return kept
