"""What `appointments` announces, inside the transaction of the change; `sender` is the model class."""

from django.dispatch import Signal

appointment_changed = Signal()
"""`appointment` (in its new status), `old` (Status or None at creation), `by` (User or None)."""

appointment_rescheduled = Signal()
"""`appointment` (at its new time), `old_starts_at`, `by`."""

appointment_paid = Signal()
"""`appointment`, `payment` (None where credits paid), `credits` (0 where money paid), `by` (User or None)."""

appointment_described = Signal()
"""`appointment`, `by`: what the visit is about was said anew; the words are the patient's and the doctor's."""

notes_changed = Signal()
"""`appointment`, `by`: the doctor's private notes, whose text is nobody else's."""

entry_changed = Signal()
"""`entry` (of the waitlist, in its new status), `old` (EntryStatus or None), `by` (User or None)."""

feed_changed = Signal()
"""`feed`, `by` (User or None): a calendar was shared, or revoked (`feed.revoked_at`)."""

practitioner_verified = Signal()
"""`practitioner`, `is_verified`, `by`."""
