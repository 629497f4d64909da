"""Offer a freed slot to the waitlist: held for the first who fits, then for the next, one at a time."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q, TextField
from django.db.models.functions import Cast
from django.utils import timezone

from appointments.enums import EntryStatus, OfferStatus, Status
from appointments.exceptions import OffGrid, OutsideHours, PatientBusy, SlotTaken
from appointments.models import Appointment, FreedSlot, WaitlistEntry, WaitlistOffer
from appointments.selectors import free
from appointments.services.booking import View, look, new_appointment, require_slot, settle_conflicts
from appointments.services.locks import lock_practitioner
from appointments.services.offers import move_entry
from appointments.signals import appointment_changed
from common.mail import send_mail_later
from common.unit_of_work import unit_of_work
from payments.services.batches import for_each

BATCH = 200


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
        # Its own row is not locked: whoever frees the slot holds an appointment and then wants this row, we come the
        # other way round. The mark is cleared at the end, if it is still the one that was found.
        slot = FreedSlot.objects.get(pk=slot_id)
        if slot.next_at is None:
            return None
        offered, is_settled = _offer(slot, now)
        if is_settled:
            FreedSlot.objects.filter(pk=slot.pk, next_at=slot.next_at).update(next_at=None, updated_at=now)
        return offered


def _offer(slot: FreedSlot, now: datetime) -> tuple[WaitlistOffer | None, bool]:
    """The new offer, and whether there is nothing more to do for the slot."""
    if slot.starts_at <= now or slot.offers.filter(status=OfferStatus.LIVE).exists():
        return None, True
    entry = _first_who_fits(slot)
    return _hold(slot, entry, now) if entry else (None, True)


def _first_who_fits(slot: FreedSlot) -> WaitlistEntry | None:
    """The longest waiting whose doctor, days and hours fit, who has nothing else then and was not asked before."""
    fits = _who_has_time(slot)
    if not fits:
        return None
    local = slot.starts_at.astimezone(ZoneInfo(slot.practitioner.timezone))
    return (
        WaitlistEntry.objects.waiting_for(slot.practitioner_id)
        .annotate(days=Cast("weekdays", TextField()))
        .filter(Q(weekdays=[]) | Q(days__contains=str(local.weekday())))
        .filter(date_from__lte=local.date(), date_to__gte=local.date())
        .filter(patient__is_active=True, patient__account__is_active=True)
        .filter(fits)
        .filter(Q(time_from=None) | Q(time_from__lte=local.time()), Q(time_to=None) | Q(time_to__gt=local.time()))
        # Nor by another entry of the same person.
        .exclude(patient_id__in=WaitlistOffer.objects.filter(slot=slot).values("entry__patient_id"))
        .exclude(patient_id=slot.practitioner.user_id)
        .select_related("patient")
        .order_by("pk")
        .first()
    )


def _who_has_time(slot: FreedSlot) -> Q:
    """Entries for a type of visit that could begin with the slot, of patients who have nothing else so long.

    Whoever waits for no type in particular is offered the one that was freed.
    """
    practices = free.practices([slot.practitioner_id])
    fits = Q()
    for found in free.slots(practices, since=slot.starts_at, until=slot.starts_at + timedelta(seconds=1)):
        busy = Appointment.objects.active().filter(starts_at__lt=found.ends_at, ends_at__gt=slot.starts_at)
        wanted = Q(visit_type=found.visit_type_id)
        if found.visit_type_id == slot.visit_type_id:
            wanted |= Q(visit_type=None)
        fits |= wanted & ~Q(patient_id__in=busy.values("patient_id"))
    return fits


def _hold(slot: FreedSlot, entry: WaitlistEntry, now: datetime) -> tuple[WaitlistOffer | None, bool]:
    visit_type_id = entry.visit_type_id or slot.visit_type_id
    view = look(slot.practitioner_id, visit_type_id, entry.patient_id, slot.starts_at, now)
    entry = (
        WaitlistEntry.objects.select_for_update(no_key=True, of=("self",)).select_related("patient").get(pk=entry.pk)
    )
    if entry.status != EntryStatus.WAITING:
        return None, False
    try:
        appointment = _appointment(view, slot, entry, now)
    except PatientBusy:
        # Booked something else since we looked: whoever comes next in line is looked for once more.
        return None, False
    except (SlotTaken, OutsideHours, OffGrid):
        return None, True
    if appointment is None:
        return None, True
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
    return offered, True


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
