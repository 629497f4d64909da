"""Offer a freed slot to the waitlist: held for the first who fits, then for the next, one at a time."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from appointments.enums import EntryStatus, OfferStatus, Status
from appointments.exceptions import OffGrid, OutsideHours, PatientBusy, SlotTaken
from appointments.models import Appointment, FreedSlot, WaitlistEntry, WaitlistOffer
from appointments.services.booking import View, look, new_appointment, require_slot, settle_conflicts
from appointments.services.locks import lock_practitioner
from appointments.services.offers import move_entry
from appointments.signals import appointment_changed
from common.mail import send_mail_later
from common.unit_of_work import unit_of_work
from payments.services.batches import for_each

BATCH = 200
# So many people in line are looked at before a slot goes back to everybody.
CANDIDATES = 200


def offer_due() -> int:
    """Offer every freed slot that nobody has looked at yet. Returns how many were looked at."""
    due = FreedSlot.objects.filter(next_at__lte=timezone.now()).order_by("next_at")
    return for_each(list(due.values_list("pk", flat=True)[:BATCH]), offer)


def offer(slot_id: int) -> WaitlistOffer | None:
    """Hold the slot for the first on the waitlist whom it fits; None where there is nobody, or nothing to offer.

    Safe to call twice and from many processes at once: the doctor's lock is taken first, and the database allows one
    live offer of a slot.
    """
    now = timezone.now()
    with unit_of_work():
        slot = FreedSlot.objects.get(pk=slot_id)
        lock_practitioner(slot.practitioner_id)
        slot = FreedSlot.objects.select_for_update(no_key=True, of=("self",)).get(pk=slot_id)
        if slot.next_at is None:
            return None
        slot.next_at = None
        slot.save(update_fields=["next_at", "updated_at"])
        if slot.starts_at <= now or slot.offers.filter(status=OfferStatus.LIVE).exists():
            return None
        entry = _first_who_fits(slot)
        return _hold(slot, entry, now) if entry else None


def _first_who_fits(slot: FreedSlot) -> WaitlistEntry | None:
    """The longest waiting whose doctor, days and hours fit, who has nothing else then and was not asked before."""
    local = slot.starts_at.astimezone(ZoneInfo(slot.practitioner.timezone))
    end = slot.starts_at + timedelta(minutes=slot.visit_type.minutes)
    busy = Appointment.objects.active().filter(starts_at__lt=end, ends_at__gt=slot.starts_at).values("patient_id")
    entries = (
        WaitlistEntry.objects.waiting_for(slot.practitioner_id)
        .filter(date_from__lte=local.date(), date_to__gte=local.date())
        .filter(patient__is_active=True, patient__account__is_active=True)
        .exclude(offers__slot=slot)
        .exclude(patient_id__in=busy)
        .exclude(patient_id=slot.practitioner.user_id)
        .select_related("patient")
        .order_by("pk")[:CANDIDATES]
    )
    for entry in entries:
        if entry.visit_type_id in (None, slot.visit_type_id) and _suits(entry, local):
            return entry
    return None


def _suits(entry: WaitlistEntry, local: datetime) -> bool:
    if entry.weekdays and local.weekday() not in entry.weekdays:
        return False
    wall = local.time()
    return (entry.time_from is None or wall >= entry.time_from) and (entry.time_to is None or wall < entry.time_to)


def _hold(slot: FreedSlot, entry: WaitlistEntry, now: datetime) -> WaitlistOffer | None:
    view = look(slot.practitioner_id, slot.visit_type_id, entry.patient_id, slot.starts_at)
    entry = (
        WaitlistEntry.objects.select_for_update(no_key=True, of=("self",)).select_related("patient").get(pk=entry.pk)
    )
    if entry.status != EntryStatus.WAITING:
        _look_again(slot, now)
        return None
    try:
        appointment = _appointment(view, slot, entry, now)
    except PatientBusy:
        # Booked something else since we looked: whoever comes next in line is looked for once more.
        _look_again(slot, now)
        return None
    except (SlotTaken, OutsideHours, OffGrid):
        return None
    if appointment is None:
        return None
    appointment.save(force_insert=True)
    offered = WaitlistOffer.objects.create(slot=slot, entry=entry, appointment=appointment)
    appointment_changed.send(Appointment, appointment=appointment, old=None, by=None)
    move_entry(entry, EntryStatus.OFFERED, by=None)
    send_mail_later(
        to=entry.patient.email,
        template="appointment_offer",
        context={"appointment": appointment.pk},
        language=entry.patient.language,
        expires_at=appointment.hold_expires_at,
    )
    return offered


def _appointment(view: View, slot: FreedSlot, entry: WaitlistEntry, now: datetime) -> Appointment | None:
    """The held row of an offer; booking is charged when it is accepted."""
    if view.terms is None:
        return None
    require_slot(view.terms.practice, view.loaded, slot.starts_at, now)
    settle_conflicts(view, view.terms.practice.visit, slot.starts_at, now)
    made = new_appointment(view.id, entry.patient, view.terms, slot.starts_at, now, status=Status.HELD)
    made.hold_expires_at = min(now + settings.WAITLIST_OFFER, slot.starts_at)
    made.credits_charged = 0
    return made


def _look_again(slot: FreedSlot, now: datetime) -> None:
    slot.next_at = now
    slot.save(update_fields=["next_at", "updated_at"])
