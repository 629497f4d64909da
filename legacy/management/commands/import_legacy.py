from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from pymongo.errors import PyMongoError

from catalog.product_list import read_collection
from catalog.progress import bar
from common.context import acting
from common.errors import DomainError
from legacy.importing.products import COLLECTION, Document
from legacy.importing.report import Report
from legacy.importing.running import Imported, import_legacy
from legacy.importing.source import OldDatabase
from legacy.importing.undoing import undo


class Command(BaseCommand):
    help = (
        "Brings the old service's people, credits, rates, prices and events over, and its products from MongoDB. "
        "Run it with --dry-run first; run again it finishes what was interrupted and brings what is new."
    )

    def add_arguments(self, parser: Any) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--database", metavar="URL", help="postgresql://… of the old service")
        what.add_argument("--undo", type=int, metavar="BATCH", help="take an import back while nothing stands on it")
        parser.add_argument("--mongodb", metavar="URL", help="mongodb://…/database of the old products")
        parser.add_argument("--dry-run", action="store_true", help="report what would come, and write nothing")
        parser.add_argument(
            "--report", type=Path, metavar="FILE.csv", help="every row that met a rule; default: in DATA_DIR/imports"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with acting("command", "import_legacy"):
                if options["undo"] is not None:
                    self._undo(options["undo"])
                    return
                self._import(options)
        except DomainError as error:
            raise CommandError(str(error.detail)) from error
        except psycopg.Error as error:
            raise CommandError(f"The old database refused: {type(error).__name__}: {error}") from error
        except PyMongoError as error:
            raise CommandError(f"MongoDB does not answer: {type(error).__name__}") from error
        except DatabaseError as error:
            raise CommandError(f"Stopped ({error}): run it again, what has come is here.") from error

    def _undo(self, number: int) -> None:
        taken = undo(number)
        said = f": {_counts(taken)} taken back" if taken else " was taken back before"
        self.stdout.write(f"batch {number}{said}")

    def _import(self, options: dict[str, Any]) -> None:
        report, dry_run = Report(), options["dry_run"]
        path = options["report"] or settings.DATA_DIR / "imports" / ("dry-run.csv" if dry_run else "legacy.csv")
        documents: list[Document] | None = None
        if options["mongodb"]:
            documents = list(read_collection(options["mongodb"], COLLECTION))
        with report.written_to(path), OldDatabase(options["database"]) as old:
            done = import_legacy(old, documents, report=report, dry_run=dry_run, progress=bar)
        for line in report.lines():
            self.stdout.write(line)
        self.stdout.write(f"every row: {path}")
        self.stdout.write(_result(done, dry_run=dry_run))
        if not report.is_explained:
            raise CommandError("The totals differ and nothing explains why: see DIFFERENCE above.")


def _result(done: Imported, *, dry_run: bool) -> str:
    if dry_run:
        return "dry run: nothing was written"
    if done.batch is None:
        return "nothing new"
    return f"batch {done.batch}: {_counts(done.brought)} brought over"


def _counts(rows: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in rows.items())
