"""What `reservations` announces, inside the transaction of the change; `sender` is `Reservation`."""

from django.dispatch import Signal

reservation_moved = Signal()
"""`reservation` (in its new status), `old` (Status or None at creation), `by` (User or None), `lines` (at creation)."""

reservation_paid = Signal()
"""`reservation`, `payment`."""

epg_request_moved = Signal()
"""`request` (an `EpgRequest` in its new status), `old`, `by` (User or None); `sender` is `EpgRequest`."""

epg_task_closed = Signal()
"""`request`, `task` (what was settled), `by`; `sender` is `EpgRequest`."""
