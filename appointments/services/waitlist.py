"""Joining the waitlist, answering its offers, leaving it."""

from collections.abc import Sequence
from datetime import date, time

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.enums import PricedAction
from accounts.models import User
from accounts.selectors import action_price
from accounts.services import ledger
from appointments.enums import OPEN_ENTRY, EntryStatus, OfferStatus, Status
from appointments.exceptions import NoOffer, TooManyEntries, UnknownDoctor, UnknownSpecialty, UnknownVisitType
from appointments.labels import BOOKED
from appointments.models import Appointment, Practitioner, Specialty, VisitType, WaitlistEntry, WaitlistOffer
from appointments.services.handling import may_help
from appointments.services.locks import lock, lock_patient
from appointments.services.moves import move
from appointments.services.offers import close_offer, move_entry
from appointments.signals import entry_changed
from common.errors import FieldError, Forbidden, Invalid
from common.unit_of_work import unit_of_work


def join(
    patient: User,
    *,
    practitioner_id: int | None,
    specialty_id: int | None,
    visit_type_id: int | None = None,
    date_from: date,
    date_to: date,
    weekdays: Sequence[int] = (),
    time_from: time | None = None,
    time_to: time | None = None,
    by: User,
) -> WaitlistEntry:
    """Wait for a slot of one doctor, or of one specialty, on these local days and at these hours.

    Raises `UnknownDoctor`, `UnknownSpecialty`, `UnknownVisitType` (404), `Invalid` (400) and `TooManyEntries` (409).
    """
    if (practitioner_id is None) == (specialty_id is None):
        detail = _("Indiquez un médecin ou une spécialité, l'un des deux.")
        raise Invalid(errors=[FieldError("doctor", "doctor_or_specialty", detail)], code="doctor_or_specialty")
    if date_to < date_from or date_to < timezone.localdate():
        detail = _("La période doit finir après son début, et pas avant aujourd'hui.")
        raise Invalid(errors=[FieldError("date_to", "invalid_period", detail)], code="invalid_period")
    if practitioner_id is not None and not Practitioner.objects.listed().filter(pk=practitioner_id).exists():
        raise UnknownDoctor(errors=[FieldError("doctor", UnknownDoctor.code, UnknownDoctor.detail)])
    if specialty_id is not None and not Specialty.objects.filter(pk=specialty_id).exists():
        raise UnknownSpecialty(errors=[FieldError("specialty", UnknownSpecialty.code, UnknownSpecialty.detail)])
    if visit_type_id is not None and (
        practitioner_id is None
        or not VisitType.objects.filter(pk=visit_type_id, practitioner_id=practitioner_id, is_active=True).exists()
    ):
        raise UnknownVisitType(errors=[FieldError("visit_type", UnknownVisitType.code, UnknownVisitType.detail)])
    with unit_of_work():
        lock_patient(patient.pk)
        # What lies in the past is asked for by nobody any more.
        open_ones = WaitlistEntry.objects.filter(
            patient=patient, status__in=OPEN_ENTRY, date_to__gte=timezone.localdate()
        )
        if open_ones.count() >= settings.WAITLIST_ENTRIES_PER_PATIENT:
            raise TooManyEntries
        entry = WaitlistEntry.objects.create(
            patient=patient,
            practitioner_id=practitioner_id,
            specialty_id=specialty_id,
            visit_type_id=visit_type_id,
            date_from=date_from,
            date_to=date_to,
            weekdays=sorted(set(weekdays)),
            time_from=time_from,
            time_to=time_to,
        )
        entry_changed.send(WaitlistEntry, entry=entry, old=None, by=by)
    return entry


def accept(entry: WaitlistEntry, *, by: User) -> Appointment:
    """Take the slot that is offered: `booked` where no fee is due, else held for as long as a booking is.

    Booking is charged now. Raises `NoOffer` (409), `InsufficientCredits` (402), `AccountDisabled` (403).
    """
    _require_own(entry, by)
    offered = _live_offer(entry)
    with unit_of_work():
        locked = lock(offered.appointment_id)
        now = timezone.now()
        expires = locked.hold_expires_at
        if locked.status != Status.HELD or expires is None or expires <= now or not _is_live(locked):
            raise NoOffer
        locked.credits_charged = action_price(PricedAction.BOOK_APPOINTMENT)
        locked.hold_expires_at = max(expires, now + settings.APPOINTMENT_HOLD)
        locked.save(update_fields=["credits_charged", "hold_expires_at", "updated_at"])
        ledger.spend(
            locked.patient_id,
            locked.credits_charged,
            reference=f"appointment:{locked.public_id}",
            label=str(BOOKED) % {"doctor": locked.practitioner.user.get_full_name()},
            by=by,
        )
        close_offer(locked, OfferStatus.ACCEPTED, EntryStatus.FULFILLED, by=by)
        if not locked.price:
            move(locked, Status.BOOKED, by=by)
    return locked


def decline(entry: WaitlistEntry, *, by: User) -> WaitlistEntry:
    """Let the offer pass and wait on; the next in line is asked. Raises `NoOffer` (409)."""
    _require_own(entry, by)
    offered = _live_offer(entry)
    with unit_of_work():
        locked = lock(offered.appointment_id)
        # Accepted from another device since we looked: what was booked is not declined.
        if not _is_live(locked):
            raise NoOffer
        _give_up(locked, by=by)
    entry.refresh_from_db()
    return entry


def leave(entry: WaitlistEntry, *, by: User) -> WaitlistEntry:
    """Wait no longer; an offer that is open is declined. Raises `IllegalMove` (409) where that is over already."""
    if entry.patient_id != by.pk and not may_help(by):
        raise Forbidden
    with unit_of_work():
        offered = WaitlistOffer.objects.filter(entry=entry, status=OfferStatus.LIVE).first()
        if offered is not None:
            held = lock(offered.appointment_id)
            if _is_live(held):
                _give_up(held, by=by)
        locked = WaitlistEntry.objects.select_for_update(no_key=True).get(pk=entry.pk)
        move_entry(locked, EntryStatus.LEFT, by=by)
    return locked


def _give_up(held: Appointment, *, by: User) -> None:
    """Close the live offer of a locked row; its slot is free for the next in line."""
    close_offer(held, OfferStatus.DECLINED, EntryStatus.WAITING, by=by)
    move(held, Status.CANCELLED, by=by)


def _require_own(entry: WaitlistEntry, by: User) -> None:
    if entry.patient_id != by.pk:
        raise Forbidden


def _live_offer(entry: WaitlistEntry) -> WaitlistOffer:
    found = entry.offers.filter(status=OfferStatus.LIVE).select_related("appointment__practitioner").first()
    if found is None:
        raise NoOffer
    return found


def _is_live(appointment: Appointment) -> bool:
    return WaitlistOffer.objects.filter(appointment=appointment, status=OfferStatus.LIVE).exists()
