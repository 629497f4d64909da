"""The demo's sign-ins. Only with DEBUG: everybody knows their password."""

from dataclasses import dataclass

from django.conf import settings

from accounts.enums import Role
from accounts.models import User
from accounts.services.users import create_user


@dataclass(frozen=True)
class Person:
    email: str
    role: Role
    first_name: str
    last_name: str
    phone: str


PATIENT = Person("patient@example.org", Role.PATIENT, "Aïcha", "Exemple", "+24177000001")
PATIENT_2 = Person("patient2@example.org", Role.PATIENT, "Bruno", "Exemple", "+24166000002")
PHARMACIST = Person("pharmacist@example.org", Role.PHARMACIST, "Clarisse", "Exemple", "+24177000003")
DOCTOR = Person("doctor@example.org", Role.DOCTOR, "Désiré", "Exemple", "+24177000004")
DOCTOR_2 = Person("doctor2@example.org", Role.DOCTOR, "Grâce", "Exemple", "+24177000007")
STAFF = Person("staff@example.org", Role.STAFF, "Estelle", "Exemple", "+24177000005")
ADMIN = Person("admin@example.org", Role.ADMIN, "Firmin", "Exemple", "+24177000006")

PEOPLE = (PATIENT, PATIENT_2, PHARMACIST, DOCTOR, DOCTOR_2, STAFF, ADMIN)


def ensure(person: Person) -> User:
    """The person's user, created where there is none yet."""
    existing = User.objects.filter(email=person.email).first()
    if existing is not None:
        return existing
    return create_user(
        email=person.email,
        password=settings.DEMO_PASSWORD,
        role=person.role,
        first_name=person.first_name,
        last_name=person.last_name,
        phone=person.phone,
        is_verified=True,
    )
