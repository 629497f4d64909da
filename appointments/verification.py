"""What `verify_ledger` proves about appointments: whatever is paid, something paid it; nothing was paid in vain."""

from collections.abc import Iterator
from uuid import UUID

from accounts.enums import EntryKind
from accounts.models import CreditEntry
from accounts.services.verification import Finding, entry_row
from appointments.enums import ACTIVE, PaidWith, Status
from appointments.labels import fee_reference
from appointments.models import Appointment
from common.chunks import by_pk
from payments.enums import Status as PaymentState
from payments.models import Payment
from payments.selectors import with_money

_KEEPS = (*ACTIVE, Status.COMPLETED, Status.NO_SHOW)


def check_appointments() -> Iterator[Finding]:
    yield from _paid_with_money()
    yield from _paid_with_credits()
    yield from _money_without_appointment()
    yield from _fees_without_appointment()


def _paid_with_money() -> Iterator[Finding]:
    for chunk in by_pk(Appointment.objects.filter(paid_with=PaidWith.MONEY)):
        kept = _kept([str(row.public_id) for row in chunk])
        for row in chunk:
            number = str(row.public_id)
            if number not in kept:
                yield Finding(f"appointment {number}", "paid with money, but nothing paid it")
                continue
            # Who cancels late loses a share, which the doctor may have set anew since.
            keeps = row.status in _KEEPS or (row.status == Status.CANCELLED and row.cancelled_by_id == row.patient_id)
            allowed = row.price if keeps else 0
            if kept[number] > allowed:
                yield Finding(f"appointment {number}", f"{row.status}: {kept[number]} kept, {allowed} owed")


def _paid_with_credits() -> Iterator[Finding]:
    for chunk in by_pk(Appointment.objects.filter(paid_with=PaidWith.CREDITS)):
        fees = CreditEntry.objects.filter(
            kind=EntryKind.SPEND, reference__in=[fee_reference(row.public_id) for row in chunk]
        )
        spent = {
            reference: (user_id, -amount)
            for reference, user_id, amount in fees.values_list("reference", "account__user_id", "amount")
        }
        for row in chunk:
            proof = spent.get(fee_reference(row.public_id))
            # Nothing was booked for a fee of nothing, which practices could ask for once.
            if proof is None and row.price_credits:
                yield Finding(f"appointment {row.public_id}", "paid with credits, but nothing paid it")
            elif proof is not None and proof != (row.patient_id, row.price_credits):
                what = f"{row.price_credits} credits were its fee, user {proof[0]} paid {proof[1]}"
                yield Finding(f"appointment {row.public_id}", what)


def _money_without_appointment() -> Iterator[Finding]:
    """Payments of appointments that nobody calls paid."""
    paid = Payment.objects.filter(purpose="appointment", status=PaymentState.SUCCEEDED)
    for chunk in by_pk(with_money(paid)):
        known = _known({payment.purpose_id for payment in chunk}, PaidWith.MONEY)
        for payment in chunk:
            if payment.purpose_id not in known and payment.back < payment.received:
                yield Finding(f"payment {payment.public_id}", "succeeded, nothing granted and not all due back")


def _fees_without_appointment() -> Iterator[Finding]:
    fees = CreditEntry.objects.filter(
        kind=EntryKind.SPEND, reference__startswith="appointment:", reference__endswith=":fee"
    )
    for chunk in by_pk(fees):
        known = _known({_number(entry) for entry in chunk}, PaidWith.CREDITS)
        for entry in chunk:
            if _number(entry) not in known:
                row = entry_row(entry.account_id, entry.pk)
                yield Finding(row, f"a fee, and nothing is paid with it ({entry.reference})", entry.account_id)


def _known(numbers: set[str], paid_with: PaidWith) -> set[str]:
    paid = Appointment.objects.filter(public_id__in=[UUID(number) for number in numbers], paid_with=paid_with)
    return {str(public_id) for public_id in paid.values_list("public_id", flat=True)}


def _number(entry: CreditEntry) -> str:
    return entry.reference.split(":")[1]


def _kept(purpose_ids: list[str]) -> dict[str, int]:
    paid = Payment.objects.filter(purpose="appointment", purpose_id__in=purpose_ids, status=PaymentState.SUCCEEDED)
    kept: dict[str, int] = {}
    for payment in with_money(paid):
        kept[payment.purpose_id] = kept.get(payment.purpose_id, 0) + payment.received - payment.back
    return kept
