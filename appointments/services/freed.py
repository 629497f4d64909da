"""Slots that became free: noted with the change that freed them, offered to the waitlist after it."""

from datetime import datetime

from django.utils import timezone

from appointments.models import Appointment, FreedSlot, WaitlistEntry
from appointments.tasks import offer_freed_slot


def free_slot(appointment: Appointment, *, starts_at: datetime) -> None:
    """Note, in the caller's transaction, that this appointment no longer takes `starts_at`; wake somebody to offer it.

    Where nobody waits there is nobody to wake: whoever joins the list later sees the slot among the free ones.
    """
    if appointment.overbooked or not WaitlistEntry.objects.waiting_for(appointment.practitioner_id).exists():
        return
    now = timezone.now()
    # What was offered out of a slot goes back to it, with those who were asked already.
    offered = FreedSlot.objects.filter(offers__appointment=appointment, starts_at=starts_at).first()
    slot, created = FreedSlot.objects.get_or_create(
        practitioner_id=appointment.practitioner_id,
        visit_type_id=offered.visit_type_id if offered else appointment.visit_type_id,
        starts_at=starts_at,
        defaults={"next_at": now},
    )
    if not created:
        # Even where it is marked: whoever is offering it in this moment has not seen what we change, and clears only
        # the mark that it found.
        FreedSlot.objects.filter(pk=slot.pk).update(next_at=now, updated_at=now)
    offer_freed_slot.enqueue(slot.pk)
