"""What a year leaves behind elsewhere: mails, tasks, idempotency keys, price changes, alerts, approvals, waits."""

import random
from datetime import datetime, timedelta
from typing import Any

from django_tasks_db.models import DBTaskResult

from accounts.enums import ApprovalStatus, EntryKind
from accounts.models import Approval
from accounts.services.corrections import GRANT
from appointments.enums import EntryStatus
from appointments.models import Practitioner, WaitlistEntry
from audit.canonical import canonical_json
from audit.enums import Action
from backoffice.load.catalogue import Catalogue
from backoffice.load.identifiers import new_uuid
from backoffice.load.journal import Journal
from backoffice.load.people import People
from backoffice.load.tables import Tables, both
from catalog.models import Holiday, PlannedPrice, PriceChange, StockAlert
from common.models import IdempotencyKey
from common.money import XAF

_WEEK, _MONTH, _YEAR = timedelta(days=7), timedelta(days=30), timedelta(days=365)
# The task that a mail or a payment leaves; kept for a month.
_TASK = "common.tasks.deliver_mail"


class Traces:
    def __init__(
        self,
        people: People,
        catalogue: Catalogue,
        tables: Tables,
        journal: Journal,
        chance: random.Random,
        *,
        until: datetime,
        staff: tuple[int, int],
    ) -> None:
        self._people, self._catalogue, self._tables = people, catalogue, tables
        self._journal, self._chance, self._until, self._staff = journal, chance, until, staff
        self._practitioners = list(Practitioner.objects.order_by("pk").values_list("pk", flat=True))
        self._open_alerts: set[tuple[int, str, int | None]] = set()
        self._open_subjects: set[str] = set()
        tables.declare(
            DBTaskResult,
            "id status enqueued_at started_at finished_at args_kwargs priority task_path worker_ids queue_name "
            "backend_name run_after return_value exception_class_path traceback",
        )
        tables.declare(IdempotencyKey, "user_id key fingerprint status answer lease_until created_at updated_at")
        tables.declare(
            PriceChange,
            "product_code old_price old_currency price currency is_indicative source created_at updated_at",
        )
        tables.declare(
            PlannedPrice, "product_code price currency effective_at settled_at is_applied created_at updated_at"
        )
        tables.declare(StockAlert, "public_id user_id product_code pharmacy_id fired_at created_at updated_at")
        tables.declare(Holiday, "date name created_at updated_at")
        tables.declare(
            WaitlistEntry,
            "public_id patient_id practitioner_id specialty_id visit_type_id date_from date_to weekdays time_from "
            "time_to status created_at updated_at",
        )
        tables.declare(
            Approval,
            "public_id kind subject amount currency parameters reason status beneficiary_id requested_by_id "
            "decided_by_id decided_at note created_at updated_at",
        )

    def leave(self, *, busy: int) -> None:
        """In proportion to `busy`, the number of reservations of the year."""
        for at in self._times(busy // 4, _MONTH):
            self._task(at)
        for at in self._times(busy // 10, _WEEK):
            self._key(at)
        for at in self._times(busy // 4, _YEAR):
            self._price_change(at)
        for at in self._times(busy // 100, _YEAR):
            self._planned_price(at)
        for at in self._times(busy // 20, _YEAR):
            self._alert(at)
        for at in self._times(busy // 50, _YEAR):
            self._wait(at)
        for at in self._times(busy // 100, _YEAR):
            self._approval(at)
        for number in range(10):
            day = (self._until + timedelta(days=30 * number - 200)).date()
            self._tables.add(Holiday, day, f"Jour férié {number + 1}", *both(self._until))

    def _times(self, count: int, within: timedelta) -> list[datetime]:
        return sorted(self._until - within * self._chance.random() for _ in range(count))

    def _code(self) -> str:
        return self._chance.choice(self._catalogue.codes)

    def _task(self, at: datetime) -> None:
        luck, done = self._chance.random(), at + timedelta(seconds=2)
        status = "FAILED" if luck < 0.005 else "SUCCESSFUL"
        self._tables.add(
            *(DBTaskResult, new_uuid(self._chance), status, at, at, done, canonical_json({"args": [1], "kwargs": {}})),
            *(0, _TASK, "[]", "default", "default", at, "null", "", "Traceback" if status == "FAILED" else ""),
        )

    def _key(self, at: datetime) -> None:
        person, digest = self._people.anyone(), self._chance.randbytes(32)
        self._tables.add(*(IdempotencyKey, person.id, str(new_uuid(self._chance)), digest, 201, b"", None, *both(at)))

    def _price_change(self, at: datetime) -> None:
        price = 5 * self._chance.randint(100, 9_000)
        self._tables.add(
            *(PriceChange, self._code(), price, XAF, price + 50, XAF, False, "load", *both(at)),
        )

    def _planned_price(self, at: datetime) -> None:
        price, is_settled = 5 * self._chance.randint(100, 9_000), self._chance.random() < 0.9
        effective_at = at if is_settled else self._until + (self._until - at)
        self._tables.add(
            *(PlannedPrice, self._code(), price, XAF, effective_at, at if is_settled else None, is_settled, *both(at))
        )

    def _alert(self, at: datetime) -> None:
        fired_at = None if self._chance.random() < 0.05 else min(at + timedelta(days=2), self._until)
        pharmacy_id = self._chance.choice((None, self._chance.choice(self._catalogue.pharmacy_ids)))
        key = (self._people.anyone().id, self._code(), pharmacy_id)
        if fired_at is None and key in self._open_alerts:
            return
        if fired_at is None:
            self._open_alerts.add(key)
        self._tables.add(StockAlert, new_uuid(self._chance), *key, fired_at, *both(at))

    def _wait(self, at: datetime) -> None:
        if not self._practitioners:
            return
        status = self._chance.choice((EntryStatus.WAITING, EntryStatus.FULFILLED, EntryStatus.LEFT))
        self._tables.add(
            *(WaitlistEntry, new_uuid(self._chance), self._people.anyone().id),
            *(
                self._chance.choice(self._practitioners),
                None,
                None,
                at.date(),
                at.date() + _MONTH,
                "[]",
                None,
                None,
                status.value,
                *both(at),
            ),
        )

    def _approval(self, at: datetime) -> None:
        """Credits that one member of staff asked for and another decided about."""
        person, public_id, amount = self._people.anyone(), new_uuid(self._chance), 600
        asked_by, decider = self._staff
        luck, decided_at = self._chance.random(), at + timedelta(hours=3)
        is_open = decided_at > self._until or luck < 0.01
        status = ApprovalStatus.REQUESTED if is_open else ApprovalStatus.REFUSED
        subject = f"account:{person.account_id}"
        if is_open and subject in self._open_subjects:
            return
        if is_open:
            self._open_subjects.add(subject)
        elif luck < 0.7:
            status = ApprovalStatus.APPROVED
            self._people.book(
                *(person, amount, EntryKind.GRANT, f"approval:{public_id}", "Geste commercial", self._until),
                by=asked_by,
            )
        self._tables.add(
            *(Approval, public_id, GRANT, subject, amount, "", canonical_json({"user": person.id, "credits": amount})),
            *("Geste commercial", status.value, person.id, asked_by, None if is_open else decider),
            *(None if is_open else decided_at, "", at, at if is_open else decided_at),
        )
        self._note_approval(at, ApprovalStatus.REQUESTED, public_id, amount, subject, asked_by)
        if not is_open:
            self._note_approval(decided_at, status, public_id, amount, subject, decider)

    def _note_approval(
        self, at: datetime, status: ApprovalStatus, public_id: Any, amount: int, subject: str, actor: int
    ) -> None:
        self._journal.note(
            *(at, Action(f"approval.{status}"), "approval", public_id),
            actor=actor,
            amount=amount,
            changes={"kind": GRANT, "subject": subject, "currency": "", "requested_by": self._staff[0]},
            personal={"reason": "Geste commercial"},
        )
