"""What `appointments` does when people register."""

from collections.abc import Sequence
from typing import Any

from django.dispatch import receiver
from django.utils.translation import gettext as _

from accounts.enums import Role
from accounts.models import User
from accounts.signals import registration_requested, user_registered
from appointments.exceptions import UnknownSpecialty
from appointments.models import Specialty
from appointments.services.practices import open_practice
from common.errors import FieldError, Invalid


@receiver(registration_requested, dispatch_uid="appointments.check_specialties")
def check_specialties(specialty_ids: Sequence[int], **kwargs: Any) -> bool:
    """Every one of them exists; otherwise 400 `unknown_specialty` names each that does not."""
    known = set(Specialty.objects.filter(pk__in=specialty_ids).values_list("pk", flat=True))
    detail = _("Cette spécialité n'existe pas.")
    errors = [
        FieldError(f"specialty_ids.{index}", UnknownSpecialty.code, detail)
        for index, pk in enumerate(specialty_ids)
        if pk not in known
    ]
    if errors:
        raise Invalid(code=UnknownSpecialty.code, errors=errors)
    return True


@receiver(user_registered, dispatch_uid="appointments.open_practice")
def open_practice_of_doctor(user: User, specialty_ids: Sequence[int], **kwargs: Any) -> None:
    if user.role == Role.DOCTOR:
        open_practice(user, specialty_ids=specialty_ids)
