"""What `payments` announces, inside the transaction of the change; `sender` is the model class."""

from django.dispatch import Signal

payment_moved = Signal()
"""`payment` (in its new status), `old` (Status or None at creation), `by` (User or None)."""

callback_received = Signal()
"""`message` (stored, not yet believed)."""

callback_refused = Signal()
"""`provider`, `reason` (a code), `message` (or None where nothing was stored)."""

refund_moved = Signal()
"""`refund` (in its new status), `by` (User or None)."""
