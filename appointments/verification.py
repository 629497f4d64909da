"""What `verify_ledger` proves about appointments: whatever is paid, something paid it."""

from collections.abc import Iterator

from accounts.enums import EntryKind
from accounts.models import CreditEntry
from accounts.services.verification import Finding
from appointments.enums import PaidWith
from appointments.models import Appointment
from common.chunks import by_pk
from payments.enums import Status as PaymentState
from payments.models import Payment


def check_appointments() -> Iterator[Finding]:
    for chunk in by_pk(Appointment.objects.filter(paid_at__isnull=False)):
        numbers = [str(row.public_id) for row in chunk]
        payments = Payment.objects.filter(
            purpose="appointment", purpose_id__in=numbers, status=PaymentState.SUCCEEDED
        ).values_list("purpose_id", flat=True)
        fees = [f"appointment:{number}:fee" for number in numbers]
        spent = CreditEntry.objects.filter(kind=EntryKind.SPEND, reference__in=fees).values_list("reference", flat=True)
        proved = {*payments, *spent}
        for row in chunk:
            number = str(row.public_id)
            proof = number if row.paid_with == PaidWith.MONEY else f"appointment:{number}:fee"
            if proof not in proved:
                yield Finding(f"appointment {number}", f"paid with {row.paid_with}, but nothing paid it")
