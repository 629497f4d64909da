import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import close_old_connections

from common.sweeping import sweep


class Command(BaseCommand):
    help = "Moves on whatever is due: expired holds, unknown outcomes, pending payments. From cron, or with --every."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--every", type=float, metavar="SECONDS", help="go on until stopped, this often")

    def handle(self, *args: Any, **options: Any) -> None:
        every = options["every"]
        if every is None:
            moved = sweep()
            self.stdout.write(_line(moved))
            if -1 in moved.values():
                raise CommandError("some due work failed; the log says why")
            return
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        while not stop.is_set():
            close_old_connections()
            moved = sweep()
            if any(moved.values()):
                self.stdout.write(_line(moved))
            stop.wait(every)


def _line(moved: dict[str, int]) -> str:
    return "sweep: " + ", ".join(f"{name} {'failed' if count < 0 else count}" for name, count in moved.items())
