from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.services.verification import verify_ledger


class Command(BaseCommand):
    help = "Proves that every balance is the sum of its entries; exits 1 and names the rows where one is not."

    def handle(self, *args: Any, **options: Any) -> None:
        verification = verify_ledger()
        for finding in verification.findings:
            entry = f" entry {finding.entry_id}" if finding.entry_id else ""
            self.stdout.write(f"account {finding.account_id}{entry}: {finding.what}")
        if verification.findings:
            raise CommandError(f"{len(verification.findings)} findings in {verification.accounts} accounts")
        self.stdout.write(f"ledger: {verification.accounts} accounts add up")
