"""Limits that hold when everybody comes at once: an attempt is counted by one statement, before it is made.

`take` counts, the caller tries, `give_back` returns what turned out to be harmless. A window that was used up makes
the next one twice as long, up to `longest`; a window that was not, or a quiet time of `longest`, starts anew. Attempts
that are refused count nowhere, so nobody prolongs somebody else's wait.

Outside of any transaction, because a count that is rolled back with its attempt has counted nothing; inside, where that
is what is meant (`payments.services.prompts`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from django.utils.crypto import salted_hmac

from common import sql
from common.errors import RateLimited
from common.models import RateCounter

_MOST_STRIKES = 10
_SWEPT_AT_ONCE = 1000
_TABLE = RateCounter._meta.db_table


@dataclass(frozen=True)
class Limit:
    """At most `attempts` in `window` seconds; windows grow to `longest` seconds (0: they do not).

    `kept` is for how many seconds a subject is remembered after its last window began.
    """

    scope: str
    attempts: int
    window: int
    longest: int = 0
    kept: int = 0

    def remembered(self) -> int:
        return max(self.kept, 2 * max(self.longest, self.window))


@dataclass(frozen=True)
class Taken:
    """One attempt that was counted; `is_last` where it was the last of its window."""

    limit: Limit
    digest: bytes
    used: int
    ends_at: int

    @property
    def is_last(self) -> bool:
        return self.used >= self.limit.attempts

    @property
    def seconds_left(self) -> int:
        return max(self.ends_at - _now(), 0)


Claim = tuple[Limit, str]
Statement = tuple[str, Sequence[Any]]


def take(*claims: Claim) -> list[Taken]:
    """Count one attempt against every `(limit, subject)`, in one round trip and in this order: all of them or none.

    Raises `RateLimited` (429) with the longest wait. Callers that share limits name them in the same order.
    """
    now = _now()
    results = sql.fetch_together(*(statement for claim in claims for statement in _take(claim, now)))
    taken, waits = [], []
    for number, (limit, subject) in enumerate(claims):
        counted, state = results[2 * number], results[2 * number + 1]
        if counted:
            taken.append(Taken(limit, _digest(limit, subject), *counted[0]))
        else:
            waits.append(_wait(state, now))
    if waits:
        give_back(taken)
        raise RateLimited(retry_after=max(waits))
    return taken


def take_known(claim: Claim) -> Taken | None:
    """The same for a subject that was remembered before (`remember`); None for one that was not."""
    limit, subject = claim
    now, digest = _now(), _digest(limit, subject)
    counted, state = sql.fetch_together(
        (
            f"UPDATE {_TABLE} AS c SET {_next_window(limit, now)} "
            f"WHERE scope = %s AND subject = %s AND {_has_room(limit, now)} RETURNING used, ends_at",
            [limit.scope, digest],
        ),
        _state(limit, digest),
    )
    if counted:
        return Taken(limit, digest, *counted[0])
    if state:
        raise RateLimited(retry_after=_wait(state, now))
    return None


def give_back(taken: Sequence[Taken], *, remembering: Claim | None = None) -> None:
    """Uncount attempts, unless their window is over, and `remember` a subject in the same round trip."""
    statements: list[Statement] = [
        (
            f"UPDATE {_TABLE} SET used = used - 1 "
            "WHERE scope = %s AND subject = %s AND ends_at = %s AND used > 0 RETURNING id",
            [each.limit.scope, each.digest, each.ends_at],
        )
        for each in taken
    ]
    if remembering is not None:
        statements.append(_remember(*remembering))
    if statements:
        sql.fetch_together(*statements)


def remember(limit: Limit, subject: str) -> None:
    """Know this subject from now on, for `limit.kept` seconds, with its window as it is."""
    sql.fetch_together(_remember(limit, subject))


def reset(*claims: Claim) -> None:
    """Start these subjects anew, as if nothing had been tried."""
    for limit, subject in claims:
        RateCounter.objects.filter(scope=limit.scope, subject=_digest(limit, subject)).update(
            used=0, strikes=0, ends_at=_now()
        )


def forget_old() -> int:
    """Delete counters that say nothing any more; how many."""
    now, deleted = _now(), 0
    while True:
        some = RateCounter.objects.filter(forget_at__lt=now).values_list("pk", flat=True)[:_SWEPT_AT_ONCE]
        count, _per_model = RateCounter.objects.filter(pk__in=list(some), forget_at__lt=now).delete()
        deleted += count
        if count < _SWEPT_AT_ONCE:
            return deleted


def _take(claim: Claim, now: int) -> list[Statement]:
    """Count where there is room, then say until when there is none: a refusal is an empty first answer."""
    limit, subject = claim
    digest = _digest(limit, subject)
    return [
        (
            f"INSERT INTO {_TABLE} AS c (scope, subject, used, strikes, ends_at, forget_at) "
            f"VALUES (%s, %s, 1, 0, {now + limit.window}, {now + limit.remembered()}) "
            f"ON CONFLICT (scope, subject) DO UPDATE SET {_next_window(limit, now)} "
            f"WHERE {_has_room(limit, now)} RETURNING used, ends_at",
            [limit.scope, digest],
        ),
        _state(limit, digest),
    ]


def _remember(limit: Limit, subject: str) -> Statement:
    now = _now()
    return (
        f"INSERT INTO {_TABLE} AS c (scope, subject, used, strikes, ends_at, forget_at) "
        f"VALUES (%s, %s, 0, 0, {now}, {now + limit.remembered()}) "
        "ON CONFLICT (scope, subject) DO UPDATE SET forget_at = excluded.forget_at RETURNING id",
        [limit.scope, _digest(limit, subject)],
    )


def _state(limit: Limit, digest: bytes) -> Statement:
    return f"SELECT ends_at FROM {_TABLE} WHERE scope = %s AND subject = %s", [limit.scope, digest]


def _has_room(limit: Limit, now: int) -> str:
    return f"(c.ends_at <= {now} OR c.used < {limit.attempts})"


def _next_window(limit: Limit, now: int) -> str:
    """What counting one attempt changes. `c` is the row as it was; every number is ours."""
    longest = max(limit.longest, limit.window)
    strikes = (
        f"CASE WHEN c.ends_at > {now} THEN c.strikes "
        f"WHEN c.used < {limit.attempts} OR c.ends_at + {longest} <= {now} THEN 0 "
        f"WHEN c.strikes < {_MOST_STRIKES} THEN c.strikes + 1 ELSE c.strikes END"
    )
    window = f"{limit.window} * (1 << ({strikes}))"
    return (
        f"used = CASE WHEN c.ends_at > {now} THEN c.used + 1 ELSE 1 END, strikes = {strikes}, "
        f"ends_at = CASE WHEN c.ends_at > {now} THEN c.ends_at "
        f"WHEN {window} > {longest} THEN {now + longest} ELSE {now} + {window} END, "
        f"forget_at = {now + limit.remembered()}"
    )


def _wait(state: list[tuple[Any, ...]], now: int) -> int:
    return max(state[0][0] - now, 1) if state else 1


def _digest(limit: Limit, subject: str) -> bytes:
    return salted_hmac(f"common.limits.{limit.scope}", subject, algorithm="sha256").digest()


def _now() -> int:
    return int(timezone.now().timestamp())
