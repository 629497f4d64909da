"""The event log of the seeded year, with the commitments and HMACs that real events have."""

import random
from collections.abc import Mapping
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple

from audit.canonical import canonical_event, canonical_json, commitment, mac
from audit.enums import Action
from audit.models import Event, EventPersonal
from backoffice.load.tables import Tables, both
from catalog.progress import Progress

_COLUMNS = (
    "id occurred_at action entity entity_id actor_id actor_kind request_id amount changes commitment mac "
    "created_at updated_at"
)
_PERSONAL_COLUMNS = "commitment salt ip values created_at updated_at"
NOTHING: Mapping[str, Any] = {}


class Noted(NamedTuple):
    at: datetime
    action: Action
    entity: str
    entity_id: object
    actor_id: object
    amount: int | None
    changes: Mapping[str, Any]
    personal: Mapping[str, Any]
    actor_kind: str


class Journal:
    """Notes what happened in any order; `write` puts the newest of it into the log, in the order of time."""

    def __init__(self, chance: random.Random) -> None:
        self._noted: list[Noted] = []
        self._chance = chance

    def noted_by(self, until: datetime) -> int:
        return sum(noted.at <= until for noted in self._noted)

    def note(
        self,
        at: datetime,
        action: Action,
        entity: str,
        entity_id: object,
        *,
        actor: object = "",
        kind: str = "user",
        amount: int | None = None,
        changes: Mapping[str, Any] = NOTHING,
        personal: Mapping[str, Any] = NOTHING,
    ) -> None:
        self._noted.append(Noted(at, action, entity, entity_id, actor, amount, changes, personal, kind))

    def write(self, tables: Tables, *, newest: int, until: datetime, progress: Progress) -> int:
        """Events up to `until`, at most the `newest` so many; how many there are."""
        self._noted = [noted for noted in self._noted if noted.at <= until]
        self._noted.sort(key=itemgetter(0))
        kept = self._noted[-newest:] if newest else []
        tables.declare(Event, _COLUMNS)
        tables.declare(EventPersonal, _PERSONAL_COLUMNS)
        for noted in progress(kept, len(kept), "events"):
            self._write(tables, noted)
        tables.flush()
        return len(kept)

    def _write(self, tables: Tables, noted: Noted) -> None:
        bits = self._chance.getrandbits
        salt, number = f"{bits(128):032x}", bits(16)
        ip = f"41.158.{number >> 8}.{number & 255}" if noted.actor_kind == "user" else ""
        sealed = commitment(salt, ip, noted.personal)
        fields: dict[str, Any] = {
            "action": noted.action.value,
            "entity": noted.entity,
            "entity_id": str(noted.entity_id),
            "actor_id": str(noted.actor_id),
            "actor_kind": noted.actor_kind,
            "request_id": f"{bits(128):032x}",
            "amount": noted.amount,
        }
        signature = mac(canonical_event(occurred_at=noted.at, changes=noted.changes, commitment=sealed, **fields))
        event_id = tables.next_id(Event)
        changes, personal = canonical_json(noted.changes), canonical_json(noted.personal)
        tables.add(Event, event_id, noted.at, *fields.values(), changes, sealed, signature, *both(noted.at))
        tables.add(EventPersonal, sealed, salt, ip, personal, *both(noted.at))
