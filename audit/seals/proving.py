"""A proof that one event is in the log, for somebody who sees nothing else of it: docs/verify_audit.py checks it."""

from typing import Any

from audit.models import Event, Seal
from audit.seals import merkle, ranges
from audit.seals.leaves import as_list, split, stored_events
from audit.seals.sealing import payload


class NotSealedYet(Exception):
    """No seal covers the event: `seal_audit` makes one that does."""


class UnknownEvent(Exception):
    """There is no such event in the database (it may be in an archive)."""


def prove_event(event_id: int) -> dict[str, Any]:
    """The event, its path to the root of its seal, and the signed seal. Raises `UnknownEvent`, `NotSealedYet`."""
    stored = next(stored_events(Event.objects.filter(pk=event_id)), None)
    if stored is None:
        raise UnknownEvent
    seal = _seal_of(event_id)
    position = list(ranges.unpack(seal.ids)).index(event_id)
    steps = merkle.path(split(seal.leaves), position)
    return {
        "id": event_id,
        "event": as_list(stored[1]),
        "path": [[side, neighbour.hex()] for side, neighbour in steps],
        "seal": payload(seal).decode(),
        "signature": seal.signature,
    }


def _seal_of(event_id: int) -> Seal:
    """Late events are few: the seal is mostly the first that has seen that far."""
    for seal in Seal.objects.filter(seen_to__gte=event_id).order_by("number").iterator(chunk_size=1):
        if ranges.contains(ranges.spans(seal.ids), event_id):
            return seal
    raise NotSealedYet
