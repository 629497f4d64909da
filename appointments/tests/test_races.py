"""Many for one slot. A race test counts only if it fails with what prevents the race taken away: first it is."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import psycopg
import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.services.verification import verify_ledger
from accounts.tests.factories import balance, make_user
from appointments.enums import OfferStatus, Status
from appointments.exceptions import NoOffer, SlotTaken
from appointments.models import Appointment, FreedSlot, WaitlistEntry, WaitlistOffer
from appointments.services import booking, waitlist
from appointments.services.booking import book
from appointments.services.expiry import expire_overdue
from appointments.services.handling import cancel
from appointments.services.locks import lock
from appointments.services.offering import offer, offer_due
from appointments.services.rescheduling import reschedule
from appointments.tests.factories import (
    at,
    body,
    day,
    make_appointment,
    make_entry,
    make_practitioner,
    set_book_price,
    visit_type,
)
from common import sql
from common.errors import DomainError
from common.states import IllegalMove
from config.env import env
from tests.threads import Beside, run_together

pytestmark = pytest.mark.django_db(transaction=True)

POSTGRES = connection.vendor == "postgresql"
needs_several_writers = pytest.mark.skipif(not POSTGRES, reason="SQLite has one writer: nothing races")
PEOPLE = 40 if POSTGRES else 10

OVERLAPS = """
SELECT COUNT(*) FROM appointments_appointment a JOIN appointments_appointment b ON a.id < b.id
WHERE a.status IN ('held', 'booked', 'confirmed') AND b.status IN ('held', 'booked', 'confirmed') AND (
    (a.practitioner_id = b.practitioner_id AND NOT a.overbooked AND NOT b.overbooked
     AND a.blocked_from < b.blocked_until AND b.blocked_from < a.blocked_until)
    OR (a.patient_id = b.patient_id AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at)
)
"""


def overlaps():
    """Pairs of active appointments that collide, by SQL."""
    return sql.fetch_one(OVERLAPS)[0]


def book_together(api, doctor, people):
    clients = [api(make_user(credits=5)) for _ in range(people)]
    data = body(doctor, at())

    def post(number):
        key = {"Idempotency-Key": f"{number}"}
        return clients[number].post("/api/v1/appointments/", data, format="json", headers=key)

    return [(answer.status_code, answer.json().get("code")) for answer in run_together(people, post)]


@contextmanager
def no_constraint() -> Iterator[None]:
    """As the owner: the rule of the practitioner's time is gone, and comes back when nothing breaks it any more."""
    now = connection.settings_dict
    owner = env.db_url_config(env.str("DATABASE_OWNER_URL"))
    place = {"host": now["HOST"], "port": now["PORT"], "dbname": now["NAME"]}
    with psycopg.connect(**place, user=owner["USER"], password=owner["PASSWORD"], autocommit=True) as session:
        session.execute("ALTER TABLE appointments_appointment DROP CONSTRAINT appointment_practitioner_overlap")
        try:
            yield
        finally:
            session.execute("DELETE FROM appointments_appointment")
            session.execute(
                "ALTER TABLE appointments_appointment ADD CONSTRAINT appointment_practitioner_overlap "
                "EXCLUDE USING gist (practitioner_id WITH =, blocked WITH &&) "
                "WHERE (status IN ('held', 'booked', 'confirmed') AND NOT overbooked)"
            )


@pytest.fixture
def everybody_looks_first(monkeypatch):
    """Without the lock, and nobody writes before all have looked."""

    def arrange(people):
        all_looked = threading.Barrier(people)
        look = booking.look

        def look_and_wait(*args, **kwargs):
            seen = look(*args, **kwargs)
            all_looked.wait(timeout=60)
            return seen

        monkeypatch.setattr(sql, "for_update", lambda of="": "")
        monkeypatch.setattr(booking, "look", look_and_wait)

    return arrange


