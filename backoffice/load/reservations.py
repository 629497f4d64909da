"""Reservations in every state, with what was paid for them and what went back."""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings

from accounts.enums import EntryKind
from audit.enums import Action
from backoffice.load.catalogue import Catalogue
from backoffice.load.clock import Clock
from backoffice.load.identifiers import new_uuid
from backoffice.load.journal import Journal
from backoffice.load.payments import Paid, Payments
from backoffice.load.people import People, Person
from backoffice.load.tables import Tables
from common.money import XAF
from payments.enums import Status as PaymentStatus
from reservations.enums import ACTIVE, EpgStatus, EpgTask, Status
from reservations.models import EpgRequest, Reservation, ReservationLine
from reservations.pickup import ALPHABET, LENGTH

RESERVING_COSTS = 2
# What becomes of them, of a hundred.
_PATHS = {
    "collected": 42,
    "paid at the counter": 12,
    "expired": 15,
    "cancelled": 12,
    "paid and cancelled": 6,
    "paid and expired": 3,
    "rejected": 10,
}
# Payments of those that nobody collects end in one of these ways; the last two wait for staff for so long.
_UNPAID = (PaymentStatus.FAILED, PaymentStatus.EXPIRED, PaymentStatus.HELD, PaymentStatus.UNKNOWN)
_UNPAID_OF_100 = (60, 37, 1, 2)
_UNSOLVED = timedelta(days=4)


@dataclass(slots=True)
class _Story:
    """A reservation as it goes on."""

    at: datetime
    person: Person
    total: int
    status: Status
    expires_at: datetime
    updated_at: datetime
    moves: list[tuple[datetime, Status, int | str]] = field(default_factory=list)
    paid: Paid | None = None
    reason: str = ""


