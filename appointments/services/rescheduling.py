"""Move an appointment: the new slot is taken and the old one freed in one transaction, with a booking's guarantees."""

from datetime import UTC, datetime

from django.utils import timezone

from accounts.models import User
from appointments.enums import ACTIVE, Status
from appointments.exceptions import AlreadyStarted, TooLateToMove
from appointments.models import Appointment
from appointments.services.booking import look, require_future, require_slot, require_terms, settle_conflicts
from appointments.services.freed import free_slot
from appointments.services.handling import free_until, is_helper, require_payable
from appointments.services.locks import lock
from appointments.signals import appointment_rescheduled
from common.errors import Forbidden
from common.states import IllegalMove
from common.unit_of_work import unit_of_work


def reschedule(appointment: Appointment, *, starts_at: datetime, by: User) -> Appointment:
    """Have it begin at `starts_at` instead, with the same doctor, for the same visit, at the price as booked.

    A patient may do so as long as cancelling costs nothing. Raises what `book` raises, `TooLateToMove`,
    `AlreadyStarted` and `IllegalMove` (409).
    """
    handles = is_helper(appointment, by)
    if appointment.patient_id != by.pk and not handles:
        raise Forbidden
    now = timezone.now()
    require_future(starts_at, now)
    with unit_of_work():
        view = look(
            appointment.practitioner_id,
            appointment.visit_type_id,
            appointment.patient_id,
            starts_at,
            now,
            moving=appointment.pk,
        )
        locked = lock(appointment.pk)
        _require_movable(locked, now, handles=handles)
        if locked.starts_at == starts_at:
            return locked
        practice = require_terms(view, locked.practitioner_id).practice
        require_slot(practice, view.loaded, starts_at, now)
        settle_conflicts(view, practice.visit, starts_at, now, moving=locked.pk)
        old_starts_at = locked.starts_at
        locked.starts_at = starts_at.astimezone(UTC)
        locked.ends_at = locked.starts_at + practice.visit.length
        locked.blocked_from, locked.blocked_until = practice.visit.blocked(locked.starts_at)
        # On the grid and within the hours it is no longer one too many.
        locked.overbooked, locked.overbook_reason = False, ""
        locked.scheduled_at = now
        locked.sequence += 1
        if locked.status != Status.HELD:
            locked.notice_due_at = now
        locked.save(
            update_fields=[
                *("starts_at", "ends_at", "blocked_from", "blocked_until", "overbooked", "overbook_reason"),
                *("scheduled_at", "sequence", "notice_due_at", "updated_at"),
            ]
        )
        free_slot(locked, starts_at=old_starts_at)
        appointment_rescheduled.send(Appointment, appointment=locked, old_starts_at=old_starts_at, by=by)
    return locked


def _require_movable(appointment: Appointment, now: datetime, *, handles: bool) -> None:
    if appointment.status not in ACTIVE:
        raise IllegalMove
    if appointment.status == Status.HELD:
        # A hold that is overdue, or somebody's offer, holds its own slot and no other.
        require_payable(appointment)
    if appointment.starts_at <= now:
        raise AlreadyStarted
    if not handles and appointment.status != Status.HELD and now > free_until(appointment):
        raise TooLateToMove
