"""Book a slot: everything is looked up under the doctor's lock, and everything is written at once.

The hot path of the app. Its round trips are counted in a test: one that locks the doctor, then the patient, and reads
the hours, the absences, what is booked and an id; one that charges credits where booking costs any; one for all that
is written: the appointment, the ledger entry, the event and the stored answer.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from accounts.enums import PricedAction
from accounts.exceptions import AccountDisabled
from accounts.models import User
from accounts.selectors import PRICE_NOW
from accounts.services import ledger
from appointments.enums import ACTIVE, Status
from appointments.exceptions import (
    InThePast,
    OffGrid,
    OutsideHours,
    OverbookingRefused,
    PatientBusy,
    SlotTaken,
    UnknownDoctor,
    UnknownPatient,
    UnknownVisitType,
)
from appointments.labels import BOOKED
from appointments.models import Appointment, Practitioner, VisitType
from appointments.selectors.schedules import REACH, Booked, Loaded, Practice, at, loaded, moment, statements
from appointments.services.expiry import expire_holds
from appointments.signals import appointment_changed
from appointments.slots import Visit, is_on_grid, is_open, overlaps
from common import sql, unit_of_work
from common.errors import FieldError, Forbidden, Invalid
from common.prepared import Statement

_DOCTOR = f"""
SELECT p.id, v.id, p.user_id, u.first_name, u.last_name, u.email, p.timezone, p.country, p.works_on_holidays,
       p.grid_minutes, v.name, v.minutes, v.buffer_before, v.buffer_after, v.is_remote,
       COALESCE(v.fee, p.fee),
       CASE WHEN v.fee IS NULL THEN COALESCE(v.fee_credits, p.fee_credits) ELSE v.fee_credits END,
       p.currency, p.place, p.free_cancellation_hours, {PRICE_NOW}
FROM appointments_practitioner p
JOIN accounts_user u ON u.id = p.user_id
JOIN appointments_visittype v ON v.practitioner_id = p.id
WHERE p.id = %s AND v.id = %s AND p.verified_at IS NOT NULL AND p.is_active AND u.is_active
"""
# What is booked stays, and may be moved, also where nobody can book it any more.
_OFFERED = " AND v.is_active"
# Whoever comes for a slot that is taken need not wait for those who come for the same one. A look, no more: the row
# that blocks the start may go before the lock is there, or come after it.
_LOCK = """
SELECT p.id FROM appointments_practitioner p
WHERE p.id = %s AND NOT EXISTS (
    SELECT 1 FROM appointments_appointment a
    WHERE a.practitioner_id = %s AND a.starts_at > %s AND a.starts_at < %s
      AND a.blocked_from <= %s AND a.blocked_until > %s AND a.status IN ({active}) AND NOT a.overbooked
      AND (a.hold_expires_at IS NULL OR a.hold_expires_at > %s) AND a.id <> %s
)
"""
_LOCK_ANYWAY = "SELECT p.id FROM appointments_practitioner p WHERE p.id = %s"
_PATIENT = """
SELECT u.id, a.is_active FROM accounts_user u JOIN accounts_account a ON a.user_id = u.id
WHERE u.id = %s AND u.is_active
"""
_OF_PATIENT = """
SELECT id, starts_at, ends_at, hold_expires_at FROM appointments_appointment
WHERE patient_id = %s AND starts_at > %s AND starts_at < %s AND status IN ({active})
"""
_COLUMNS = (
    "id",
    "public_id",
    "practitioner_id",
    "patient_id",
    "visit_type_id",
    "starts_at",
    "ends_at",
    "blocked_from",
    "blocked_until",
    "status",
    "reason",
    "private_notes",
    "price",
    "currency",
    "price_credits",
    "credits_charged",
    "paid_with",
    "hold_expires_at",
    "overbooked",
    "overbook_reason",
    "sequence",
    "scheduled_at",
    "notice_due_at",
    "cancel_reason",
    "created_at",
    "updated_at",
)


@dataclass(frozen=True, slots=True)
class Terms:
    """The doctor's row, locked, with one of their types of visit and what booking costs."""

    practice: Practice
    practitioner: Practitioner
    visit_type: VisitType
    price: int
    price_credits: int | None
    currency: str
    credits: int


@dataclass(frozen=True, slots=True)
class View:
    """What was found under the locks."""

    id: int
    # False where a committed booking already had the slot: then the doctor's row was not waited for.
    is_locked: bool
    terms: Terms | None
    is_account_active: bool | None
    loaded: Loaded
    own: Sequence[Booked]