@needs_several_writers
def test_without_lock_and_constraint_a_slot_is_sold_twice(api, everybody_looks_first):
    doctor = make_practitioner()
    everybody_looks_first(2)
    with no_constraint():
        assert book_together(api, doctor, 2) == [(201, None)] * 2
        assert overlaps() == 1


@needs_several_writers
def test_without_the_lock_the_constraint_has_the_last_word(api, everybody_looks_first):
    doctor = make_practitioner()
    everybody_looks_first(6)
    answers = book_together(api, doctor, 6)
    assert answers.count((201, None)) == 1
    assert {code for _status, code in answers} <= {None, "slot_taken", "busy"}
    assert overlaps() == 0


def test_one_slot_is_booked_once(api):
    set_book_price(3)
    doctor = make_practitioner()

    answers = book_together(api, doctor, PEOPLE)

    assert answers.count((201, None)) == 1
    assert answers.count((409, "slot_taken")) == PEOPLE - 1
    assert Appointment.objects.count() == 1
    assert balance(Appointment.objects.get().patient) == 2
    assert verify_ledger().findings == []


@needs_several_writers
def test_taken_slot_is_refused_without_waiting_for_the_lock(api):
    doctor = make_practitioner()
    make_appointment(practitioner=doctor, starts_at=at())

    with holding("appointments_practitioner", doctor.pk):
        answers = book_together(api, doctor, 1)

    # Whoever waits for the lock in vain is told `busy`.
    assert answers == [(409, "slot_taken")]


@needs_several_writers
def test_slot_freed_while_it_is_being_offered_is_looked_at_again():
    doctor = make_practitioner()
    held = make_appointment(practitioner=doctor, status=Status.HELD, hold_expires_at=timezone.now())
    make_entry(doctor)
    slot = FreedSlot.objects.create(
        practitioner=doctor, visit_type=visit_type(doctor), starts_at=held.starts_at, next_at=timezone.now()
    )

    with transaction.atomic():
        lock(held.pk)
        # It wants to expire the hold, and waits for us.
        offering = threading.Thread(target=in_thread, args=(lambda: offer(slot.pk),))
        offering.start()
        wait_for_somebody_who_waits()
        cancel(held, by=held.patient)
    offering.join()

    slot.refresh_from_db()
    assert slot.next_at is not None or WaitlistOffer.objects.filter(slot=slot, status=OfferStatus.LIVE).exists()
    offer_due()
    assert WaitlistOffer.objects.get(slot=slot).status == OfferStatus.LIVE


def test_entries_at_once_are_no_more_than_one_may_have(api, settings):
    settings.WAITLIST_ENTRIES_PER_PATIENT = 2
    doctor = make_practitioner()
    client = api(make_user())
    data = {"doctor": doctor.pk, "date_from": day(0).isoformat(), "date_to": day(9).isoformat()}

    def join(number):
        return client.post(
            "/api/v1/waitlist/", data, format="json", headers={"Idempotency-Key": f"{number}"}
        ).status_code

    assert sorted(run_together(6, join)) == [201] * 2 + [409] * 4
    assert WaitlistEntry.objects.count() == 2


def overtaken_by_the_acceptance(answer):
    """`answer` the offer while its acceptance is under way, which comes first. Returns what became of the answer."""
    set_book_price(3)
    doctor = make_practitioner(free_cancellation_hours=24 * 30)
    entry = make_entry(doctor, patient=make_user(credits=5))
    cancel(make_appointment(practitioner=doctor), by=doctor.user)
    offer_due()

    with transaction.atomic():
        lock(WaitlistOffer.objects.get().appointment_id)
        answered = Beside(lambda: answer(entry, by=entry.patient))
        wait_for_somebody_who_waits()
        waitlist.accept(entry, by=entry.patient)
    return answered.result()


@needs_several_writers
def test_without_the_second_look_a_decline_calls_off_what_was_booked(monkeypatch):
    def decline(entry, *, by):
        monkeypatch.setattr(waitlist, "_is_live", lambda appointment: True)
        return waitlist.decline(entry, by=by)

    overtaken_by_the_acceptance(decline)
    assert Appointment.objects.get(status="cancelled", credits_charged=3).offer.status == "accepted"


