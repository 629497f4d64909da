"""What becomes of an offer to somebody on the waitlist; the caller holds the offered appointment's row."""

from django.utils import timezone

from accounts.models import User
from appointments.enums import ENTRY_MOVES, EntryStatus, OfferStatus
from appointments.models import Appointment, WaitlistEntry, WaitlistOffer
from appointments.signals import entry_changed


def close_offer(appointment: Appointment, status: OfferStatus, entry_status: EntryStatus, *, by: User | None) -> None:
    """End the live offer behind this appointment, where there is one, and move its entry along."""
    offer = WaitlistOffer.objects.filter(appointment=appointment, status=OfferStatus.LIVE).first()
    if offer is None:
        return
    offer.status = status
    offer.save(update_fields=["status", "updated_at"])
    entry = WaitlistEntry.objects.select_for_update(no_key=True).get(pk=offer.entry_id)
    if entry.status == EntryStatus.OFFERED:
        move_entry(entry, entry_status, by=by)


def lapse_offer(appointment: Appointment) -> None:
    """Nobody answered in time: whoever was offered it waits on, for other slots."""
    close_offer(appointment, OfferStatus.LAPSED, EntryStatus.WAITING, by=None)


def move_entry(entry: WaitlistEntry, status: EntryStatus, *, by: User | None) -> None:
    """Move a locked entry. Raises `IllegalMove` (409)."""
    ENTRY_MOVES.check(entry.status, status)
    old = EntryStatus(entry.status)
    entry.status, entry.updated_at = status, timezone.now()
    entry.save(update_fields=["status", "updated_at"])
    entry_changed.send(WaitlistEntry, entry=entry, old=old, by=by)
