"""Who receives patients here: doctors register, staff verify them, and only then are they listed."""

from collections.abc import Iterable

from django.utils import timezone

from accounts.enums import Role
from accounts.models import User
from appointments.models import Practitioner, Specialty
from appointments.signals import practitioner_verified
from common.errors import Forbidden
from common.states import IllegalMove
from common.unit_of_work import unit_of_work


def open_practice(user: User, *, specialty_ids: Iterable[int]) -> Practitioner:
    """A practice for a doctor who registered: not listed before staff have verified it."""
    with unit_of_work():
        practitioner, _created = Practitioner.objects.get_or_create(user=user, defaults={"bio": user.bio[:2000]})
        practitioner.specialties.set(Specialty.objects.filter(pk__in=list(specialty_ids)))
    return practitioner


def verify(practitioner: Practitioner, *, by: User) -> Practitioner:
    """List the practitioner. Raises `IllegalMove` (409) where that is so, or who is no doctor, `Forbidden` (403)."""
    return _set_verified(practitioner, is_verified=True, by=by)


def unlist(practitioner: Practitioner, *, by: User) -> Practitioner:
    """Patients see and book them no more; what is booked stays. Raises the same as `verify`."""
    return _set_verified(practitioner, is_verified=False, by=by)


def _set_verified(practitioner: Practitioner, *, is_verified: bool, by: User) -> Practitioner:
    if not by.has_perm("appointments.verify_practitioner"):
        raise Forbidden
    with unit_of_work():
        rows = Practitioner.objects.select_for_update(no_key=True, of=("self",)).select_related("user")
        locked = rows.get(pk=practitioner.pk)
        if (locked.verified_at is not None) == is_verified or (is_verified and locked.user.role != Role.DOCTOR):
            raise IllegalMove
        locked.verified_at, locked.verified_by = (timezone.now(), by) if is_verified else (None, None)
        locked.save(update_fields=["verified_at", "verified_by", "updated_at"])
        practitioner_verified.send(Practitioner, practitioner=locked, is_verified=is_verified, by=by)
    return locked