@needs_several_writers
@pytest.mark.parametrize("answer, refusal", [("decline", NoOffer), ("leave", IllegalMove)])
def test_answer_that_comes_after_the_acceptance_calls_nothing_off(answer, refusal):
    assert isinstance(overtaken_by_the_acceptance(getattr(waitlist, answer)), refusal)

    booked = Appointment.objects.get(status="booked")
    assert (booked.offer.status, booked.offer.entry.status) == ("accepted", "fulfilled")
    assert (booked.sequence, balance(booked.patient)) == (1, 2)


def in_thread(work):
    try:
        work()
    finally:
        connection.close()


def wait_for_somebody_who_waits():
    """Until another session stands at a lock."""
    deadline = time.monotonic() + 20
    while sql.fetch_one("SELECT 1 FROM pg_locks WHERE NOT granted") is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@contextmanager
def holding(table, pk) -> Iterator[None]:
    """Somebody else has the row."""
    now = connection.settings_dict
    with psycopg.connect(
        host=now["HOST"], port=now["PORT"], dbname=now["NAME"], user=now["USER"], password=now["PASSWORD"]
    ) as session:
        session.execute(f"SELECT id FROM {table} WHERE id = %s FOR NO KEY UPDATE", [pk])
        yield


def test_patient_at_two_doctors_at_once_is_booked_once():
    patient = make_user()
    doctors = [make_practitioner() for _ in range(8)]

    def work(number):
        doctor = doctors[number]
        return book(
            patient,
            practitioner_id=doctor.pk,
            visit_type_id=visit_type(doctor).pk,
            starts_at=at(9, 15 if number % 2 else 0),
            by=patient,
        ).pk

    results = run_together(8, work)

    assert len([result for result in results if isinstance(result, int)]) == 1, results
    assert {getattr(result, "code", None) for result in results} == {None, "patient_busy"}


def test_overdue_hold_goes_to_one_and_gives_its_credits_back_once(api):
    set_book_price(3)
    first, doctor = make_user(credits=0), make_practitioner()
    make_appointment(
        practitioner=doctor, patient=first, status=Status.HELD, hold_expires_at=timezone.now(), credits_charged=3
    )
    clients = [api(make_user(credits=5)) for _ in range(8)]
    data = body(doctor, at())

    def work(number):
        if number == 8:
            return expire_overdue()
        key = {"Idempotency-Key": f"{number}"}
        return clients[number].post("/api/v1/appointments/", data, format="json", headers=key).status_code

    answers = run_together(9, work)

    assert answers[:8].count(201) == 1
    assert balance(first) == 3
    assert sorted(Appointment.objects.values_list("status", flat=True)) == ["booked", "expired"]


def test_moves_into_one_slot():
    doctor = make_practitioner()
    rows = [make_appointment(practitioner=doctor, starts_at=at(9 + number)) for number in range(6)]

    results = run_together(6, lambda number: reschedule(rows[number], starts_at=at(16), by=rows[number].patient).pk)

    assert len([result for result in results if isinstance(result, int)]) == 1, results
    assert sum(isinstance(result, SlotTaken) for result in results) == 5
    assert overlaps() == 0


def test_two_who_change_places_do_not_lock_each_other_out():
    one, two = make_practitioner(), make_practitioner()
    patients = [make_user() for _ in range(8)]
    for number, patient in enumerate(patients):
        make_appointment(practitioner=(one, two)[number % 2], patient=patient, starts_at=at(8 + number, days=5))

    def work(number):
        doctor = (two, one)[number % 2]
        kind = visit_type(doctor).pk
        return book(
            patients[number],
            practitioner_id=doctor.pk,
            visit_type_id=kind,
            starts_at=at(8 + number),
            by=patients[number],
        ).pk

    assert all(isinstance(result, int) for result in run_together(8, work))


