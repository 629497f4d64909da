from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.services.verification import verify_ledger


class Command(BaseCommand):
    help = "Proves that credits and money add up; names the rows that do not, a line each, and exits 1."

    def handle(self, *args: Any, **options: Any) -> None:
        verification = verify_ledger()
        for finding in verification.findings:
            self.stdout.write(str(finding))
        if verification.findings:
            raise CommandError(f"{len(verification.findings)} findings in {verification.accounts} accounts")
        self.stdout.write(f"ledger: {verification.accounts} accounts add up")
