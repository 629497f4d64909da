"""What the database says when it has the last word, as the refusal it stands for."""

from django.db import IntegrityError, OperationalError

from appointments.exceptions import PatientBusy, SlotTaken

# The doctor's row is being fought for: deadlock, lock not available.
_BUSY = {"40P01", "55P03"}


def refusal_of(error: Exception) -> SlotTaken | PatientBusy | None:
    """`SlotTaken` or `PatientBusy` for an overlap that only a constraint found, and for a lock not to be had."""
    if isinstance(error, SlotTaken | PatientBusy):
        return error
    if isinstance(error, IntegrityError):
        if "appointment_practitioner_overlap" in str(error):
            return SlotTaken()
        if "appointment_patient_overlap" in str(error):
            return PatientBusy()
    if isinstance(error, OperationalError) and getattr(error.__cause__, "sqlstate", None) in _BUSY:
        return SlotTaken(code="busy")
    return None
