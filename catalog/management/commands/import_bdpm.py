from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from catalog.progress import bar
from catalog.services.bdpm import import_bdpm
from common.context import acting
from common.errors import DomainError


class Command(BaseCommand):
    help = "Imports the public French medicines database from a folder with its three files."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("directory", type=Path, metavar="DIR")
        parser.add_argument("--dry-run", action="store_true", help="report what would change, and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        with acting("command", "import_bdpm"):
            try:
                report = import_bdpm(options["directory"], dry_run=options["dry_run"], progress=bar)
            except DomainError as error:
                raise CommandError(str(error.detail)) from error
        for remark in report.remarks:
            self.stdout.write(str(remark))
        imported = report.presentations - report.left_out
        self.stdout.write(
            f"{'dry run: ' if options['dry_run'] else ''}{report.presentations} presentations, {imported} imported "
            f"({report.counts}), {report.left_out} left out, {report.without_price} without price"
        )
