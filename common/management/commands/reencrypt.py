from typing import Any

from django.core.management.base import BaseCommand

from common.crypto import reencrypt_kept


class Command(BaseCommand):
    help = "Puts everything that is kept encrypted under the first of ENCRYPTION_KEYS, so that older keys can go."

    def handle(self, *args: Any, **options: Any) -> None:
        told = ", ".join(f"{count} {name}" for name, count in sorted(reencrypt_kept().items()))
        self.stdout.write(f"under the first key: {told}")
