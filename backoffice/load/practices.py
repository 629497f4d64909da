"""Doctors with hours and the year's appointments; no two of them at one time."""

import random
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from django.conf import settings
from django.utils.timezone import get_current_timezone, localtime

from accounts.enums import EntryKind, Role
from appointments.enums import FeedKind, PaidWith, Status, Weekday
from appointments.models import Appointment, CalendarFeed, Notice, Practitioner, Specialty, VisitType, WorkingHours
from audit.enums import Action
from backoffice.load.clock import Clock
from backoffice.load.identifiers import new_uuid
from backoffice.load.journal import Journal
from backoffice.load.payments import Paid, Payments
from backoffice.load.people import People, Person
from backoffice.load.tables import Tables, both
from common.enums import MailState
from common.models import Mail
from common.money import XAF
from payments.enums import Status as PaymentStatus

BOOKING_COSTS = 1
_SPECIALTIES = (("Médecine générale", "General medicine"), ("Cardiologie", "Cardiology"), ("Pédiatrie", "Paediatrics"))
_HOURS = ((time(8), time(12)), (time(14), time(17)))
_LENGTH = timedelta(minutes=30)
_STARTS = tuple(
    (opens.hour * 60 + minute) for opens, closes in _HOURS for minute in range(0, (closes.hour - opens.hour) * 60, 30)
)
_FEE, _FEE_CREDITS = 15_000, 60
# Of what is over, in a hundred.
_ENDS = {Status.COMPLETED: 78, Status.NO_SHOW: 8, Status.CANCELLED: 14}
_AHEAD = {Status.BOOKED: 60, Status.CONFIRMED: 32, Status.CANCELLED: 8}


class Practice(NamedTuple):
    id: int
    visit_type_id: int
    user_id: int
    fee: int


