"""The seeded year is consistent: books, log and constraints hold, and the same seed gives the same rows."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import Account, CreditEntry, User
from accounts.services.verification import verify_ledger
from accounts.tests.factories import make_user
from appointments.models import Appointment
from audit.models import Event, EventPersonal
from audit.seals.sealing import seal_all
from audit.seals.verifying import verify
from backoffice.load.sizes import Sizes
from backoffice.load.year import NotADebugDatabase, NotEmpty, seed_year
from catalog.holds import units_held
from catalog.models import Stock
from payments.models import Payment, Refund
from reservations.enums import Status
from reservations.models import Reservation, ReservationLine

SIZES = Sizes(users=80, reservations=300, appointments=60, events=3_500, products=40, pharmacies=10, practitioners=6)
UNTIL = datetime(2026, 3, 31, 12, tzinfo=UTC)
# Public numbers, credits, states and times; not keys, which sequences give out.
_COMPARED = (
    Reservation.objects.order_by("pk").values_list(
        "public_id", "status", "pickup_code", "total", "created_at", "paid_at"
    ),
    Payment.objects.order_by("pk").values_list("public_id", "status", "amount", "created_at", "settled_at"),
    Appointment.objects.order_by("pk").values_list("public_id", "status", "starts_at"),
    CreditEntry.objects.order_by("pk").values_list("kind", "amount", "balance_after", "label"),
    User.objects.order_by("pk").values_list("email", "phone", "role"),
)


@pytest.fixture
def debug(settings: Any) -> None:
    settings.DEBUG = True


@pytest.mark.django_db(transaction=True)
def test_seeded_year_is_consistent(debug: None, as_owner: None) -> None:
    seeded = seed_year(SIZES, until=UNTIL)
    assert (seeded.users, seeded.reservations, seeded.appointments, seeded.events) == (80, 300, 60, 3_500)
    assert verify_ledger().findings == []
    assert Account.objects.count() == 80
    assert seal_all() == 3_500
    assert verify(anchors=[], archives=[]).findings == []
    assert EventPersonal.objects.count() == 3_500
    in_time = list(
        Event.objects.filter(actor_kind__in=["user", "gateway", "task"]).order_by("pk").values_list("occurred_at")
    )
    assert in_time == sorted(in_time)
    assert in_time[-1][0] <= UNTIL
    states = Counter(Reservation.objects.values_list("status", flat=True))
    assert {Status.COLLECTED, Status.EXPIRED, Status.CANCELLED, Status.REJECTED} <= states.keys()
    assert set(Refund.objects.values_list("status", flat=True)) >= {"done"}
    held = units_held(list(ReservationLine.objects.exclude(held_until=None).values_list("stock_id", flat=True)))
    stock = dict(Stock.objects.filter(pk__in=held).values_list("pk", "quantity"))
    assert [pk for pk, units in held.items() if units > stock[pk]] == []


@pytest.mark.django_db(transaction=True)
def test_same_seed_gives_the_same_rows_and_another_one_others(
    debug: None, as_owner: None, append_only_lifted: Callable[[], Any]
) -> None:
    sizes = Sizes(users=30, reservations=60, appointments=20, events=400, products=40, pharmacies=3, practitioners=3)
    found = []
    for seed in (7, 7, 8):
        seed_year(sizes, seed=seed, until=UNTIL)
        found.append(json.dumps([list(rows.all()) for rows in _COMPARED], default=str))
        with append_only_lifted():
            call_command("flush", interactive=False, verbosity=0)
    assert found[0] == found[1]
    assert found[0] != found[2]


@pytest.mark.django_db
def test_seed_load_refuses_production(settings: Any) -> None:
    settings.DEBUG = False
    with pytest.raises(NotADebugDatabase):
        seed_year(SIZES)
    assert not User.objects.exists()


@pytest.mark.django_db
def test_seed_load_refuses_a_database_in_use(debug: None) -> None:
    person = make_user()
    with pytest.raises(NotEmpty, match="accounts_user"):
        seed_year(SIZES)
    assert list(User.objects.all()) == [person]


@pytest.mark.django_db(transaction=True)
def test_command_says_what_there_is(debug: None, as_owner: None) -> None:
    out = StringIO()
    small = "--users 5 --reservations 8 --appointments 2 --events 60 --products 5 --pharmacies 1 --practitioners 1"
    call_command("seed_load", *small.split(), "--seed", "3", "--until", "2026-03-31T12:00:00Z", stdout=out)
    payments = Payment.objects.count()
    assert out.getvalue() == f"seeded: 5 users, 8 reservations, {payments} payments, 2 appointments, 60 events\n"
    assert connection.in_atomic_block is False


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--until", "2026-03-31T12:00:00"], "offset"),
        (["--users", "0"], "at least one"),
        (["--reservations", "-1"], "negative"),
        (["--practitioners", "0"], "practitioners"),
    ],
)
def test_command_refuses_what_makes_no_sense(debug: None, arguments: list[str], complaint: str) -> None:
    with pytest.raises(CommandError, match=complaint):
        call_command("seed_load", *arguments)
    assert not User.objects.exists()
