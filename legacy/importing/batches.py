"""What was brought over before, and the batch that is being brought over now."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.utils import timezone

from common.bulk import merge_rows
from common.enums import ImportState
from common.errors import Conflict
from common.models import ImportBatch, ImportedRow
from common.sql import fetch_one

SOURCE = "legacy"
USERS, ACCOUNTS, RATES, PRICE_LISTS = "users", "accounts", "rates", "pricelists"
PRODUCTS, STOCK = "products", "stock"
_LOCK = 7_205_759_417
_COLUMNS = ("batch_id", "source", "table", "old_id", "new_id", "is_withdrawn", "updated_at")


class ImportUnderWay(Conflict):
    def __init__(self) -> None:
        super().__init__(
            "Another process is importing, or taking an import back: wait for it.", code="import_under_way"
        )


@contextmanager
def alone() -> Iterator[None]:
    """Nobody else imports or takes back meanwhile. Raises `ImportUnderWay`. SQLite leaves it to its constraints."""
    if connection.vendor != "postgresql":
        yield
        return
    row = fetch_one("SELECT pg_try_advisory_lock(%s)", [_LOCK])
    if not (row and row[0]):
        raise ImportUnderWay
    try:
        yield
    finally:
        fetch_one("SELECT pg_advisory_unlock(%s)", [_LOCK])


class Known:
    """Which row of ours each old row of a table is: `living` are in use, `withdrawn` were taken back."""

    def __init__(self, table: str) -> None:
        self.living: dict[str, str] = {}
        self.withdrawn: dict[str, str] = {}
        rows = ImportedRow.objects.filter(source=SOURCE, table=table).values_list("old_id", "new_id", "is_withdrawn")
        for old_id, new_id, is_withdrawn in rows.iterator(chunk_size=10_000):
            (self.withdrawn if is_withdrawn else self.living)[old_id] = new_id

    def number(self, old_id: object) -> int | None:
        """Our number of a living row."""
        found = self.living.get(str(old_id))
        return int(found) if found else None


class Batch:
    """The one batch of a run: that of a killed run, or a new one once there is something to bring over."""

    def __init__(self) -> None:
        self._row: ImportBatch | None = ImportBatch.objects.filter(source=SOURCE, state=ImportState.RUNNING).first()

    @property
    def row(self) -> ImportBatch:
        if self._row is None:
            self._row = ImportBatch.objects.create(source=SOURCE)
        return self._row

    @property
    def is_begun(self) -> bool:
        return self._row is not None

    def remember(self, table: str, ids: Iterable[tuple[object, object]], *, is_withdrawn: bool = False) -> None:
        """Which of ours each old row is, in the transaction that has written it: what is changed later is changed by
        somebody else."""
        number, now = self.row.pk, timezone.now()
        merge_rows(
            ImportedRow._meta.db_table,
            _COLUMNS,
            ((number, SOURCE, table, str(old), str(new), is_withdrawn, now) for old, new in ids),
            key=("source", "table", "old_id"),
        )

    def finish(self, totals: dict[str, Any]) -> None:
        now = timezone.now()
        self.row.progress |= totals
        self.row.state, self.row.finished_at = ImportState.DONE, now
        self.row.save(update_fields=["progress", "state", "finished_at", "updated_at"])


def last_event() -> int:
    """The old id up to which events are here: also those of a batch that was taken back, for events stay."""
    return max((batch.progress.get("events_to", 0) for batch in ImportBatch.objects.filter(source=SOURCE)), default=0)


def events_here() -> int:
    return sum(batch.progress.get("events", 0) for batch in ImportBatch.objects.filter(source=SOURCE))