class Reservations:
    """`pharmacists` are the people of each pharmacy."""

    def __init__(
        self,
        people: People,
        payments: Payments,
        catalogue: Catalogue,
        clock: Clock,
        tables: Tables,
        journal: Journal,
        chance: random.Random,
        pharmacists: dict[int, int],
    ) -> None:
        self._people, self._payments, self._catalogue, self._clock = people, payments, catalogue, clock
        self._tables, self._journal, self._chance, self._pharmacists = tables, journal, chance, pharmacists
        self._codes: set[str] = set()
        tables.declare(
            Reservation,
            "id public_id user_id pharmacy_id status pickup_code total currency credits_charged expires_at paid_at "
            "reason created_at updated_at",
        )
        tables.declare(
            ReservationLine,
            "reservation_id stock_id product_code label quantity unit_price held_until created_at updated_at",
        )
        tables.declare(
            EpgRequest,
            "reservation_id pharmacy_id epg_id status number ttc answer called_at confirmed_at next_at task task_since "
            "created_at updated_at",
        )

    def reserve(self, person: Person, at: datetime) -> None:
        chance = self._chance
        if person.credit < RESERVING_COSTS:
            self._payments.buy_pack(person, at - timedelta(minutes=6))
        if person.credit < RESERVING_COSTS:
            return
        pharmacy_id = chance.choice(self._catalogue.pharmacy_ids)
        by_epg = self._catalogue.is_epg(pharmacy_id)
        shelf = self._catalogue.shelves[pharmacy_id]
        products = chance.sample(shelf, min(len(shelf), chance.choice((1, 1, 2, 3))))
        lines = [(product, chance.choice((1, 1, 1, 2))) for product in products]
        total = sum(product.price * quantity for product, quantity in lines)
        pk, public_id = self._tables.next_id(Reservation), new_uuid(chance)
        reference = f"reservation:{public_id}"
        self._people.book(person, -RESERVING_COSTS, EntryKind.SPEND, reference, "Réservation", at)
        first = Status.REQUESTED if by_epg else Status.CONFIRMED
        story = _Story(at, person, total, first, at + settings.HOLD_UNPAID, at)
        story.moves.append((at, first, person.id))
        epg = self._ask_epg(story) if by_epg else None
        if story.status == Status.CONFIRMED:
            self._go_on(story, str(public_id), pharmacy_id)
        if story.status in (Status.REJECTED, Status.CANCELLED) or epg == EpgStatus.REFUSED:
            back = (person, RESERVING_COSTS, EntryKind.REFUND, reference, "Réservation", story.updated_at)
            self._clock.plan(story.updated_at, lambda: self._people.book(*back))
        held_until = story.expires_at if story.status in ACTIVE else None
        self._tables.add(
            *(Reservation, pk, public_id, person.id, pharmacy_id, story.status.value, self._code(), total, XAF),
            *(
                RESERVING_COSTS,
                story.expires_at,
                story.paid.at if story.paid else None,
                story.reason,
                at,
                story.updated_at,
            ),
        )
        for product, quantity in lines:
            self._tables.add(
                *(ReservationLine, pk, None if by_epg else product.stock_id, product.product_code, product.label),
                *(quantity, product.price, None if by_epg else held_until, at, story.updated_at),
            )
        if epg is not None:
            self._write_epg(story, epg, pk, pharmacy_id)
        self._tell(story, public_id, [[product.product_code, quantity] for product, quantity in lines])

    def _move(self, story: _Story, at: datetime, status: Status, actor: int | str) -> bool:
        """Whether it has come to that by now."""
        if at > self._clock.until:
            return False
        story.status, story.updated_at = status, at
        story.moves.append((at, status, actor))
        return True

    def _go_on(self, story: _Story, public_id: str, pharmacy_id: int) -> None:
        chance, at, pharmacist = self._chance, story.at, self._pharmacists[pharmacy_id]
        (path,) = chance.choices(list(_PATHS), weights=list(_PATHS.values()))
        soon = at + timedelta(minutes=5 + int(chance.random() * 80))
        if path in ("expired", "cancelled", "rejected"):
            if path != "rejected" and chance.random() < 0.5:
                self._pay_in_vain(story, public_id)
            if path == "expired":
                self._move(story, story.expires_at, Status.EXPIRED, "")
            elif path == "cancelled":
                self._move(story, soon, Status.CANCELLED, story.person.id)
            elif self._move(story, soon, Status.REJECTED, pharmacist):
                story.reason = "Produit abîmé"
            return
        if path == "paid at the counter":
            if self._move(story, soon, Status.READY, pharmacist):
                self._pay(story, public_id, soon + timedelta(minutes=10), provider="counter")
                if story.paid:
                    self._move(story, story.paid.at + timedelta(seconds=30), Status.COLLECTED, pharmacist)
            return
        self._pay(story, public_id, at + timedelta(minutes=1 + int(chance.random() * 20)))
        if story.paid is None:
            return
        story.expires_at = story.paid.at + settings.HOLD_PAID
        later = story.paid.at + timedelta(minutes=20 + int(chance.random() * 90))
        if path == "paid and cancelled":
            ended = self._move(story, later, Status.CANCELLED, story.person.id)
        elif not self._move(story, later, Status.READY, pharmacist):
            return
        elif path == "collected":
            taken_at = later + timedelta(minutes=10 + int(chance.random() * 1_400))
            self._move(story, taken_at, Status.COLLECTED, pharmacist)
            return
        else:
            ended = self._move(story, story.expires_at, Status.EXPIRED, "")
        if ended:
            self._payments.give_back(story.paid, story.updated_at, f"reservation_{story.status}")

    def _pay(self, story: _Story, public_id: str, at: datetime, provider: str = "") -> None:
        story.paid = self._payments.pay(
            *(story.person, "reservation", public_id, "Réservation", story.total, at),
            ends=PaymentStatus.SUCCEEDED,
            provider=provider,
        )

    def _pay_in_vain(self, story: _Story, public_id: str) -> None:
        (ends,) = self._chance.choices(_UNPAID, weights=_UNPAID_OF_100)
        if ends in (PaymentStatus.HELD, PaymentStatus.UNKNOWN) and story.at < self._clock.until - _UNSOLVED:
            ends = PaymentStatus.FAILED
        at = story.at + timedelta(minutes=2)
        self._payments.pay(story.person, "reservation", public_id, "Réservation", story.total, at, ends=ends)

    def _ask_epg(self, story: _Story) -> EpgStatus:
        answered, luck = story.at + timedelta(seconds=2), self._chance.random()
        if luck < 0.02 and story.at > self._clock.until - _UNSOLVED:
            return EpgStatus.UNKNOWN
        if answered > self._clock.until:
            return EpgStatus.CALLING
        if luck < 0.07:
            self._move(story, answered, Status.REJECTED, "")
            story.reason = "Indisponible"
            return EpgStatus.REFUSED
        self._move(story, answered, Status.CONFIRMED, "")
        return EpgStatus.CONFIRMED

    def _write_epg(self, story: _Story, epg: EpgStatus, pk: int, pharmacy_id: int) -> None:
        answered = story.at + timedelta(seconds=2)
        is_confirmed, task = epg == EpgStatus.CONFIRMED, EpgTask.NONE
        if epg == EpgStatus.UNKNOWN:
            task = EpgTask.RESOLVE
        elif is_confirmed and story.status == Status.EXPIRED and story.at > self._clock.until - _UNSOLVED:
            task = EpgTask.RELEASE
        self._tables.add(
            *(EpgRequest, pk, pharmacy_id, f"64b0000000000000{pharmacy_id:08d}", epg.value),
            *(f"EPG{pk}" if is_confirmed else "", story.total if is_confirmed else None, ""),
            *(story.at, answered if is_confirmed else None),
            self._clock.until + timedelta(seconds=21) if epg == EpgStatus.CALLING else None,
            *(task.value, answered if task else None, story.at, answered),
        )

    def _tell(self, story: _Story, public_id: object, lines: list[list[object]]) -> None:
        old = None
        for at, status, actor in story.moves:
            personal: dict[str, object] = {} if old else {"lines": lines}
            if story.reason and status == Status.REJECTED:
                personal["reason"] = story.reason
            self._journal.note(
                *(at, Action(f"reservation.{status}"), "reservation", public_id),
                actor=actor,
                kind="user" if actor else "task",
                changes={"old": old, "new": status.value, "total": story.total},
                personal=personal,
            )
            old = status.value
        if story.paid:
            self._journal.note(
                *(story.paid.at, Action.RESERVATION_PAID, "reservation", public_id),
                kind="gateway",
                amount=story.total,
                changes={"payment": str(story.paid.public_id)},
            )

    def _code(self) -> str:
        while (code := "".join(self._chance.choices(ALPHABET, k=LENGTH))) in self._codes:
            pass
        self._codes.add(code)
        return code
