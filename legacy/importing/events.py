"""Old events: under the dotted action that their spelling stands for, with their own text and numbers beside it."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.utils import timezone

from audit.enums import Action
from audit.past import PastEvent
from legacy import actions
from legacy.importing.batches import ACCOUNTS, PRICE_LISTS, RATES, USERS, Known
from legacy.importing.report import Report
from legacy.importing.source import OldEvent, moment
from legacy.importing.values import ip_of, whole

_TABLE = "events"
_ENTITIES = {USERS: "user", ACCOUNTS: "account", RATES: "rate", PRICE_LISTS: "pricelist"}
_OUTSIDE = "api_epg"
_LARGEST = 10**15
_LONGEST = 64
_UNKNOWN: tuple[Action, dict[str, Any]] = (Action.IMPORT_EVENT, {})


class Judge:
    """Gives each old event its form of here; `last` is the old number of the one that was judged last."""

    def __init__(self, report: Report) -> None:
        self.last = 0
        self._report = report
        self._known = {table: Known(table).living for table in _ENTITIES}
        self._codes: dict[str, tuple[Action, dict[str, Any]]] = {}
        self._time = timezone.now()

    def people_come(self, old_ids: Iterable[int]) -> None:
        """For a rehearsal, in which nobody is here yet: these will be."""
        self._known[USERS] = {str(old_id): "0" for old_id in old_ids} | self._known[USERS]

    def rows_come(self, table: str, old_ids: Iterable[int]) -> None:
        self._known[table] = {str(old_id): "0" for old_id in old_ids} | self._known[table]

    def judge(self, events: Iterable[OldEvent]) -> Iterator[PastEvent]:
        """In their order; notes every rule that an event met."""
        for event in events:
            self.last = event.id
            yield self._judge(event)

    def _judge(self, event: OldEvent) -> PastEvent:
        imported: dict[str, Any] = {"id": event.id, "action": event.action or ""}
        action, details = self._action(event)
        entity, entity_id = self._entity(event, action, imported)
        actor_kind, actor_id = self._actor(event, imported)
        self._time = self._moment(event)
        return PastEvent(
            occurred_at=self._time,
            action=action,
            entity=entity,
            entity_id=entity_id,
            actor_id=actor_id,
            actor_kind=actor_kind,
            amount=self._amount(event, imported),
            changes={**details, actions.IMPORTED: imported},
            ip=self._ip(event),
        )

    def _action(self, event: OldEvent) -> tuple[str, dict[str, Any]]:
        text = event.action or ""
        if text not in self._codes and len(self._codes) < 10_000:
            self._codes[text] = actions.code_of(text) or _UNKNOWN
        code, details = self._codes.get(text) or actions.code_of(text) or _UNKNOWN
        if code == Action.IMPORT_EVENT:
            self._report.note("event_action_unknown", _TABLE, event.id, text)
        return code.value, details

    def _entity(self, event: OldEvent, action: str, imported: dict[str, Any]) -> tuple[str, str]:
        table, old_id = event.entity or "", event.entity_id or ""
        if table not in _ENTITIES:
            if table == _OUTSIDE:
                return ("reservation" if action.startswith("reservation.") else "product"), old_id[:_LONGEST]
            return table[:40], old_id[:_LONGEST]
        if not old_id:
            return _ENTITIES[table], ""
        imported["entity_id"] = old_id
        new_id = self._known[table].get(old_id, "")
        if not new_id:
            self._report.note("event_entity_vanished", _TABLE, event.id, f"{table} {old_id}")
        return _ENTITIES[table], new_id

    def _actor(self, event: OldEvent, imported: dict[str, Any]) -> tuple[str, str]:
        if event.current_user_id is None:
            return "anonymous", ""
        imported["user"] = event.current_user_id
        new_id = self._known[USERS].get(str(event.current_user_id), "")
        if not new_id:
            self._report.note("event_user_vanished", _TABLE, event.id, f"user {event.current_user_id}")
        return "user", new_id

    def _moment(self, event: OldEvent) -> Any:
        at = moment(event.date_time)
        if at is None:
            self._report.note("event_time_missing", _TABLE, event.id)
        return at or self._time

    def _amount(self, event: OldEvent, imported: dict[str, Any]) -> int | None:
        if event.amount is None:
            return None
        amount, had_decimals = whole(event.amount)
        if amount is None or abs(amount) > _LARGEST:
            self._report.note("event_amount_unusable", _TABLE, event.id, event.amount)
            imported["amount"] = event.amount
            return None
        if had_decimals:
            self._report.note("event_amount_decimals", _TABLE, event.id, event.amount)
            imported["amount"] = event.amount
        return amount

    def _ip(self, event: OldEvent) -> str:
        ip = ip_of(event.ip_address)
        if ip is None:
            self._report.note("event_address_unusable", _TABLE, event.id)
        return ip or ""
