"""Seals: what they cover, and that they chain."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from audit.enums import Action
from audit.models import Anchor, Event, EventPersonal, Seal
from audit.seals import keys, sealing
from audit.seals.leaves import split
from audit.seals.sealing import payload, seal_all, seal_due, seal_hash, seal_next
from audit.seals.verifying import verify
from audit.services import record
from audit.tests.chain import findings, gaps_after, make_events, seal_until_settled
from common.connections import release_connection

pytestmark = pytest.mark.django_db(transaction=True)


def test_seal_covers_what_is_committed_and_chains():
    first_ids = make_events(3)
    first = seal_next()
    second_ids = make_events(2)
    second = seal_next()

    assert first is not None
    assert second is not None
    assert (first.number, first.count, first.ids) == (1, 3, f"{first_ids[0]}-{first_ids[-1]}")
    assert (second.number, second.count, second.ids) == (2, 2, f"{second_ids[0]}-{second_ids[-1]}")
    assert (first.previous, second.previous) == ("0" * 64, first.hash)
    assert len(split(first.leaves)) == 3
    assert keys.is_signed(payload(first), signature=first.signature, key=first.key)
    assert seal_next() is None
    result = verify()
    assert (result.seals, result.sealed, result.unsealed, result.findings) == (2, 5, 0, [])


def test_backlog_is_sealed_in_batches():
    make_events(7)

    assert seal_all(limit=3) == 7
    assert list(Seal.objects.order_by("number").values_list("count", flat=True)) == [3, 3, 1]
    assert findings() == []


def test_sweep_waits_for_a_thousand_events_or_five_minutes(time_machine: Any):
    assert seal_due() == 0
    make_events(2)
    assert seal_due() == 0
    assert not Seal.objects.exists()

    time_machine.move_to(timezone.now() + timedelta(minutes=5, seconds=1))

    assert seal_due() == 2
    assert seal_due() == 0


def test_erased_personal_values_leave_every_seal_valid():
    make_events(2)
    seal_next()

    EventPersonal.objects.all().delete()

    assert findings() == []


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer: numbers commit in order")
def test_event_that_commits_late_is_sealed_by_the_next_seal():
    (number,) = make_events(1)
    held, go_on = threading.Event(), threading.Event()

    def late() -> None:
        try:
            with transaction.atomic():
                record(Action.CREDITS_GRANT, entity="account", entity_id="late")
                held.set()
                assert go_on.wait(20)
        finally:
            release_connection()

    writer = threading.Thread(target=late)
    writer.start()
    try:
        assert held.wait(20)
        make_events(1)
        first = seal_next()
        # The number in between belongs to a transaction that still runs.
        assert first is not None
        assert gaps_after(number, first) == [number + 1]
        assert verify().findings == []
    finally:
        go_on.set()
        writer.join(20)

    unsealed = verify()
    assert (unsealed.findings, unsealed.unsealed) == ([], 1)
    second = seal_next()

    late_event = Event.objects.get(entity_id="late")
    assert second is not None
    assert (second.ids, gaps_after(number, second), second.seen_to) == (str(late_event.pk), [], first.seen_to)
    assert findings() == []


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite gives a number back when it is not committed")
def test_number_that_never_commits_is_given_up_when_its_time_is_over(time_machine: Any):
    (number,) = make_events(1)
    with transaction.atomic():
        record(Action.CREDITS_GRANT, entity="account", entity_id="never")
        transaction.set_rollback(True)
    make_events(1)
    seal = seal_next()
    assert seal is not None
    assert gaps_after(number, seal) == [number + 1]

    make_events(1)
    still = seal_next()
    assert still is not None
    assert still.gaps == seal.gaps

    later = seal_until_settled(time_machine)

    assert later.gaps == []
    assert findings() == []


@pytest.mark.skipif(connection.vendor != "postgresql", reason="threads need several writers")
def test_sealers_at_once_make_one_chain():
    make_events(40)
    barrier = threading.Barrier(8)
    sealed: list[int] = []

    def run() -> None:
        try:
            barrier.wait(20)
            sealed.append(seal_all(limit=10))
        finally:
            release_connection()

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    seal_all()

    assert sum(Seal.objects.values_list("count", flat=True)) == 40
    assert findings() == []


def test_seals_cannot_be_changed_or_deleted():
    make_events(1)
    seal = seal_next()
    assert seal is not None

    for refused in (
        lambda: Seal.objects.update(count=2),
        lambda: Seal.objects.filter(pk=seal.pk).delete(),
        lambda: Anchor.objects.create(seal=seal, target="x").delete(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            refused()
    assert Seal.objects.get().count == 1


def test_hash_covers_every_field_of_a_seal():
    make_events(1)
    seal = seal_next()
    assert seal is not None
    for field, value in {
        "number": 9,
        "sealed_at": timezone.now() + timedelta(seconds=1),
        "count": 2,
        "ids": "1-2",
        "seen_to": 99,
        "gaps": [["1", 2, "x"]],
        "root": "0" * 64,
        "previous": "1" * 64,
        "key": "2" * 64,
    }.items():
        changed = Seal.objects.get()
        setattr(changed, field, value)
        assert seal_hash(changed) != seal.hash, field
    assert sealing.seal_hash(Seal.objects.get()) == seal.hash
