"""What `catalog` announces, inside the transaction of the change. Receivers must not refuse.

All are sent with `sender=` the model class. Plain edits of products and pharmacies are told by Django's own signals.
"""

from django.dispatch import Signal

products_imported = Signal()
"""`source` (str), `created`, `updated`, `unchanged`, `left_out` (numbers of rows), `by` (User or None)."""

pharmacies_imported = Signal()
"""`created`, `updated`, `unchanged`, `left_out` (numbers of rows), `by` (User or None)."""

stock_imported = Signal()
"""`created`, `updated`, `unchanged`, `left_out` (numbers of rows), `by` (User or None)."""

stock_changed = Signal()
"""`stock`, `old` (field → value; empty when new) and `new` (field → value; empty when deleted), `by` (User or None)."""
