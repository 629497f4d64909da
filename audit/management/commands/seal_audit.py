from typing import Any

from django.core.management.base import BaseCommand

from audit.models import Seal
from audit.seals.anchoring import anchor_due
from audit.seals.keys import public_key
from audit.seals.sealing import seal_all


class Command(BaseCommand):
    help = "Seals the events that no seal covers yet, and sends the newest seal to AUDIT_ANCHORS."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--public-key", action="store_true", help="only print the key that proofs are checked with")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["public_key"]:
            self.stdout.write(public_key())
            return
        count = seal_all()
        newest = Seal.objects.order_by("-number").first()
        anchored = anchor_due()
        at = f", newest seal {newest.number} {newest.hash}" if newest else ""
        self.stdout.write(f"audit: {count} events sealed{at}, {anchored} anchors")
