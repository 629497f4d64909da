"""What `marketplaces` announces, inside the transaction of the change; `sender` is the model class."""

from django.dispatch import Signal

merchant_created = Signal()
"""`merchant`, `owner` (User), `by`."""

merchant_changed = Signal()
"""`merchant`, `old` and `new` (dicts of what changed), `by`."""

member_changed = Signal()
"""`merchant_id`, `user_id`, `old` and `new` (MemberRole or None: not a member), `by` (User or None)."""

member_invited = Signal()
"""`merchant_id`, `email`, `role` (MemberRole), `by`."""

item_created = Signal()
"""`item`, `by`."""

item_changed = Signal()
"""`item`, `old` and `new` (dicts of what changed), `by` (User or None)."""

item_deleted = Signal()
"""`item`, `by`."""

item_reviewed = Signal()
"""`item` (in its new review state), `old` (Review), `by` (User, or None where words flagged it)."""

item_refused = Signal()
"""`merchant_id`, `code`, `category`, `reason`, `by`: the medicine gate; sent in a transaction of its own."""

images_changed = Signal()
"""`item`, `change` (`added`, `removed` or `ordered`), `images` (list of public ids), `by`."""

listing_moved = Signal()
"""`listing` (in its new state), `old` (ListingState or None where it is new), `by` (User or None)."""

order_moved = Signal()
"""`order` (in its new state), `old` (OrderState or None where it is new), `by` (User or None)."""

order_task_closed = Signal()
"""`order`, `old` (OrderTask), `by`."""

connection_moved = Signal()
"""`connection` (in its new state), `old` (ConnectionState or None where it is new), `by` (None: the channel)."""

connection_changed = Signal()
"""`connection`, `old` and `new` (dicts of its settings), `by`."""

job_moved = Signal()
"""`job` (in its new state), `old` (JobState or None where it is new), `by` (User or None). Not between its steps."""

queue_stopped = Signal()
"""`queue` (ChannelQueue), `reason` (StopReason), `by` (User or None): its merchant is asked."""

queue_resumed = Signal()
"""`queue` (ChannelQueue), `by` (User or None)."""

foreign_linked = Signal()
"""`found` (ForeignListing), `item`, `by`."""

device_added = Signal()
"""`device` (PluginDevice), `by`."""

device_revoked = Signal()
"""`device` (PluginDevice), `by` (User or None: who had added it was erased)."""
