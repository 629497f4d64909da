from typing import Any

from django.core.management.base import BaseCommand, CommandError

from common import csv
from payments.services.reporting import COLUMNS, month_of, report


class Command(BaseCommand):
    help = "What each provider brought in a month, as CSV: started, paid, failed, refunded, fees."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--month", required=True, metavar="YYYY-MM")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            since, until = month_of(options["month"])
        except ValueError as error:
            raise CommandError(f"{options['month']!r} is no month: write YYYY-MM") from error
        for line in csv.lines([COLUMNS, *report(since, until)]):
            self.stdout.write(line.rstrip("\r\n"))