def book(
    patient: User,
    *,
    practitioner_id: int,
    visit_type_id: int,
    starts_at: datetime,
    reason: str = "",
    overbook_reason: str = "",
    by: User,
) -> Appointment:
    """Take a slot for `patient`: `booked` where nothing is due, else `held` until it is paid.

    What staff book is `booked` at once: its fee may be paid at the practice. With `overbook_reason` they book beyond
    hours, grid and other appointments. Raises `UnknownDoctor`, `UnknownVisitType` (404), `InThePast`,
    `OutsideHours`, `OffGrid` (400), `SlotTaken`, `PatientBusy` (409), `InsufficientCredits` (402), `AccountDisabled`,
    `OverbookingRefused`, `Forbidden` (403).
    """
    is_staff = require_booker(patient, by=by, overbooks=bool(overbook_reason))
    now = timezone.now()
    require_future(starts_at, now)
    with unit_of_work.unit_of_work():
        view = look(practitioner_id, visit_type_id, patient.pk, starts_at, now, overbooks=bool(overbook_reason))
        terms = require_terms(view, practitioner_id)
        if not overbook_reason:
            require_slot(terms.practice, view.loaded, starts_at, now)
        settle_conflicts(view, terms.practice.visit, starts_at, now, overbooks=bool(overbook_reason))
        if view.is_account_active is None:
            raise UnknownPatient
        due = bool(terms.price) and not is_staff
        appointment = new_appointment(
            view.id, patient, terms, starts_at, now, status=Status.HELD if due else Status.BOOKED
        )
        appointment.reason = reason
        appointment.overbooked, appointment.overbook_reason = bool(overbook_reason), overbook_reason[:200]
        charge(appointment, terms, is_account_active=view.is_account_active, by=by)
        insert(appointment)
        appointment_changed.send(Appointment, appointment=appointment, old=None, by=by)
    return appointment


def require_booker(patient: User, *, by: User, overbooks: bool) -> bool:
    """Whether `by` books for others as staff do. Raises `OverbookingRefused` and `Forbidden` (403)."""
    if overbooks and not by.has_perm("appointments.overbook_appointment"):
        raise OverbookingRefused
    if by.pk == patient.pk and not overbooks:
        return False
    if not by.has_perm("appointments.add_appointment"):
        raise Forbidden
    return True


def require_future(starts_at: datetime, now: datetime) -> None:
    if starts_at <= now:
        raise InThePast(errors=[FieldError("starts_at", InThePast.code, InThePast.detail)])


def look(
    practitioner_id: int,
    visit_type_id: int,
    patient_id: int,
    starts_at: datetime,
    now: datetime,
    *,
    overbooks: bool = False,
    moving: int = 0,
) -> View:
    """Lock the doctor's row and the patient's, in this order, and read what a booking decides by: one round trip.

    What is booked is read by statements of their own, after the locks: only so do they see what the holder of the lock
    before us has written. Where a look at what is committed finds the start taken already, nobody waits for the lock:
    the view is not `is_locked`, and nothing may be booked by it.
    """
    active = sql.placeholders(len(ACTIVE))
    around = [at(starts_at - REACH), at(starts_at + REACH)]
    begin = at(starts_at)
    lock: Statement = (_LOCK_ANYWAY, [practitioner_id])
    if not overbooks:
        taken = [practitioner_id, *around, begin, begin, *map(str, ACTIVE), at(now), moving]
        lock = (_LOCK.format(active=active), [practitioner_id, *taken])
    locked, patient, doctor, hours, off, busy, corrected, own, ids = sql.fetch_prepared(
        (lock[0] + sql.for_update("p"), lock[1]),
        (_PATIENT + sql.for_update("u"), [patient_id]),
        (
            _DOCTOR if moving else _DOCTOR + _OFFERED,
            [at(now), str(PricedAction.BOOK_APPOINTMENT), practitioner_id, visit_type_id],
        ),
        *statements([practitioner_id], starts_at, starts_at),
        (_OF_PATIENT.format(active=active), [patient_id, *around, *map(str, ACTIVE)]),
        sql.next_id(Appointment._meta.db_table),
    )
    return View(
        id=ids[0][0],
        is_locked=bool(locked),
        terms=_terms(doctor[0]) if doctor else None,
        is_account_active=bool(patient[0][1]) if patient else None,
        loaded=loaded(hours, off, busy, corrected),
        own=[
            Booked(pk, (moment(begin), moment(end)), moment(expires) if expires else None)
            for pk, begin, end, expires in own
        ],
    )


