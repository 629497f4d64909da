"""What patients, doctors and staff do with an appointment after it was booked."""

from datetime import datetime, timedelta

from django.utils import timezone

from accounts.models import User
from accounts.services import ledger
from appointments.enums import ACTIVE, MOVES, TOLD_AFTERWARDS, EntryStatus, OfferStatus, PaidWith, Status
from appointments.exceptions import AlreadyStarted, NotPayable, NotStarted
from appointments.labels import FEE, fee_reference
from appointments.models import Appointment, WaitlistOffer
from appointments.services.locks import lock
from appointments.services.moves import move
from appointments.services.offers import close_offer
from appointments.signals import appointment_described, appointment_paid, notes_changed
from common.crypto import decrypt, encrypt
from common.errors import Forbidden
from common.unit_of_work import unit_of_work
from payments.exceptions import AlreadyPaid


def cancel(appointment: Appointment, *, reason: str = "", by: User) -> Appointment:
    """The patient, the doctor or staff call it off; it stays in the history.

    A patient who cancels late loses the doctor's share of the fee and what booking cost; whoever the practice sends
    away gets everything back. Raises `AlreadyStarted`, `IllegalMove` (409).
    """
    handles = is_helper(appointment, by)
    if appointment.patient_id != by.pk and not handles:
        raise Forbidden
    with unit_of_work():
        locked = lock(appointment.pk)
        MOVES.check(locked.status, Status.CANCELLED)
        now = timezone.now()
        if locked.starts_at <= now and not handles:
            raise AlreadyStarted
        late = not handles and locked.status != Status.HELD and now > free_until(locked)
        close_offer(locked, OfferStatus.DECLINED, EntryStatus.WAITING, by=by)
        move(
            locked,
            Status.CANCELLED,
            by=by,
            reason=reason,
            kept_percent=locked.practitioner.late_share_percent if late else 0,
            returns_charge=not late,
        )
    return locked


def free_until(appointment: Appointment) -> datetime:
    """Until when the patient may cancel or move it without a loss."""
    return appointment.starts_at - timedelta(hours=appointment.practitioner.free_cancellation_hours)


def confirm(appointment: Appointment, *, by: User) -> Appointment:
    """`booked → confirmed`: the doctor, or staff, expect the patient."""
    return _handle(appointment, Status.CONFIRMED, by=by)


def complete(appointment: Appointment, *, by: User) -> Appointment:
    """`confirmed → completed`: the visit took place. Raises `NotStarted` (409) before the beginning."""
    return _handle(appointment, Status.COMPLETED, by=by)


def mark_no_show(appointment: Appointment, *, by: User) -> Appointment:
    """`booked | confirmed → no_show`: the practice keeps its share. Raises `NotStarted` (409) before the beginning."""
    return _handle(appointment, Status.NO_SHOW, by=by)


def _handle(appointment: Appointment, status: Status, *, by: User) -> Appointment:
    require_handler(appointment, by)
    with unit_of_work():
        locked = lock(appointment.pk)
        MOVES.check(locked.status, status)
        if status in TOLD_AFTERWARDS and locked.starts_at > timezone.now():
            raise NotStarted
        kept = locked.practitioner.no_show_share_percent if status == Status.NO_SHOW else 0
        move(locked, status, by=by, kept_percent=kept)
    return locked


def pay_with_credits(appointment: Appointment, *, by: User) -> Appointment:
    """The patient pays the fee in credits, where the doctor takes them.

    Raises `NotPayable`, `AlreadyPaid` (409), `InsufficientCredits` (402), `AccountDisabled` (403).
    """
    if appointment.patient_id != by.pk:
        raise Forbidden
    with unit_of_work():
        locked = lock(appointment.pk)
        require_payable(locked)
        if not locked.price_credits:
            raise NotPayable
        ledger.spend(
            locked.patient_id,
            locked.price_credits,
            reference=fee_reference(locked.public_id),
            label=str(FEE) % {"doctor": locked.practitioner.user.get_full_name()},
            by=by,
        )
        settle(locked, PaidWith.CREDITS, by=by)
        appointment_paid.send(Appointment, appointment=locked, payment=None, credits=locked.price_credits, by=by)
    return locked


def require_payable(appointment: Appointment) -> None:
    """Raise `AlreadyPaid` or `NotPayable` (409) unless its fee is due and its slot still kept."""
    if appointment.paid_at is not None:
        raise AlreadyPaid
    overdue = appointment.hold_expires_at is not None and appointment.hold_expires_at <= timezone.now()
    if appointment.status not in ACTIVE or overdue or not appointment.price or _is_offered(appointment):
        raise NotPayable


def settle(appointment: Appointment, paid_with: PaidWith, *, by: User | None) -> None:
    """Note that the fee of a locked appointment is paid; a held one is booked by that."""
    appointment.paid_at, appointment.paid_with = timezone.now(), paid_with
    appointment.save(update_fields=["paid_at", "paid_with", "updated_at"])
    if appointment.status == Status.HELD:
        move(appointment, Status.BOOKED, by=by)


def _is_offered(appointment: Appointment) -> bool:
    """An offer of the waitlist is accepted first: that is when booking is charged."""
    return (
        appointment.status == Status.HELD
        and WaitlistOffer.objects.filter(appointment=appointment, status=OfferStatus.LIVE).exists()
    )


def describe(appointment: Appointment, *, reason: str, by: User) -> Appointment:
    """The patient (or staff for them) says what the visit is about. Raises `IllegalMove` once it is over."""
    if appointment.patient_id != by.pk and not may_help(by):
        raise Forbidden
    with unit_of_work():
        locked = lock(appointment.pk)
        MOVES.check(locked.status, Status.CANCELLED)
        locked.reason = reason
        locked.save(update_fields=["reason", "updated_at"])
        appointment_described.send(Appointment, appointment=locked, by=by)
    return locked


def write_notes(appointment: Appointment, *, notes: str, by: User) -> Appointment:
    """The doctor's own notes: encrypted, and nobody else's, staff included."""
    if appointment.practitioner.user_id != by.pk:
        raise Forbidden
    with unit_of_work():
        locked = lock(appointment.pk)
        locked.private_notes = encrypt(notes.encode()) if notes else b""
        locked.save(update_fields=["private_notes", "updated_at"])
        notes_changed.send(Appointment, appointment=locked, by=by)
    return locked


def read_notes(appointment: Appointment, *, by: User) -> str | None:
    """The notes for the doctor who wrote them, None for everybody else."""
    if appointment.practitioner.user_id != by.pk:
        return None
    stored = bytes(appointment.private_notes)
    return decrypt(stored).decode() if stored else ""


def is_handler(appointment: Appointment, user: User) -> bool:
    """The doctor it is with, and staff with `appointments.change_appointment`; in a visit of one's own nobody."""
    if appointment.patient_id == user.pk:
        return False
    return appointment.practitioner.user_id == user.pk or user.has_perm("appointments.change_appointment")


def may_help(user: User) -> bool:
    """Whether this person moves and cancels for patients: who handles appointments, or has the right for this alone."""
    return user.has_perm("appointments.change_appointment") or user.has_perm("appointments.move_appointment")


def is_helper(appointment: Appointment, user: User) -> bool:
    """The doctor it is with, and staff who `may_help`; in a visit of one's own one is a patient like any other."""
    if appointment.patient_id == user.pk:
        return False
    return appointment.practitioner.user_id == user.pk or may_help(user)


def require_handler(appointment: Appointment, user: User) -> None:
    """Raise `Forbidden` unless `is_handler`."""
    if not is_handler(appointment, user):
        raise Forbidden
