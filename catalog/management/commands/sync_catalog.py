from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from catalog.epg.catalogue import PAGE_SIZE
from catalog.progress import bar
from catalog.services.sync import sync_catalog
from common.context import acting
from common.http import NotReached, UnknownOutcome


class Command(BaseCommand):
    help = "Brings the products up to date with EPG's catalogue; ends with an error where it may not be whole."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--dry-run", action="store_true", help="report what would change, and change nothing")
        parser.add_argument("--page-size", type=int, default=PAGE_SIZE, metavar="N", help=f"default: {PAGE_SIZE}")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.EPG_URL:
            raise CommandError("EPG_URL names no EPG (.env.example).")
        with acting("command", "sync_catalog"):
            try:
                report = sync_catalog(page_size=options["page_size"], dry_run=options["dry_run"], progress=bar)
            except (NotReached, UnknownOutcome) as error:
                raise CommandError(f"EPG does not answer: {error}") from error
        for remark in report.remarks:
            self.stdout.write(str(remark))
        self.stdout.write(
            f"{'dry run: ' if options['dry_run'] else ''}{report.pages} pages, {report.counts}, "
            f"{report.vanished} vanished, {len(report.remarks)} remarks"
        )
        if report.doubt:
            raise CommandError(f"{report.doubt}: nothing was marked as vanished, run it again")
