"""Doctors with hours, and appointments in any state."""

import itertools
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone

from accounts.enums import PricedAction, Role
from accounts.models import PriceList, User
from accounts.tests.factories import make_user
from appointments.enums import PaidWith, Status
from appointments.models import Appointment, Practitioner, Specialty, TimeOff, VisitType, WaitlistEntry, WorkingHours
from payments.enums import Status as PaymentState
from payments.models import Payment

_numbers = itertools.count(1)


def make_specialty(**fields: Any) -> Specialty:
    number = next(_numbers)
    return Specialty.objects.create(**{"name_fr": f"Spécialité {number}", "name_en": f"Specialty {number}"} | fields)


def make_practitioner(*, verified: bool = True, specialties: tuple[Specialty, ...] = (), **fields: Any) -> Practitioner:
    """A free doctor in Libreville who receives every day from 8 to 17, visits of half an hour, on holidays too."""
    number = next(_numbers)
    user = fields.pop("user", None) or make_user(Role.DOCTOR, first_name="Désiré", last_name=f"Exemple {number:04d}")
    fields.setdefault("works_on_holidays", True)
    fields.setdefault("timezone", "Africa/Libreville")
    if verified:
        fields |= {"verified_at": timezone.now(), "verified_by": user}
    practitioner = Practitioner.objects.create(user=user, **fields)
    practitioner.specialties.set(specialties or (make_specialty(),))
    make_visit_type(practitioner)
    for weekday in range(7):
        WorkingHours.objects.create(practitioner=practitioner, weekday=weekday, opens=time(8), closes=time(17))
    return practitioner


def make_visit_type(practitioner: Practitioner, **fields: Any) -> VisitType:
    return VisitType.objects.create(
        practitioner=practitioner, **{"name": f"Consultation {next(_numbers)}", "minutes": 30} | fields
    )


def make_time_off(practitioner: Practitioner, starts_at: datetime, ends_at: datetime) -> TimeOff:
    return TimeOff.objects.create(practitioner=practitioner, starts_at=starts_at, ends_at=ends_at)


def visit_type(practitioner: Practitioner) -> VisitType:
    return practitioner.visit_types.order_by("pk")[0]


def day(days: int = 3) -> date:
    """A day from now, in Libreville."""
    return timezone.localdate(timezone=ZoneInfo("Africa/Libreville")) + timedelta(days=days)


def at(hour: int = 9, minute: int = 0, *, days: int = 3, zone: str = "Africa/Libreville") -> datetime:
    """A moment some days from now, by the clocks of the zone."""
    return datetime.combine(day(days), time(hour, minute), ZoneInfo(zone)).astimezone(UTC)


def set_book_price(credits: int) -> PriceList:
    """What booking costs, in credits."""
    return PriceList.objects.create(action=PricedAction.BOOK_APPOINTMENT, label="Rendez-vous", credits=credits)


def body(practitioner: Practitioner, starts_at: datetime, **more: Any) -> dict[str, Any]:
    """What POST /appointments/ is sent."""
    return {
        "doctor": practitioner.pk,
        "visit_type": visit_type(practitioner).pk,
        "starts_at": starts_at.isoformat(),
    } | more


def make_appointment(
    *,
    practitioner: Practitioner | None = None,
    patient: User | None = None,
    starts_at: datetime | None = None,
    status: Status = Status.BOOKED,
    paid_with: PaidWith | None = None,
    **fields: Any,
) -> Appointment:
    """A row as it would be in `status`, without what led there; paid where `paid_with` says so."""
    practitioner = practitioner or make_practitioner()
    patient = patient or make_user()
    kind = visit_type(practitioner)
    starts_at = starts_at or at()
    now = timezone.now()
    ends_at = starts_at + timedelta(minutes=kind.minutes)
    values: dict[str, Any] = {
        "practitioner": practitioner,
        "patient": patient,
        "visit_type": kind,
        "starts_at": starts_at,
        "ends_at": ends_at,
        "blocked_from": starts_at - timedelta(minutes=kind.buffer_before),
        "blocked_until": ends_at + timedelta(minutes=kind.buffer_after),
        "status": status,
        "price": practitioner.fee,
        "price_credits": practitioner.fee_credits if practitioner.fee else None,
        "scheduled_at": now,
        "hold_expires_at": now + timedelta(minutes=10) if status == Status.HELD else None,
        "cancelled_at": now if status == Status.CANCELLED else None,
        "paid_at": now if paid_with else None,
        "paid_with": paid_with or "",
    }
    appointment = Appointment.objects.create(**values | fields)
    if paid_with == PaidWith.MONEY:
        pay(appointment)
    return appointment


def pay(appointment: Appointment) -> Payment:
    """Money that came in for an appointment."""
    now = timezone.now()
    return Payment.objects.create(
        user=appointment.patient,
        purpose="appointment",
        purpose_id=str(appointment.public_id),
        label="Rendez-vous",
        amount=appointment.price,
        provider="mypayga",
        network="AM",
        phone="+24177123456",
        status=PaymentState.SUCCEEDED,
        blocks=False,
        expires_at=now,
        settled_at=now,
    )


def make_entry(
    practitioner: Practitioner | None = None, *, patient: User | None = None, **fields: Any
) -> WaitlistEntry:
    """Somebody who waits for any slot of a doctor in the next month."""
    values = {"practitioner": practitioner, "date_from": day(0), "date_to": day(30)} | fields
    return WaitlistEntry.objects.create(patient=patient or make_user(), **values)
