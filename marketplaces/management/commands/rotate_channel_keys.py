from typing import Any

from django.core.management.base import BaseCommand, CommandError

from marketplaces.services.channel_keys import reseal_all


class Command(BaseCommand):
    help = "Puts every merchant's tokens under the first of CHANNEL_KEYS, so that older keys can go."

    def handle(self, *args: Any, **options: Any) -> None:
        done = reseal_all()
        self.stdout.write(f"{done.resealed} secrets are under the first key")
        if done.unreadable:
            raise CommandError(
                f"{done.unreadable} secrets are under none of CHANNEL_KEYS: put the missing key back, "
                "or have their merchants connect anew."
            )
