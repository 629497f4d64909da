from typing import Any

from django.core.management.base import BaseCommand

from appointments.services.reminding import send_reminders
from common.context import acting


class Command(BaseCommand):
    help = "Reminds patients of their coming appointments, each time once. `sweep` does so as well."

    def handle(self, *args: Any, **options: Any) -> None:
        with acting("command", "send_reminders"):
            sent = send_reminders()
        self.stdout.write(f"{sent} reminders handed to the outbox")
