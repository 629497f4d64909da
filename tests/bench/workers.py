"""Processes of the audit benchmark: `python -m tests.bench.workers spend|seal SECONDS NUMBER`.

Each prints how many it did, and the processor time that it and its connection's server process took.
"""

import os
import sys
import time
import uuid

import django


def spend(until: float, number: int) -> int:
    """Credits of an account of its own, one at a time: a guarded UPDATE, an entry and an event in each transaction."""
    from accounts.models import Account
    from accounts.services import ledger
    from common.unit_of_work import unit_of_work

    rich = Account.objects.filter(is_active=True, credit__gte=10)
    people = list(rich.order_by("pk").values_list("user_id", flat=True))
    count = 0
    while time.monotonic() < until:
        user_id = people[(number + 2 * count) % len(people)]
        # And back: nobody's credits run out, and the books stay right.
        reference = f"bench:{uuid.uuid4()}"
        for move in (ledger.spend, ledger.refund):
            with unit_of_work():
                move(user_id, 1, reference=reference)
        count += 2
    return count


def seal(until: float, number: int) -> int:
    """A sweep every second that seals whatever there is, which is more often than one does."""
    from audit.seals.sealing import seal_all

    count = 0
    while time.monotonic() < until:
        count += seal_all()
        time.sleep(1)
    return count


def main(name: str, seconds: float, number: int) -> None:
    from tests.changelists import backend_clock

    print("ready", flush=True)
    with backend_clock() as worked:
        before, began = worked() or 0.0, time.process_time()
        count = {"spend": spend, "seal": seal}[name](time.monotonic() + seconds, number)
        print(count, time.process_time() - began + (worked() or 0.0) - before)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
