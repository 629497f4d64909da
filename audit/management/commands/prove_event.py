import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit.seals.proving import NotSealedYet, UnknownEvent, prove_event


class Command(BaseCommand):
    help = "Prints a proof that an event is in the log; docs/verify_audit.py checks it without this project."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("id", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            proof = prove_event(options["id"])
        except UnknownEvent as error:
            raise CommandError(f"there is no event {options['id']} (it may be in an archive)") from error
        except NotSealedYet as error:
            raise CommandError(f"event {options['id']} is not sealed yet: run seal_audit first") from error
        self.stdout.write(json.dumps(proof, ensure_ascii=False, indent=1))
