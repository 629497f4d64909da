from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from audit.seals.verifying import verify

_SHOWN = 100


class Command(BaseCommand):
    help = "Proves the event log; exits 1 and names every event changed, removed, inserted, reordered or cut off."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--anchor", type=Path, action="append", default=[], help="a file of anchored seals")
        parser.add_argument("--archive", type=Path, action="append", default=[], help="a file of archive_events")

    def handle(self, *args: Any, **options: Any) -> None:
        for path in (*options["anchor"], *options["archive"]):
            if not path.is_file():
                raise CommandError(f"{path} is no file")
        result = verify(
            anchors=options["anchor"],
            archives=options["archive"],
            progress=lambda seals, total: tqdm(seals, total=total, desc="seals", disable=None),
        )
        for finding in result.findings[:_SHOWN]:
            self.stdout.write(str(finding))
        counts = (
            f"{result.seals} seals, {result.sealed} events sealed, {result.archived} archived, "
            f"{result.unsealed} not sealed yet"
        )
        if result.findings:
            raise CommandError(f"{len(result.findings)} findings in {counts}")
        self.stdout.write(f"audit: {counts}, all genuine")
