from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from catalog.duty_list import read_duty
from catalog.models import Pharmacy
from catalog.rows import DutyRow, Remark
from catalog.services.hours import import_duty
from common.context import acting
from common.errors import DomainError


class Command(BaseCommand):
    help = "Imports the roster of duty from a CSV file with French columns (pharmacie, debut, fin, zone, majoration)."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("file", type=Path, metavar="FILE.csv")
        parser.add_argument("--dry-run", action="store_true", help="report what would change, and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        if not path.is_file():
            raise CommandError(f"{path} is no file.")
        codes = set(Pharmacy.objects.values_list("code", flat=True))
        try:
            items = list(read_duty(path, pharmacies=codes))
        except DomainError as error:
            raise CommandError(str(error.detail)) from error
        remarks = [item for item in items if isinstance(item, Remark)]
        rows = [item for item in items if isinstance(item, DutyRow)]
        with acting("command", "import_duty"):
            counts = import_duty(rows, source=path.name, left_out=len(remarks), dry_run=options["dry_run"])
        for remark in remarks:
            self.stdout.write(str(remark))
        self.stdout.write(
            f"{'dry run: ' if options['dry_run'] else ''}{len(items)} turns, {len(rows)} imported ({counts}), "
            f"{len(remarks)} left out"
        )
