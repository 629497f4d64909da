"""The seeded year as a whole."""

import heapq
import random
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from accounts.enums import PricedAction, Role
from accounts.models import PriceList, Rate, User
from appointments.models import Appointment
from audit.enums import Action
from audit.models import Event
from backoffice.demo import people as demo
from backoffice.load.catalogue import load_catalogue
from backoffice.load.clock import Clock
from backoffice.load.journal import Journal
from backoffice.load.payments import Payments
from backoffice.load.people import People
from backoffice.load.practices import BOOKING_COSTS, Practices
from backoffice.load.reservations import RESERVING_COSTS, Reservations
from backoffice.load.sizes import Sizes
from backoffice.load.tables import Tables
from backoffice.load.traces import Traces
from catalog.models import PharmacyMember
from catalog.progress import Progress, unseen
from common.context import acting
from payments.models import Payment
from reservations.models import Reservation

_YEAR = timedelta(days=365)
# More than 1 would be a business that shrinks.
_GROWTH = 0.7
_COUNTED = (User, Reservation, Payment, Appointment, Event)
_RATES = (("Découverte", 1_000, 10), ("Famille", 2_500, 30), ("Sérénité", 5_000, 75))
_COSTS = (
    (PricedAction.CHECK_AVAILABILITY, 1),
    (PricedAction.RESERVE, RESERVING_COSTS),
    (PricedAction.BOOK_APPOINTMENT, BOOKING_COSTS),
)


class NotEmpty(Exception):
    """Somebody's data is there already; the message names the table."""


class NotADebugDatabase(Exception):
    """Invented people do not belong where real ones are."""


@dataclass(frozen=True)
class Seeded:
    """What there is in the end."""

    users: int
    reservations: int
    payments: int
    appointments: int
    events: int

    def __str__(self) -> str:
        return ", ".join(f"{count:,} {name}" for name, count in asdict(self).items())


def seed_year(sizes: Sizes, *, seed: int = 1, until: datetime | None = None, progress: Progress = unseen) -> Seeded:
    """Fill an empty database with a consistent year that ends at `until` (now), all of it committed at once.

    The same sizes, seed and end give the same rows, but for HMACs, which depend on AUDIT_KEY, and the few rows that
    services write about today (staff, the import of the catalogue). Raises `NotEmpty`, `NotADebugDatabase`, and
    `ValueError` where the practitioners have no time for so many appointments.
    """
    if not settings.DEBUG:
        raise NotADebugDatabase
    until = (until or timezone.now()).astimezone(UTC)
    with acting("command", "seed_load"), transaction.atomic():
        for model in _COUNTED:
            if model._default_manager.exists():
                raise NotEmpty(model._meta.db_table)
        _seed(sizes, random.Random(seed), until, progress)  # noqa: S311  (invented, and the same every time)
    if connection.in_atomic_block:
        return _counted()
    with connection.cursor() as cursor:
        # As autovacuum would in time: PostgreSQL then plans, and reads indexes alone, as in a database that has lived.
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
    return _counted()


def _counted() -> Seeded:
    return Seeded(*(model._default_manager.count() for model in _COUNTED))


def _seed(sizes: Sizes, chance: random.Random, until: datetime, progress: Progress) -> None:
    start, staff = until - _YEAR, _prepare()
    catalogue = load_catalogue(sizes, chance, until)
    tables, journal, clock = Tables(), Journal(chance), Clock(until)
    people = People(tables, journal, chance)
    payments = Payments(people, tables, journal, chance, until=until, staff=staff)
    people.join(start)
    pharmacists = {pharmacy_id: people.join(start, Role.PHARMACIST).id for pharmacy_id in catalogue.pharmacy_ids}
    practices = Practices(people, payments, clock, tables, journal, chance)
    practices.open(sizes.practitioners, start, verified_by=staff[1])
    PharmacyMember.objects.bulk_create(
        PharmacyMember(pharmacy_id=pharmacy_id, user_id=user_id) for pharmacy_id, user_id in pharmacists.items()
    )
    reservations = Reservations(people, payments, catalogue, clock, tables, journal, chance, pharmacists)
    happens: tuple[tuple[int, Callable[[datetime], object]], ...] = (
        (sizes.users - User.objects.count(), people.join),
        (sizes.reservations, lambda at: reservations.reserve(people.anyone(), at)),
        (sizes.appointments, lambda at: practices.book(people.anyone(), at)),
    )
    times = (_times(count, start, until, chance, number) for number, (count, _what) in enumerate(happens))
    for at, number in progress(heapq.merge(*times), sum(max(count, 0) for count, _what in happens), "year"):
        clock.run(at)
        happens[number][1](at)
    clock.run(until)
    Traces(people, catalogue, tables, journal, chance, until=until, staff=staff).leave(busy=sizes.reservations)
    events = max(sizes.events - Event.objects.count(), 0)
    for at, _number in _times(events - journal.noted_by(until), start, until, chance):
        _look_around(people, catalogue.codes, journal, at, chance)
    people.close(until)
    journal.write(tables, newest=events, until=until, progress=progress)


def _prepare() -> tuple[int, int]:
    """Prices, and the demo's staff, who sign in with the demo's password; the clerk's and the administrator's keys."""
    for label, price, credits in _RATES:
        Rate.objects.create(label=label, price=price, credits=credits)
    for action, credits in _COSTS:
        PriceList.objects.create(action=action, label=action.label, credits=credits)
    return demo.ensure(demo.STAFF).pk, demo.ensure(demo.ADMIN).pk


def _times(
    count: int, start: datetime, until: datetime, chance: random.Random, number: int = 0
) -> Iterator[tuple[datetime, int]]:
    """So many ascending moments, each with `number`: more of them towards the end, because business grows."""
    for share in sorted(chance.random() ** _GROWTH for _ in range(count)):
        yield start + (until - start) * share, number


def _look_around(people: People, codes: list[str], journal: Journal, at: datetime, chance: random.Random) -> None:
    """Somebody signs in, or looks where a product is to be had."""
    person = people.anyone()
    if chance.random() < 0.5:
        people.sign_in(person, max(at, person.joined_at))
    else:
        journal.note(at, Action.AVAILABILITY_CHECKED, "product", chance.choice(codes), actor=person.id)
