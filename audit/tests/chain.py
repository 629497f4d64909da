"""Events, seals over them, and what a verification says of them."""

import time
from datetime import timedelta
from typing import Any

from django.utils import timezone

from audit.enums import Action
from audit.models import Event, Seal
from audit.seals import ranges
from audit.seals.sealing import seal_next
from audit.seals.verifying import verify
from audit.services import record


def make_events(count: int) -> list[int]:
    """Events of different people, their ids."""
    first = Event.objects.order_by("-id").values_list("id", flat=True).first() or 0
    for number in range(count):
        record(
            Action.CREDITS_SPEND,
            entity="account",
            entity_id=number,
            amount=-number,
            changes={"balance_after": number, "share": 0.5},
            personal={"email": f"{number}@example.org"},
        )
    return list(Event.objects.filter(id__gt=first).order_by("id").values_list("id", flat=True))


def gaps_after(number: int, seal: Seal) -> list[int]:
    """The missing numbers a seal waits for, without those that lie before the test's first event."""
    return [missing for gap in seal.gaps for missing in ranges.unpack(gap[0]) if missing > number]


def seal_until_settled(time_machine: Any) -> Seal:
    """Seal new events until no number is waited for: no transaction of before, here or elsewhere, runs any more."""
    time_machine.move_to(timezone.now() + timedelta(minutes=2, seconds=1))
    deadline = time.monotonic() + 30
    while True:
        make_events(1)
        seal = seal_next()
        assert seal is not None
        if not seal.gaps:
            return seal
        assert time.monotonic() < deadline, seal.gaps


def findings(**options: Any) -> list[str]:
    return [str(finding) for finding in verify(**options).findings]
