"""The one place where an appointment changes its status, with what follows for credits, money and the waitlist."""

from django.utils import timezone

from accounts.models import User
from accounts.services import ledger
from appointments.enums import ACTIVE, MOVES, RARE_ENDS, PaidWith, Status
from appointments.labels import FEE_BACK, GIVEN_UP, fee_reference
from appointments.models import Appointment
from appointments.services.freed import free_slot
from appointments.signals import appointment_changed
from payments.enums import Status as PaymentState
from payments.models import Payment
from payments.services.refunds import create_due_refund, kept_amount

# What the patient is told of by mail: see `services/notices.py`.
_ANNOUNCED = (Status.BOOKED, Status.CANCELLED)


def move(
    appointment: Appointment,
    status: Status,
    *,
    by: User | None,
    kept_percent: int = 0,
    returns_charge: bool = False,
    reason: str = "",
) -> None:
    """Move a locked appointment, free its slot, give back what is due; announce it.

    `kept_percent` of the fee stays with the practice where it ends early; `returns_charge` gives the credits back that
    booking itself cost. Raises `IllegalMove` (409) for anything that `MOVES` does not allow.
    """
    MOVES.check(appointment.status, status)
    old = Status(appointment.status)
    now = timezone.now()
    appointment.status = status
    appointment.hold_expires_at = None
    appointment.sequence += 1
    if status in _ANNOUNCED and not (status == Status.CANCELLED and old == Status.HELD):
        appointment.notice_due_at = now
    if status == Status.CANCELLED:
        appointment.cancelled_at, appointment.cancelled_by = now, by
        appointment.cancel_reason = reason[:200]
    if status in RARE_ENDS and appointment.paid_with == PaidWith.CREDITS:
        paid = appointment.price_credits or 0
        appointment.credits_returned = paid - paid * kept_percent // 100
    appointment.save(
        update_fields=[
            "status",
            "credits_returned",
            "hold_expires_at",
            "sequence",
            "notice_due_at",
            "cancelled_at",
            "cancelled_by",
            "cancel_reason",
            "updated_at",
        ]
    )
    if returns_charge:
        ledger.refund(
            appointment.patient_id,
            appointment.credits_charged,
            reference=f"appointment:{appointment.public_id}",
            label=str(GIVEN_UP),
            by=by,
        )
    if status in RARE_ENDS:
        _give_back(appointment, kept_percent, by=by)
    if status not in ACTIVE and appointment.starts_at > now:
        free_slot(appointment, starts_at=appointment.starts_at)
    appointment_changed.send(Appointment, appointment=appointment, old=old, by=by)


def _give_back(appointment: Appointment, kept_percent: int, *, by: User | None) -> None:
    """The fee without the share that the practice keeps, rounded down in the patient's favour."""
    if appointment.paid_with == PaidWith.CREDITS:
        ledger.refund(
            appointment.patient_id,
            appointment.credits_returned or 0,
            reference=fee_reference(appointment.public_id),
            label=str(FEE_BACK),
            by=by,
        )
    elif appointment.paid_with == PaidWith.MONEY:
        # What staff gave back before counts: the practice keeps its share of the fee, and no less.
        kept = kept_amount("appointment", str(appointment.public_id))
        owed = kept - appointment.price * kept_percent // 100
        for payment in paid_payments(appointment):
            due = create_due_refund(payment, reason=f"appointment_{appointment.status}", at_most=owed)
            owed -= due.amount if due else 0


def paid_payments(appointment: Appointment) -> list[Payment]:
    """The payments that came in for it, locked."""
    return list(
        Payment.objects.select_for_update(no_key=True)
        .filter(purpose="appointment", purpose_id=str(appointment.public_id), status=PaymentState.SUCCEEDED)
        .order_by("pk")
    )
