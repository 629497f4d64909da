import argparse
import re
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from payments.services.reconciling import reconcile

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def duration(text: str) -> timedelta:
    """`2d`, `12h`, `90m`, `1w`."""
    match = re.fullmatch(r"([0-9]{1,4})([mhdw])", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration: write 90m, 12h, 2d or 1w")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


class Command(BaseCommand):
    help = "Asks every provider about what is not final, and a sample of what is; a line per finding, exits 1 with any."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--since", type=duration, default="2d", help="how far back: 90m, 12h, 2d, 1w (default 2d)")
        parser.add_argument("--sample", type=int, default=50, help="how many final ones are asked about (default 50)")

    def handle(self, *args: Any, **options: Any) -> None:
        def tell(done: int, of: int) -> None:
            if done % 100 == 0 or done == of:
                self.stderr.write(f"{done} of {of}")

        result = reconcile(since=timezone.now() - options["since"], sample=max(options["sample"], 0), tell=tell)
        for finding in result.findings:
            self.stdout.write(finding)
        summary = f"{result.asked} payments, {result.settled} settled, {len(result.findings)} findings"
        if result.findings:
            raise CommandError(summary)
        self.stdout.write(f"reconciled: {summary}")
