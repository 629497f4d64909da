"""What `catalog` announces, inside the transaction of the change. Receivers must not refuse.

All are sent with `sender=` the model class. `counts` has `created`, `updated`, `unchanged` and `left_out` (rows); an
import that changed nothing is not announced. Edits of one product or pharmacy are told by Django's own signals.
"""

from django.dispatch import Signal

products_imported = Signal()
"""`source` (str), `counts`, `by` (User or None)."""

pharmacies_imported = Signal()
"""`source` (str), `counts`, `by` (User or None)."""

duty_imported = Signal()
"""`source` (str), `counts`, `by` (User or None)."""

stock_imported = Signal()
"""`source` (str), `counts`, `by` (User or None)."""

availability_checked = Signal()
"""Somebody asked who has a product. `code`, `by` (User or None)."""

stock_changed = Signal()
"""`stock`, `old` and `new` (field → value; `old` is empty of a new row, `new` of a deleted one), `by`."""

product_change_announced = Signal()
"""`change` (ProductChange), `values` (field → value the product is to have; empty where it is deleted)."""

product_change_settled = Signal()
"""`change` (ProductChange): the writer did not come back to it, the sweep did."""
