"""Doctors' notes under the newest key."""

from appointments.models import Appointment
from common.crypto import reencrypt
from common.unit_of_work import unit_of_work


def reencrypt_notes() -> int:
    """Put every note under the first of `ENCRYPTION_KEYS`; how many."""
    count = 0
    noted = Appointment.objects.exclude(private_notes=b"").values_list("pk", flat=True)
    for pk in noted.iterator():
        with unit_of_work():
            locked = Appointment.objects.select_for_update(no_key=True).get(pk=pk)
            if locked.private_notes:
                locked.private_notes = reencrypt(bytes(locked.private_notes))
                locked.save(update_fields=["private_notes"])
                count += 1
    return count
