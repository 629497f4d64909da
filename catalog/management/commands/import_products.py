from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from pymongo.errors import PyMongoError

from catalog.product_list import changed_at, read_collection, read_csv, read_xlsx
from catalog.progress import bar
from catalog.services.lists import import_list
from common.context import acting
from common.errors import DomainError


class Command(BaseCommand):
    help = (
        "Imports products, and stock where pharmacies are named, from a spreadsheet, a CSV file or an old MongoDB "
        "collection. Columns are found by name, French or English. Run it with --dry-run first."
    )

    def add_arguments(self, parser: Any) -> None:
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument("--mongodb", metavar="URL", help="mongodb://…/database, with --collection")
        source.add_argument("--xlsx", type=Path, metavar="FILE.xlsx")
        source.add_argument("--csv", type=Path, metavar="FILE.csv")
        parser.add_argument("--collection", default="products", help="default: products")
        parser.add_argument("--dry-run", action="store_true", help="report what would change, and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with acting("command", "import_products"):
                report = self._import(options)
        except DomainError as error:
            raise CommandError(str(error.detail)) from error
        except PyMongoError as error:
            raise CommandError(f"MongoDB does not answer: {type(error).__name__}") from error
        for remark in report.remarks:
            self.stdout.write(str(remark))
        self.stdout.write(
            f"{'dry run: ' if options['dry_run'] else ''}{report.lines} lines, products: {report.counts}, "
            f"stock: {report.stock}, {report.left_out} left out"
        )

    def _import(self, options: dict[str, Any]) -> Any:
        common = {"dry_run": options["dry_run"], "progress": bar}
        if options["mongodb"]:
            documents = list(read_collection(options["mongodb"], options["collection"]))
            times = [made for *_document, made in documents if made is not None]
            lines = [(number, document) for number, document, _made in documents]
            seen_at = max(times, default=timezone.now())
            return import_list(lines, name=options["collection"], observed_at=seen_at, **common)
        path: Path = options["xlsx"] or options["csv"]
        if not path.is_file():
            raise CommandError(f"{path} is no file.")
        read = read_xlsx if options["xlsx"] else read_csv
        return import_list(read(path), name=path.name, observed_at=changed_at(path), **common)
