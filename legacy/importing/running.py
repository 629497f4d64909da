"""The whole import, step by step. Each step commits with what is remembered of it: the next run finishes a killed one.

A rehearsal judges the same rows and writes nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Sum

from accounts.enums import EntryKind
from accounts.models import CreditEntry
from audit.enums import Action
from audit.past import write_past
from audit.seals.sealing import sealed_together
from audit.services import record
from catalog.progress import Progress, unseen
from common.context import current
from common.enums import ImportState
from common.models import ImportBatch
from common.unit_of_work import unit_of_work
from legacy.importing import batches, history, people, products, reference
from legacy.importing.batches import ACCOUNTS, PRICE_LISTS, PRODUCTS, RATES, SOURCE, USERS, Batch, Known
from legacy.importing.events import Judge
from legacy.importing.report import Report, Total
from legacy.importing.source import OldAccount, OldDatabase


@dataclass(frozen=True, slots=True)
class Imported:
    """`batch` is the number to take it back by; None where nothing came, and of a rehearsal."""

    batch: int | None
    brought: dict[str, int]


def import_legacy(
    old: OldDatabase,
    documents: Sequence[products.Document] | None,
    *,
    report: Report,
    dry_run: bool = False,
    progress: Progress = unseen,
) -> Imported:
    """Bring over what is not here yet. `documents` are the old products, None where there are none to read.

    Raises `ImportUnderWay` (409) while another process does so, `django.db.IntegrityError` where somebody here takes an
    address at that moment: the next run sees it.
    """
    with batches.alone():
        return _Run(old, documents, report, progress).run(dry_run=dry_run)


class _Run:
    def __init__(
        self, old: OldDatabase, documents: Sequence[products.Document] | None, report: Report, progress: Progress
    ) -> None:
        self.old, self.documents, self.report, self.progress = old, documents, report, progress
        self.totals = {name: Total(name, 0) for name in ("rates", "price lists", "users", "credits", "events")}
        if documents is not None:
            self.totals["products"] = Total("products", len(documents))
        report.totals = list(self.totals.values())

    def run(self, *, dry_run: bool) -> Imported:
        accounts = self._judge()
        if dry_run:
            self._rehearse(accounts)
            return Imported(None, {})
        batch = Batch()
        brought = {
            RATES: reference.write_rates(self.packs, batch),
            PRICE_LISTS: reference.write_price_lists(self.prices, batch),
            USERS: people.write_people(self.people, batch, self.progress),
            "events": self._write_events(batch),
        }
        if self.documents is not None:
            brought[PRODUCTS] = products.write_products(self.shelves, batch, self.progress)
            brought["stock"] = products.write_stock(self.shelves, batch)
        self.report.brought = brought
        self._measure()
        if not batch.is_begun:
            return Imported(None, brought)
        with unit_of_work():
            batch.finish({"rows": brought, "totals": {total.what: total.new for total in self.report.totals}})
            record(
                Action.IMPORT_FINISHED,
                entity="import",
                entity_id=batch.row.pk,
                changes={"source": SOURCE, **{f"{name}_brought": count for name, count in brought.items()}},
            )
        return Imported(batch.row.pk, brought)

    def _judge(self) -> list[OldAccount]:
        """Everything but the events, of which there are too many to hold."""
        rates, prices = self.old.rates(), self.old.price_lists()
        users, accounts = self.old.users(), self.old.accounts()
        self.totals["rates"].old, self.totals["price lists"].old = len(rates), len(prices)
        self.totals["users"].old = len(users)
        self.totals["credits"].old = sum(account.credit or 0 for account in accounts)
        self.totals["events"].old = self.old.count_events()
        self.packs = reference.judge_rates(rates, self.report, self.totals["rates"])
        self.prices = reference.judge_price_lists(prices, self.report, self.totals["price lists"])
        owners = {account.id: account.user_id for account in accounts}
        movements = self.old.movements(history.ACTIONS)
        judging = people.Judging(
            report=self.report,
            users=self.totals["users"],
            credits=self.totals["credits"],
            rates=frozenset(pack.old_id for pack in self.packs),
            explained=history.explained_credits(movements, self.packs, owners),
            progress=self.progress,
        )
        self.people = people.judge_people(users, accounts, judging)
        if self.documents is not None:
            self.shelves = products.judge_products(self.documents, self.report, self.totals["products"])
        return accounts

    def _rehearse(self, accounts: Iterable[OldAccount]) -> None:
        """What the figures would be; the events are judged as if everybody were here."""
        judge = Judge(self.report)
        judge.rows_come(USERS, (person.old_id for person in self.people))
        judge.rows_come(ACCOUNTS, (account.id for person in self.people for account in person.accounts))
        judge.rows_come(RATES, (pack.old_id for pack in self.packs))
        judge.rows_come(PRICE_LISTS, (price.old_id for price in self.prices))
        after = batches.last_event()
        count = self.old.count_events(after=after)
        for _event in judge.judge(self.progress(self.old.events(after=after), count, "events")):
            pass
        new = {
            "rates": len(self.packs),
            "price lists": len(self.prices),
            "users": len(self.people),
            "credits": sum(credits for person in self.people for credits, _account in person.openings),
            "events": batches.events_here() + count,
        }
        if self.documents is not None:
            new["products"] = len(self.shelves.products)
        for name, number in new.items():
            self.totals[name].new = number

    def _write_events(self, batch: Batch) -> int:
        """All of them and their seal in one transaction."""
        after = batches.last_event()
        count = self.old.count_events(after=after)
        if not count:
            return 0
        judge = Judge(self.report)
        row = batch.row
        with sealed_together():
            coming = self.progress(self.old.events(after=after), count, "events")
            written = write_past(judge.judge(coming), request_id=current().request_id)
            row.progress |= {"events_to": judge.last, "events": row.progress.get("events", 0) + written}
            row.save(update_fields=["progress", "updated_at"])
        return written

    def _measure(self) -> None:
        """What is really here now, asked of the tables."""
        self.totals["rates"].new = len(Known(RATES).living)
        self.totals["price lists"].new = len(Known(PRICE_LISTS).living)
        self.totals["users"].new = len(Known(USERS).living)
        self.totals["credits"].new = _opening_credits()
        self.totals["events"].new = batches.events_here()
        if self.documents is not None:
            self.totals["products"].new = len(Known(PRODUCTS).living)


def _opening_credits() -> int:
    """Of the batches that were not taken back."""
    total = 0
    for batch in ImportBatch.objects.filter(source=SOURCE).exclude(state=ImportState.UNDONE):
        entries = CreditEntry.objects.filter(
            kind=EntryKind.OPENING, reference__startswith=people.opening_prefix(batch.pk)
        )
        total += entries.aggregate(total=Sum("amount"))["total"] or 0
    return total


def old_ids(table: str, batch: ImportBatch) -> dict[str, str]:
    """What of a table this batch brought and is not withdrawn: our number by the old one."""
    rows: Any = batch.rows.filter(table=table, is_withdrawn=False).values_list("old_id", "new_id")
    return dict(rows)
