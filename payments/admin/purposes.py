"""What the pages of other apps show of the payments for their rows."""

from typing import Any

from django.utils.html import format_html_join

from common.admin import link, money
from payments.models import Payment


def payments_for(purpose: str, public_id: Any) -> str:
    """The payments for one row, newest first: each a link to its page, with its state."""
    found = Payment.objects.filter(purpose=purpose, purpose_id=str(public_id)).order_by("-pk")
    rows = [
        (link("payments.payment", row.pk, money(row.amount, row.currency)), row.get_status_display()) for row in found
    ]
    return format_html_join("\n", "<div>{} – {}</div>", rows) or "–"
