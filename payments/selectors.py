"""Reads that several places share."""

from typing import Any

from django.db.models import Count, F, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from payments.enums import RefundStatus
from payments.models import Payment, PaymentAttempt, Refund


def with_money(payments: QuerySet[Payment]) -> Any:
    """The payments with what came in once they succeeded (`received`, more where attempts were paid twice), what of it
    went back or is on its way back (`back`), and what the customer has again (`returned`)."""
    surplus = PaymentAttempt.objects.filter(payment=OuterRef("pk"), is_surplus=True).order_by().values("payment")
    refunds = Refund.objects.filter(payment=OuterRef("pk"))
    return payments.annotate(
        received=F("amount") * (1 + Coalesce(Subquery(surplus.annotate(count=Count("pk")).values("count")), 0)),
        back=_total(refunds.exclude(status=RefundStatus.FAILED)),
        returned=_total(refunds.filter(status=RefundStatus.DONE)),
    )


def _total(refunds: QuerySet[Refund]) -> Coalesce:
    return Coalesce(Subquery(refunds.order_by().values("payment").annotate(total=Sum("amount")).values("total")), 0)
