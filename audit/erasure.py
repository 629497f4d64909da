"""Erasing a person from the event log: their events and the proofs stay, the personal values beside them go."""

from collections.abc import Iterable

from django.db.models import QuerySet

from accounts.models import Account, TokenFamily
from audit.models import Event, EventPersonal
from payments.models import Payment, Refund
from reservations.models import Reservation


def erase(user_id: int) -> None:
    """Delete the personal values of what they did, and of what was done to them and theirs."""
    theirs: dict[str, Iterable[object]] = {
        "account": Account.objects.filter(user_id=user_id).values_list("pk", flat=True),
        "session": TokenFamily.objects.filter(user_id=user_id).values_list("public_id", flat=True),
        "reservation": Reservation.objects.filter(user_id=user_id).values_list("public_id", flat=True),
        "payment": Payment.objects.filter(user_id=user_id).values_list("public_id", flat=True),
        "refund": Refund.objects.filter(payment__user_id=user_id).values_list("public_id", flat=True),
    }
    _forget(Event.objects.filter(actor_kind="user", actor_id=str(user_id)))
    _forget(Event.objects.filter(entity="user", entity_id=str(user_id)))
    for entity, ids in theirs.items():
        _forget(Event.objects.filter(entity=entity, entity_id__in=[str(each) for each in ids]))


def _forget(events: QuerySet[Event]) -> None:
    EventPersonal.objects.filter(event__in=events.values("commitment")).delete()
