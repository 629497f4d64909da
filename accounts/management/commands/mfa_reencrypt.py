from typing import Any

from django.core.management.base import BaseCommand

from accounts.services.second_factor import reencrypt_all


class Command(BaseCommand):
    help = "Puts the secrets of all second factors under the first of ENCRYPTION_KEYS, so that older keys can go."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{reencrypt_all()} second factors are under the first key")
