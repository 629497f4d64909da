"""Late money while its day is counted: whoever is first, the figures end as the rows are.

A race test counts only if it fails with the lock taken away: first it is.
"""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection, connections

from accounts.tests.factories import make_user
from backoffice.figures import daily
from backoffice.figures.daily import count_days, count_due, known_days
from backoffice.figures.reading import read
from backoffice.figures.sources import SOURCES, Source
from backoffice.models import DailyFigure
from backoffice.tests.days import MONDAY, TUESDAY, WEDNESDAY, at
from backoffice.tests.world import make_rate_payment
from common.unit_of_work import unit_of_work
from payments.enums import Status
from payments.models import Payment
from payments.services.moves import lock, move
from tests.threads import waiting_for_a_lock

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer: nothing races"),
]

PATIENCE = 30
FAILED, SUCCEEDED = {("mypayga", "failed", "XAF"): 1}, {("mypayga", "succeeded", "XAF"): 1}


@pytest.fixture
def payment() -> Iterator[Payment]:
    """One of Tuesday that failed; it is Wednesday, and nothing is counted yet."""
    with at(TUESDAY, 9):
        made = make_rate_payment(make_user(), status=Status.PENDING)
        Payment.objects.filter(pk=made.pk).update(status=Status.FAILED, blocks=False, next_at=None)
    with at(WEDNESDAY):
        yield made


@pytest.fixture
def no_lock(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    return lambda: monkeypatch.setattr(daily.sql, "one_at_a_time", lambda name: None)


class Beside(threading.Thread):
    """`work` under way on a connection of its own."""

    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__()
        self._work = work
        self.error: Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            self._work()
        except Exception as error:
            self.error = error
        finally:
            connections.close_all()

    def wait_until_through_or_waiting(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while self.is_alive() and not waiting_for_a_lock() and time.monotonic() < deadline:
            time.sleep(0.01)

    def end(self) -> None:
        self.join(PATIENCE)
        assert not self.is_alive()
        if self.error is not None:
            raise self.error


def pay_late(payment: Payment) -> None:
    with unit_of_work():
        move(lock(payment.pk), Status.SUCCEEDED)


def count_tuesday() -> None:
    count_days(SOURCES["payments"], [TUESDAY])


def shown() -> dict[tuple[str, ...], int]:
    return {row.key: row.count for row in read(["payments"], TUESDAY, TUESDAY)["payments"]}


def count_while_money_comes(payment: Payment) -> None:
    """The money is there, and not committed yet, when somebody counts."""
    with unit_of_work():
        move(lock(payment.pk), Status.SUCCEEDED)
        counting = Beside(count_tuesday)
        counting.wait_until_through_or_waiting()
    counting.end()


def pay_while_somebody_counts(payment: Payment, monkeypatch: pytest.MonkeyPatch) -> None:
    """The day is counted, and not committed yet, when the money comes."""
    late: list[Beside] = []
    counted = daily._counted

    def then_money_comes(*args: Any) -> Any:
        found = counted(*args)
        late.append(Beside(lambda: pay_late(payment)))
        late[0].wait_until_through_or_waiting()
        return found

    with monkeypatch.context() as patched:
        patched.setattr(daily, "_counted", then_money_comes)
        count_tuesday()
    late[0].end()


def test_money_that_comes_before_the_count_is_in_it(payment: Payment) -> None:
    count_while_money_comes(payment)

    assert known_days(SOURCES["payments"], MONDAY, WEDNESDAY) == {TUESDAY}
    assert shown() == SUCCEEDED


def test_money_that_comes_during_the_count_has_it_done_again(payment: Payment, monkeypatch: pytest.MonkeyPatch) -> None:
    pay_while_somebody_counts(payment, monkeypatch)

    assert known_days(SOURCES["payments"], MONDAY, WEDNESDAY) == set()
    assert shown() == SUCCEEDED
    count_due()
    assert TUESDAY in known_days(SOURCES["payments"], MONDAY, WEDNESDAY)
    assert shown() == SUCCEEDED


def test_without_the_lock_either_leaves_a_figure_that_stays_wrong(
    payment: Payment, monkeypatch: pytest.MonkeyPatch, no_lock: Callable[[], None]
) -> None:
    no_lock()
    count_while_money_comes(payment)
    assert shown() == FAILED
    DailyFigure.objects.all().delete()
    Payment.objects.filter(pk=payment.pk).update(status=Status.FAILED)

    pay_while_somebody_counts(payment, monkeypatch)

    assert shown() == FAILED


@pytest.mark.parametrize("step", ["known_days", "_written", "_counted"])
def test_correction_of_all_days_and_late_money_agree(
    payment: Payment, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """`count_figures` counts days anew that it found wrong: money that comes after a step of it is not lost to it."""
    count_tuesday()
    DailyFigure.objects.filter(day=TUESDAY).update(count=7)
    taken, came = getattr(daily, step), []

    def then_money_comes(source: Source, *args: Any) -> Any:
        found = taken(source, *args)
        if source.name == "payments" and not came:
            came.append(Beside(lambda: pay_late(payment)))
            came[0].wait_until_through_or_waiting()
        return found

    with monkeypatch.context() as patched:
        patched.setattr(daily, step, then_money_comes)
        assert daily.recount(MONDAY) in ((0, 0), (1, 1))
    came[0].end()

    assert shown() == SUCCEEDED
    count_due()
    assert shown() == SUCCEEDED
