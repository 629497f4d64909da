import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connections

from common.context import acting
from marketplaces.services.jobs.working import work_until


class Command(BaseCommand):
    help = "Does the jobs of the sales channels, until it is stopped. Any number of them may run, on any machine."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument(
            "--threads", type=int, default=1, metavar="N", help="work at so many jobs at once (calls mostly wait)"
        )
        parser.add_argument("--idle", type=float, default=1.0, metavar="SECONDS", help="look again after this long")

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        steps: list[int] = []

        def work() -> None:
            with acting("task", "marketplace_worker"):
                try:
                    steps.append(work_until(stop.is_set, pause=stop.wait, idle_seconds=options["idle"]))
                finally:
                    connections.close_all()

        self.stdout.write("marketplace_worker: ready")
        self.stdout.flush()
        threads = [threading.Thread(target=work, name=f"jobs {n}") for n in range(options["threads"])]
        for thread in threads:
            thread.start()
        for thread in threads:
            # In pieces: a signal is handled between them.
            while thread.is_alive():
                thread.join(timeout=0.5)
        self.stdout.write(f"marketplace_worker: {sum(steps)} steps")
