"""What `accounts` announces, inside the transaction of the change. Receivers must not refuse.

All are sent with `sender=` the model class.
"""

from django.dispatch import Signal

user_created = Signal()
"""`user`, `by` (User or None)."""

user_signed_in = Signal()
"""`user`, `place` (`api` or `admin`; `legacy` and `legacy_admin` for the old routes)."""

user_signed_out = Signal()
"""`user`: left the admin. A session of the API ends with `sessions_ended`."""

sign_in_failed = Signal()
"""`email` (as given, normalised), `user_id` (int or None), `reason` (a code)."""

sign_in_locked = Signal()
"""The last attempt of a window failed. `email` (normalised), `user_id` (int or None), `scope` (whose attempts),
`seconds` (until the next window)."""

sign_in_alarm = Signal()
"""More sign-ins fail everywhere than ever should. `attempts`, `window` (seconds)."""

refresh_reused = Signal()
"""`family` (TokenFamily, revoked), `counter` (of the token that came twice)."""

sessions_ended = Signal()
"""`user_id`, `families` (list of their public ids), `reason` (SessionEnd), `by` (User or None)."""

credits_moved = Signal()
"""`account_id`, `user_id`, `kind` (EntryKind), `amount` (credits, signed), `balance_after`, `reference`, `by`."""

rate_given = Signal()
"""Staff gave a rate that nobody paid here. `account`, `rate`, `by`."""

account_switched = Signal()
"""`account`, `is_active`, `by`."""

account_reviewed = Signal()
"""Somebody has looked at what was odd about an account. `review` (AccountReview, settled), `by`."""

people_arrived = Signal()
"""People were brought over from another system, many at once. `source`, `people`, `credits` and `reviews` (counts)."""

people_taken_back = Signal()
"""Such people were made nobody again, and what came with them was withdrawn. `source`, `batch` (its number), `counts`
(of `people`, `credits` and `rates`), `prices` (labels of the price lists that were deleted)."""

profile_changed = Signal()
"""`user`, `old` and `new` (field → value), `by`."""

role_changed = Signal()
"""`user` (in the new role), `old` (Role), `by`."""

duties_changed = Signal()
"""`user` (with the new ones), `old` and `new` (sorted lists of Duty values), `by`."""

code_resent = Signal()
"""Staff had one mailed again. `user`, `kind` (`code` or `link`), `by`."""

user_switched = Signal()
"""`user`, `is_active`, `by`."""

approval_moved = Signal()
"""`approval` (in its new status), `by`."""

second_factor_enabled = Signal()
"""`user`, `replaced` (bool: there was one before), `by` (User, or None at a shell)."""

second_factor_removed = Signal()
"""`user`, `reason` (`disabled` by its owner or `reset` by an operator), `by`."""

second_factor_failed = Signal()
"""A signed-in person gave a wrong code. `user`. At a sign-in it is `sign_in_failed` with the reason `mfa_invalid`."""

recovery_codes_renewed = Signal()
"""`user`, `by`. The old ones are dead."""

recovery_code_used = Signal()
"""`user`, `left` (how many are still good)."""

registration_requested = Signal()
"""The one that may refuse, by raising a `DomainError`. `role`, `specialty_ids` (of a doctor, not empty). A receiver
that has checked the specialties returns True; without one nobody can name any."""

user_registered = Signal()
"""Somebody registered themselves. `user` (unverified), `specialty_ids`; again with what they say now where the address
was registered before and never verified."""

registration_repeated = Signal()
"""Somebody wanted an account that exists. `user`."""

email_verified = Signal()
"""`user`, `is_contested`: two registrations gave different passwords, neither is kept."""

secret_exhausted = Signal()
"""The last attempt at a code failed. `user_id`, `purpose` (SecretPurpose)."""

password_reset = Signal()
"""`user`, by a link that was mailed."""

password_changed = Signal()
"""`user`, `by` (User, or None at a shell)."""

user_anonymised = Signal()
"""`user` (nobody any more), `by`."""
