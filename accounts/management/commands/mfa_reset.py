from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.selectors import user_by_email
from accounts.services.second_factor import reset
from common.context import acting


class Command(BaseCommand):
    help = "Removes somebody's second factor and ends their sessions: for a phone that is lost, with its paper."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("email", metavar="EMAIL")

    def handle(self, *args: Any, **options: Any) -> None:
        user = user_by_email(options["email"])
        if user is None:
            raise CommandError(f"Nobody has the address {options['email']}.")
        with acting("command", "mfa_reset"):
            had_one = reset(user)
        if not had_one:
            raise CommandError(f"{user.email} has no second factor.")
        self.stdout.write(f"{user.email} has no second factor any more, and is signed out everywhere.")