class Practices:
    def __init__(
        self,
        people: People,
        payments: Payments,
        clock: Clock,
        tables: Tables,
        journal: Journal,
        chance: random.Random,
    ) -> None:
        self._people, self._payments, self._clock = people, payments, clock
        self._tables, self._journal, self._chance = tables, journal, chance
        self._practices: list[Practice] = []
        self._taken: set[tuple[int, datetime]] = set()
        tables.declare(
            Appointment,
            "id public_id practitioner_id patient_id visit_type_id starts_at ends_at blocked_from blocked_until status "
            "reason private_notes price currency price_credits credits_charged paid_at paid_with hold_expires_at "
            "overbooked overbook_reason sequence scheduled_at notice_due_at cancelled_at cancelled_by_id cancel_reason "
            "created_at updated_at",
        )
        tables.declare(Notice, "appointment_id kind starts_at sequence created_at updated_at")
        tables.declare(
            Mail, "to template language context state attempts next_at expires_at error created_at updated_at"
        )

    def open(self, count: int, at: datetime, verified_by: int) -> None:
        """So many verified practices; every third takes a fee."""
        doctors = [self._people.join(at, Role.DOCTOR) for _ in range(count)]
        self._tables.flush()
        specialties = [
            Specialty.objects.get_or_create(name_fr=french, defaults={"name_en": english})[0]
            for french, english in _SPECIALTIES
        ]
        practitioners = Practitioner.objects.bulk_create(
            Practitioner(
                user_id=doctor.id,
                languages=["fr"],
                place="Libreville",
                fee=0 if number % 3 else _FEE,
                fee_credits=None if number % 3 else _FEE_CREDITS,
                verified_at=None if number % 25 == 24 else at,
                verified_by_id=None if number % 25 == 24 else verified_by,
            )
            for number, doctor in enumerate(doctors)
        )
        of_specialty = Practitioner.specialties.through
        of_specialty.objects.bulk_create(
            of_specialty(practitioner_id=practitioner.pk, specialty_id=specialties[number % len(specialties)].pk)
            for number, practitioner in enumerate(practitioners)
        )
        visits = VisitType.objects.bulk_create(
            VisitType(practitioner=practitioner, name="Consultation", minutes=30) for practitioner in practitioners
        )
        WorkingHours.objects.bulk_create(
            WorkingHours(practitioner=practitioner, weekday=weekday, opens=opens, closes=closes)
            for practitioner in practitioners
            for weekday in list(Weekday)[:5]
            for opens, closes in _HOURS
        )
        CalendarFeed.objects.bulk_create(
            CalendarFeed(user_id=doctor.id, kind=FeedKind.DOCTOR, token_hash=f"{self._chance.getrandbits(256):064x}")
            for doctor in doctors
        )
        self._practices = [
            Practice(practitioner.pk, visit.pk, practitioner.user_id, practitioner.fee)
            for practitioner, visit in zip(practitioners, visits, strict=True)
        ]

    def book(self, person: Person, at: datetime) -> None:
        chance, until = self._chance, self._clock.until
        if person.credit < BOOKING_COSTS:
            self._payments.buy_pack(person, at - timedelta(minutes=6))
        if person.credit < BOOKING_COSTS:
            return
        practice = chance.choice(self._practices)
        starts_at = self._free(practice, person, at)
        public_id, pk = new_uuid(chance), self._tables.next_id(Appointment)
        reference = f"appointment:{public_id}"
        self._people.book(person, -BOOKING_COSTS, EntryKind.SPEND, reference, "Rendez-vous", at)
        status, paid, paid_at, paid_with = Status.BOOKED, None, None, ""
        moves: list[tuple[datetime, Status, int | str]] = [(at, status, person.id)]
        if practice.fee:
            moves = [(at, Status.HELD, person.id)]
            status, paid, paid_at, paid_with = self._pay_fee(person, practice, str(public_id), reference, at)
        cancelled_at, decided_at = None, at
        if status == Status.BOOKED:
            if paid_at:
                moves.append((paid_at, Status.BOOKED, person.id))
            is_over = starts_at + _LENGTH <= until
            ends = _ENDS if is_over else _AHEAD
            (status,) = chance.choices(list(ends), weights=list(ends.values()))
            decided_at = starts_at + _LENGTH if is_over else at + (until - at) / 2
            if status == Status.CANCELLED:
                cancelled_at = decided_at = at + (min(starts_at, until) - at) / 2
                if paid:
                    self._payments.give_back(paid, cancelled_at, "appointment_cancelled")
            if status != Status.BOOKED:
                moves.append((decided_at, status, person.id if status == Status.CANCELLED else practice.user_id))
        elif status == Status.EXPIRED:
            decided_at = at + settings.APPOINTMENT_HOLD
            moves.append((decided_at, status, ""))
            back = (person, BOOKING_COSTS, EntryKind.REFUND, reference, "Rendez-vous", decided_at)
            self._clock.plan(decided_at, lambda: self._people.book(*back))
        self._tables.add(
            *(Appointment, pk, public_id, practice.id, person.id, practice.visit_type_id),
            *(starts_at, starts_at + _LENGTH, starts_at, starts_at + _LENGTH, status.value, "", b""),
            *(practice.fee, XAF, _FEE_CREDITS if practice.fee else None, BOOKING_COSTS, paid_at, paid_with),
            *(at + settings.APPOINTMENT_HOLD if status == Status.HELD else None, False, "", 0, at, None),
            *(cancelled_at, person.id if cancelled_at else None, "", at, decided_at),
        )
        self._tables.add(Notice, pk, "appointment_booked", starts_at, 0, *both(at))
        self._tables.add(
            *(Mail, person.email, "appointment_booked", "fr", b"", MailState.SENT.value, 1, None, starts_at, ""),
            *both(at),
        )
        self._tell(public_id, practice, starts_at, moves, paid)

    def _free(self, practice: Practice, person: Person, at: datetime) -> datetime:
        """A slot of the practice within about two weeks that neither has anything in."""
        for days in range(14, 10_000):
            day = localtime(at).date() + timedelta(days=1 + int(self._chance.random() * days))
            starts_at = _at(day, self._chance.choice(_STARTS))
            mine, theirs = (practice.id, starts_at), (-person.id, starts_at)
            if day.weekday() < 5 and mine not in self._taken and theirs not in self._taken:
                self._taken |= {mine, theirs}
                return starts_at
        raise ValueError("more appointments than the practitioners have time for")

    def _pay_fee(
        self, person: Person, practice: Practice, public_id: str, reference: str, at: datetime
    ) -> tuple[Status, Paid | None, datetime | None, str]:
        until, hold_ends = self._clock.until, at + settings.APPOINTMENT_HOLD
        luck = self._chance.random()
        if luck < 0.1 and person.credit >= _FEE_CREDITS:
            self._people.book(person, -_FEE_CREDITS, EntryKind.SPEND, f"{reference}:fee", "Honoraires", at)
            return Status.BOOKED, None, at, PaidWith.CREDITS.value
        ends = PaymentStatus.SUCCEEDED if luck < 0.9 else PaymentStatus.FAILED
        paid = self._payments.pay(
            *(person, "appointment", public_id, "Rendez-vous", practice.fee, at + timedelta(minutes=1)), ends=ends
        )
        if paid:
            return Status.BOOKED, paid, paid.at, PaidWith.MONEY.value
        return (Status.EXPIRED if hold_ends <= until else Status.HELD), None, None, ""

    def _tell(
        self,
        public_id: object,
        practice: Practice,
        starts_at: datetime,
        moves: list[tuple[datetime, Status, int | str]],
        paid: Paid | None,
    ) -> None:
        old = None
        for at, status, actor in moves:
            changes: dict[str, object] = {"old": old, "new": status.value}
            if old is None:
                changes |= {"practitioner": practice.id, "starts_at": starts_at.isoformat()}
            self._journal.note(
                *(at, Action(f"appointment.{status}"), "appointment", public_id),
                actor=actor,
                kind="user" if actor else "task",
                changes=changes,
            )
            old = status.value
        if paid:
            self._journal.note(
                *(paid.at, Action.APPOINTMENT_PAID, "appointment", public_id),
                kind="gateway",
                amount=paid.amount,
                changes={"payment": str(paid.public_id)},
            )


def _at(day: date, minute: int) -> datetime:
    local = datetime.combine(day, time(minute // 60, minute % 60), get_current_timezone())
    return local.astimezone(UTC)
