"""Reads that several places share."""

from typing import Any

from django.db.models import F, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from payments.enums import RefundStatus
from payments.models import Payment, Refund


def with_money(payments: QuerySet[Payment]) -> Any:
    """The payments with `received`, the francs that came in once they succeeded, and `back`, those that went back or
    are on their way back."""
    live = Refund.objects.filter(payment=OuterRef("pk")).exclude(status=RefundStatus.FAILED)
    total = live.order_by().values("payment").annotate(total=Sum("amount")).values("total")
    return payments.annotate(received=F("amount"), back=Coalesce(Subquery(total), 0))