def _terms(row: tuple[Any, ...]) -> Terms:
    pk, type_id, user_id, first, last, email, zone, country, holidays, grid, name, length, before, after, remote = row[
        :15
    ]
    price, price_credits, currency, place, free_hours, credits = row[15:]
    visit = Visit(timedelta(minutes=length), timedelta(minutes=before), timedelta(minutes=after))
    practice = Practice(pk, type_id, ZoneInfo(zone), country, bool(holidays), timedelta(minutes=grid), visit)
    practitioner = Practitioner(pk=pk, timezone=zone, country=country, place=place, free_cancellation_hours=free_hours)
    practitioner.user = User(pk=user_id, first_name=first, last_name=last, email=email)
    visit_type = VisitType(pk=type_id, practitioner_id=pk, name=name, minutes=length, is_remote=bool(remote))
    return Terms(practice, practitioner, visit_type, price, price_credits, currency, credits or 0)


def require_terms(view: View, practitioner_id: int) -> Terms:
    if view.terms is not None:
        return view.terms
    if Practitioner.objects.listed().filter(pk=practitioner_id).exists():
        raise UnknownVisitType(errors=[FieldError("visit_type", UnknownVisitType.code, UnknownVisitType.detail)])
    raise UnknownDoctor(errors=[FieldError("doctor", UnknownDoctor.code, UnknownDoctor.detail)])


def require_slot(practice: Practice, rows: Loaded, starts_at: datetime, now: datetime) -> None:
    """Raise `OutsideHours` or `OffGrid` (400) for a start that is none of a slot, taken or free."""
    schedule = rows.schedule(practice, now)
    refusal: type[Invalid] | None = None
    if not is_open(schedule, practice.visit, starts_at):
        refusal = OutsideHours
    elif not is_on_grid(schedule, practice.visit, starts_at):
        refusal = OffGrid
    if refusal is not None:
        raise refusal(errors=[FieldError("starts_at", refusal.code, refusal.detail)])


def settle_conflicts(
    view: View,
    visit: Visit,
    starts_at: datetime,
    now: datetime,
    *,
    overbooks: bool = False,
    moving: int | None = None,
) -> None:
    """Expire the overdue holds in the way; raise `SlotTaken` or `PatientBusy` (409) where something else is.

    `moving` is the appointment that is about to be there instead of where it is now.
    """
    if not view.is_locked:
        raise SlotTaken
    booked = [row for rows in view.loaded.booked.values() for row in rows]
    in_the_way = [row for row in booked if not overbooks and overlaps(row.interval, visit.blocked(starts_at))]
    own = [row for row in view.own if overlaps(row.interval, visit.at(starts_at))]
    overdue = {row.id for row in (*in_the_way, *own) if row.is_overdue(now) and row.id != moving}
    if overdue:
        # One that was paid in this very moment stays.
        overdue = expire_holds(overdue)
    _require_none(SlotTaken, (row.id for row in in_the_way), overdue, moving)
    _require_none(PatientBusy, (row.id for row in own), overdue, moving)


def _require_none(
    refusal: type[SlotTaken | PatientBusy], found: Iterable[int], expired: set[int], moving: int | None
) -> None:
    if set(found) - expired - {moving}:
        raise refusal


def new_appointment(
    pk: int, patient: User, terms: Terms, starts_at: datetime, now: datetime, *, status: Status
) -> Appointment:
    """An appointment on these terms, not yet written; a held one for as long as one has to pay."""
    starts_at = starts_at.astimezone(UTC)
    blocked_from, blocked_until = terms.practice.visit.blocked(starts_at)
    return Appointment(
        pk=pk,
        public_id=uuid.uuid4(),
        practitioner=terms.practitioner,
        patient=patient,
        visit_type=terms.visit_type,
        starts_at=starts_at,
        ends_at=starts_at + terms.practice.visit.length,
        blocked_from=blocked_from,
        blocked_until=blocked_until,
        status=status,
        price=terms.price,
        currency=terms.currency,
        price_credits=terms.price_credits if terms.price else None,
        credits_charged=terms.credits,
        hold_expires_at=now + settings.APPOINTMENT_HOLD if status == Status.HELD else None,
        notice_due_at=now if status == Status.BOOKED else None,
        scheduled_at=now,
        created_at=now,
        updated_at=now,
    )


def charge(appointment: Appointment, terms: Terms, *, is_account_active: bool, by: User | None) -> None:
    """Take the credits that booking costs; raises `InsufficientCredits` (402) and `AccountDisabled` (403)."""
    if not is_account_active:
        raise AccountDisabled
    if terms.credits:
        ledger.spend(
            appointment.patient_id,
            terms.credits,
            reference=f"appointment:{appointment.public_id}",
            label=str(BOOKED) % {"doctor": terms.practitioner.user.get_full_name()},
            by=by,
        )


def insert(appointment: Appointment) -> None:
    """Write it at the end of the unit of work; a new one's other columns are null."""
    fields = {field.attname: field for field in Appointment._meta.concrete_fields}
    unit_of_work.insert(
        Appointment._meta.db_table,
        _COLUMNS,
        [sql.adapt(getattr(appointment, name), fields[name]) for name in _COLUMNS],
    )