@pytest.mark.parametrize("action", ["pay", "cancel"])
def test_appointment_is_paid_or_cancelled_once(api, action):
    doctor = make_practitioner(fee=15_000, fee_credits=4)
    row = make_appointment(practitioner=doctor, patient=make_user(credits=10), status=Status.HELD)
    client = api(row.patient)
    address = f"/api/v1/appointments/{row.public_id}/"

    def work(number):
        if action == "pay" or number % 2:
            return client.post(f"{address}pay_with_credits/").status_code
        return client.delete(address).status_code

    run_together(8, work)

    row.refresh_from_db()
    kept = row.status == "booked"
    assert kept or action == "cancel"
    assert balance(row.patient) == (6 if kept else 10)
    assert verify_ledger().findings == []


def test_concurrent_cancels_offer_each_freed_slot_once():
    doctor = make_practitioner()
    rows = [make_appointment(practitioner=doctor, starts_at=at(9 + number)) for number in range(5)]
    entries = [make_entry(doctor) for _ in range(7)]

    def work(number):
        if number < 5:
            cancel(rows[number], by=rows[number].patient)
        offer_due()
        for slot in FreedSlot.objects.all():
            offer(slot.pk)

    assert run_together(8, work) == [None] * 8
    while offer_due():
        pass

    live = list(WaitlistOffer.objects.filter(status=OfferStatus.LIVE).values_list("slot__starts_at", "entry_id"))
    assert sorted(start for start, _entry in live) == [at(9 + number) for number in range(5)]
    # The first in line, each once.
    assert sorted(entry for _start, entry in live) == [entry.pk for entry in entries[:5]]
    assert (
        Appointment.objects.filter(status="held").count() == WaitlistEntry.objects.filter(status="offered").count() == 5
    )
    assert overlaps() == 0


def _live_at_the_practice(*, clients, slots, seconds=None, rounds=None):
    """Patients who book, move and cancel at random among a few slots; returns what a watcher saw of overlaps."""
    set_book_price(1)
    doctors = [make_practitioner(fee=0), make_practitioner(fee=1_000, fee_credits=1)]
    starts = sorted({at(8, days=3 + number // 18) + timedelta(minutes=30 * (number % 18)) for number in range(slots)})
    patients = [make_user(credits=200) for _ in range(clients)]
    until = time.monotonic() + seconds if seconds else None
    done, seen, busy = threading.Event(), [], []

    def live(number):
        chance, patient = random.Random(number), patients[number]
        turn = 0
        while (time.monotonic() < until) if until else (turn < rounds):
            turn += 1
            doctor = chance.choice(doctors)
            with suppress(DomainError):
                book(
                    patient,
                    practitioner_id=doctor.pk,
                    visit_type_id=visit_type(doctor).pk,
                    starts_at=chance.choice(starts),
                    by=patient,
                )
            mine = Appointment.objects.active().filter(patient=patient).order_by("?").first()
            if mine is not None:
                with suppress(DomainError):
                    if chance.random() < 0.5:
                        reschedule(mine, starts_at=chance.choice(starts), by=patient)
                    else:
                        cancel(mine, by=patient)
        busy.append(turn)
        if len(busy) == clients:
            done.set()

    def watch():
        while not done.wait(0.05):
            seen.append(overlaps())

    results = run_together(clients + 1, lambda number: live(number) if number < clients else watch())
    assert results == [None] * (clients + 1), [result for result in results if result is not None][:3]
    return seen


def _nothing_collided(seen):
    assert set(seen) <= {0}
    assert overlaps() == 0
    assert verify_ledger().findings == []


def test_bookings_moves_and_cancels_never_collide():
    _nothing_collided(_live_at_the_practice(clients=8 if POSTGRES else 4, slots=10, rounds=6))


@pytest.mark.soak
@needs_several_writers
def test_bookings_moves_and_cancels_never_collide_for_two_minutes():
    _nothing_collided(_live_at_the_practice(clients=200, slots=50, seconds=120))
