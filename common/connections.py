"""Database connections around requests and around calls to other services."""

import time
from typing import Any

from django.core.signals import request_finished, request_started
from django.db import connection, connections
from django.dispatch import receiver

# A connection that answered a moment ago is not asked again whether it lives.
_TRUSTED_SECONDS = 1.0


def release_connection() -> None:
    """Give the connection back before waiting for another service: a waiting request must not hold one.

    Inside a transaction (only tests call services so) there is nothing to give back.
    """
    if not connection.in_atomic_block:
        connection.close()


@receiver(request_finished, dispatch_uid="common.note_use")
def note_use(sender: Any, **kwargs: Any) -> None:
    for each in connections.all(initialized_only=True):
        each.last_used_at = time.monotonic()  # type: ignore[attr-defined]


@receiver(request_started, dispatch_uid="common.trust_recent")
def trust_recent(sender: Any, **kwargs: Any) -> None:
    """Django's health check is a round trip for every request; under load it would be a tenth of the work.

    Runs after Django's own receiver, which asks for the check.
    """
    for each in connections.all(initialized_only=True):
        if time.monotonic() - getattr(each, "last_used_at", float("-inf")) < _TRUSTED_SECONDS:
            each.health_check_done = True  # type: ignore[attr-defined]
