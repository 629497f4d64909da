from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from catalog.pharmacy_list import read_pharmacies
from catalog.rows import Remark
from catalog.services.pharmacies import upsert_pharmacies
from common.context import acting
from common.errors import DomainError


class Command(BaseCommand):
    help = "Imports pharmacies from a CSV file with French columns (code, nom, ville, quartier, telephone, …)."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("file", type=Path, metavar="FILE.csv")
        parser.add_argument("--dry-run", action="store_true", help="report what would change, and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        if not path.is_file():
            raise CommandError(f"{path} is no file.")
        try:
            items = list(read_pharmacies(path, region=settings.PHONE_REGION))
        except DomainError as error:
            raise CommandError(str(error.detail)) from error
        remarks = [item for item in items if isinstance(item, Remark)]
        left_out = sum(remark.reason.startswith("left out") for remark in remarks)
        rows = [item for item in items if not isinstance(item, Remark)]
        with acting("command", "import_pharmacies"):
            counts = upsert_pharmacies(rows, source=path.name, left_out=left_out, dry_run=options["dry_run"])
        for remark in remarks:
            self.stdout.write(str(remark))
        self.stdout.write(
            f"{'dry run: ' if options['dry_run'] else ''}{len(rows) + left_out} pharmacies, {len(rows)} imported "
            f"({counts}), {left_out} left out"
        )
