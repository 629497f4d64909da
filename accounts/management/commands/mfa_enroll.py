import io
from typing import Any

import segno
from django.core.management.base import BaseCommand, CommandError

from accounts.selectors import user_by_email
from accounts.services.second_factor import enrol_at_shell
from common.context import acting
from common.errors import DomainError


class Command(BaseCommand):
    help = "Gives somebody a second factor, the first administrator above all, and prints it: once, to nobody else."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("email", metavar="EMAIL")

    def handle(self, *args: Any, **options: Any) -> None:
        user = user_by_email(options["email"])
        if user is None:
            raise CommandError(f"Nobody has the address {options['email']}.")
        try:
            with acting("command", "mfa_enroll"):
                enrolment, recovery_codes = enrol_at_shell(user)
        except DomainError as error:
            raise CommandError(
                f"{user.email} has a second factor already: `manage.py mfa_reset {user.email}` removes it."
            ) from error
        picture = io.StringIO()
        segno.make(enrolment.otpauth_uri).terminal(picture, compact=True)
        codes = "\n".join(f"  {code}" for code in recovery_codes)
        self.stdout.write(
            f"{picture.getvalue()}\nScan it with an authenticator application, or type the secret into one:\n\n"
            f"  {enrolment.secret}\n\n  {enrolment.otpauth_uri}\n\n"
            f"Recovery codes, each good once; keep them on paper, away from the phone:\n\n{codes}\n\n"
            f"{user.email} signs in with a code from now on."
        )
