"""What `accounts` announces, inside the transaction of the change. Receivers must not refuse.

All are sent with `sender=` the model class.
"""

from django.dispatch import Signal

user_created = Signal()
"""`user`, `by` (User or None)."""

user_signed_in = Signal()
"""`user`."""

sign_in_failed = Signal()
"""`email` (as given, normalised), `user_id` (int or None), `reason` (a code)."""

credits_moved = Signal()
"""`account_id`, `user_id`, `kind` (EntryKind), `amount` (credits, signed), `balance_after`, `reference`, `by`."""

account_switched = Signal()
"""`account`, `is_active`, `by`."""

profile_changed = Signal()
"""`user`, `old` and `new` (field → value), `by`."""

role_changed = Signal()
"""`user` (in the new role), `old` (Role), `by`."""

user_switched = Signal()
"""`user`, `is_active`, `by`."""

approval_moved = Signal()
"""`approval` (in its new status), `by`."""
