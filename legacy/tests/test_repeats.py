"""The same call of the same user within seconds is the same call, however long it takes."""

import threading
import time
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory

from common.api.idempotency import CallOutside
from common.idempotency import LEASE, StillRunning
from common.models import IdempotencyKey
from legacy import repeats
from tests.threads import run_together

pytestmark = pytest.mark.django_db


def ask() -> Request:
    request = APIRequestFactory().post("/api_epg/reservation", {"a": 1}, format="json")
    return Request(request, parsers=[JSONParser()])


class Work:
    """Answers "A", "B", … and calls `outside` meanwhile, where there is one."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self, outside: Any = None) -> Response | CallOutside:
        answer = Response({"number": "ABC"[self.runs]})
        self.runs += 1
        if outside is None:
            return answer

        def finish() -> Response:
            outside()
            return answer

        return CallOutside(provisional=Response({"number": "?"}), finish=finish)


@pytest.fixture
def work() -> Work:
    return Work()


def number_of(answer: Response) -> str:
    return str(answer.data["number"])


def test_call_that_outlived_its_lease_does_not_overwrite_the_one_after_it(patient, work):
    later = timezone.now() + LEASE + timedelta(seconds=1)

    def gone_for_long() -> None:
        with time_machine.travel(later, tick=False):
            assert number_of(repeats.once(ask(), patient, work)) == "B"

    assert number_of(repeats.once(ask(), patient, lambda: work(gone_for_long))) == "A"
    with time_machine.travel(later, tick=False):
        assert number_of(repeats.once(ask(), patient, work)) == "B"
    assert work.runs == 2


def test_call_that_outlived_its_lease_does_not_end_another_ones(patient, work):
    later = timezone.now() + LEASE + timedelta(seconds=1)

    def breaks() -> None:
        raise ConnectionError

    def gone_for_long() -> None:
        with time_machine.travel(later, tick=False), pytest.raises(ConnectionError):
            repeats.once(ask(), patient, lambda: work(breaks))

    assert number_of(repeats.once(ask(), patient, lambda: work(gone_for_long))) == "A"
    assert IdempotencyKey.objects.get().lease_until == later + LEASE
    assert work.runs == 2


def test_repeat_while_the_first_runs_is_never_a_second_one(patient, work, settings):
    settings.LEGACY_REPEAT_SECONDS = 0
    settings.PROVIDER_DEADLINE_SECONDS = -2

    def meanwhile() -> None:
        with pytest.raises(StillRunning):
            repeats.once(ask(), patient, work)

    repeats.once(ask(), patient, lambda: work(meanwhile))
    assert work.runs == 1


@pytest.mark.django_db(transaction=True)
def test_repeat_of_a_long_call_waits_and_has_its_answer(patient, work, monkeypatch):
    begun, waits = threading.Event(), threading.Event()

    def pause(seconds: float) -> None:
        waits.set()
        time.sleep(seconds)

    def outside() -> None:
        begun.set()
        assert waits.wait(timeout=30)
        # Longer than any window ago.
        IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(minutes=1))

    monkeypatch.setattr(repeats, "time", SimpleNamespace(monotonic=time.monotonic, sleep=pause))

    def click(number: int) -> str:
        if number == 1:
            assert begun.wait(timeout=30)
        return number_of(repeats.once(ask(), patient, lambda: work(outside)))

    assert run_together(2, click) == ["A", "A"]
    assert work.runs == 1


def test_window_begins_with_the_answer(patient, work, settings):
    settings.LEGACY_REPEAT_SECONDS = 5
    now = timezone.now()
    answers = []
    for seconds in (0, 4.9, 5.1):
        with time_machine.travel(now + timedelta(seconds=seconds), tick=False):
            answers.append(number_of(repeats.once(ask(), patient, work)))
    assert answers == ["A", "A", "B"]
