from datetime import date, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from backoffice.figures.daily import count_due, recount


class Command(BaseCommand):
    help = "Counts the home page's days anew, after rows were brought in with dates of the past."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--since", type=date.fromisoformat, help="from this day on (default: 400 days ago)")
        parser.add_argument("--check", action="store_true", help="only say whether they are right: 1 where not")

    def handle(self, *args: Any, **options: Any) -> None:
        since = options["since"] or timezone.localdate() - timedelta(days=400)
        seen, differing = recount(since, only_check=options["check"])
        if options["check"] and differing:
            raise CommandError(f"{differing} of {seen} counted days are not as their rows say.")
        new = 0
        while not options["check"] and (more := count_due()):
            new += more
        self.stdout.write(f"{seen} counted days, {differing} corrected, {new} new.")
