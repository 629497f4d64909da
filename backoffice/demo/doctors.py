"""The demo's practices: a general practitioner and a cardiologist, with hours, fees and a first appointment."""

from collections.abc import Mapping
from datetime import time

from django.utils import timezone

from accounts.models import User
from appointments.enums import Weekday
from appointments.models import Appointment, Practitioner, Specialty, VisitType, WorkingHours
from appointments.selectors.free import alternatives
from appointments.services.booking import book
from appointments.services.practices import open_practice, verify
from backoffice.demo import people

_SPECIALTIES = (
    ("Médecine générale", "General medicine"),
    ("Cardiologie", "Cardiology"),
    ("Pédiatrie", "Paediatrics"),
    ("Gynécologie", "Gynaecology"),
)
_MORNING, _AFTERNOON = (time(8), time(12)), (time(14), time(17))


def load_doctors(users: Mapping[str, User]) -> None:
    """Two verified practices in Libreville, and one appointment; what exists stays as it is."""
    known = {
        french: Specialty.objects.get_or_create(name_fr=french, defaults={"name_en": english})[0]
        for french, english in _SPECIALTIES
    }
    general = _practice(
        users[people.DOCTOR.email],
        known["Médecine générale"],
        users[people.ADMIN.email],
        place="Cabinet du Rond-point, Louis",
        latitude=0.4087,
        longitude=9.4397,
    )
    _practice(
        users[people.DOCTOR_2.email],
        known["Cardiologie"],
        users[people.ADMIN.email],
        place="Clinique de la Sablière",
        latitude=0.4512,
        longitude=9.4241,
        fee=20_000,
        fee_credits=60,
        languages=["fr", "en"],
    )
    _appointment(general, users[people.PATIENT.email], users[people.STAFF.email])


def _practice(user: User, specialty: Specialty, staff: User, **fields: object) -> Practitioner:
    existing = Practitioner.objects.filter(user=user).first()
    if existing is not None:
        return existing
    practitioner = open_practice(user, specialty_ids=[specialty.pk])
    for name, value in ({"languages": ["fr"]} | fields).items():
        setattr(practitioner, name, value)
    practitioner.save()
    VisitType.objects.create(practitioner=practitioner, name="Consultation", minutes=30, buffer_after=5)
    VisitType.objects.create(practitioner=practitioner, name="Téléconsultation", minutes=20, is_remote=True)
    for weekday in list(Weekday)[:5]:
        for opens, closes in (_MORNING, _AFTERNOON):
            WorkingHours.objects.create(practitioner=practitioner, weekday=weekday, opens=opens, closes=closes)
    return verify(practitioner, by=staff)


def _appointment(practitioner: Practitioner, patient: User, staff: User) -> None:
    if Appointment.objects.filter(patient=patient).exists():
        return
    kind = practitioner.visit_types.order_by("pk")[0]
    first = alternatives(practitioner.pk, kind.pk, timezone.now(), count=1)
    for starts_at in first:
        book(patient, practitioner_id=practitioner.pk, visit_type_id=kind.pk, starts_at=starts_at, by=staff)
