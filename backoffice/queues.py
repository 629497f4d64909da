"""What waits for somebody: each queue with its rows, how many and since when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.enums import ApprovalStatus, ReviewStatus
from payments.enums import RefundStatus
from payments.enums import Status as PaymentStatus
from reservations.enums import EpgTask
from reservations.enums import Status as ReservationStatus

# Beyond this a queue says "99+": nobody works it off by its number.
MOST = 99


@dataclass(frozen=True)
class Queue:
    """Rows of `model` (`app.model`) in some states (`field`) that somebody should look at.

    `order` is the column whose index also knows the states: the first rows are found without reading the others.
    """

    title: Any
    hint: Any
    icon: str
    model: str
    statuses: Sequence[str]
    order: str = "pk"
    field: str = "status"


@dataclass(frozen=True)
class Waiting:
    """A queue as one person sees it: how many rows wait, and since when."""

    queue: Queue
    count: int
    since: datetime | None
    url: str

    @property
    def is_full(self) -> bool:
        return self.count > MOST


QUEUES = (
    Queue(
        _("Réservations à préparer"),
        _("Mettre les boîtes de côté, ou refuser."),
        "shopping_bag",
        "reservations.reservation",
        (ReservationStatus.REQUESTED, ReservationStatus.CONFIRMED),
        order="expires_at",
    ),
    Queue(
        _("Réservations à retirer"),
        _("Prêtes au comptoir."),
        "inventory",
        "reservations.reservation",
        (ReservationStatus.READY,),
        order="expires_at",
    ),
    Queue(
        _("Pharmacies à appeler"),
        _("EPG ne peut pas dire si une réservation existe, ni la libérer : demander à la pharmacie."),
        "phone_in_talk",
        "reservations.epgrequest",
        (EpgTask.RESOLVE, EpgTask.RELEASE, EpgTask.PRICE),
        order="task_since",
        field="task",
    ),
    Queue(
        _("Paiements à vérifier"),
        _("Ce que le prestataire dit ne correspond pas : accepter ou écarter."),
        "help",
        "payments.payment",
        (PaymentStatus.HELD,),
    ),
    Queue(
        _("Paiements à l'issue inconnue"),
        _("Le prestataire n'a pas répondu : l'interroger."),
        "hourglass_empty",
        "payments.payment",
        (PaymentStatus.UNKNOWN,),
    ),
    Queue(
        _("Demandes à approuver"),
        _("Une seconde personne en décide : approuver ou refuser."),
        "rule",
        "accounts.approval",
        (ApprovalStatus.REQUESTED,),
    ),
    Queue(
        _("Comptes à examiner"),
        _("Repris avec plus de crédits que leur histoire n'en explique : regarder, corriger, classer."),
        "troubleshoot",
        "accounts.accountreview",
        (ReviewStatus.OPEN,),
    ),
    Queue(
        _("Remboursements à approuver"),
        _("Demandés, ou dus parce que l'objet n'est plus disponible."),
        "undo",
        "payments.refund",
        (RefundStatus.REQUESTED, RefundStatus.DUE),
    ),
    Queue(
        _("Remboursements à envoyer"),
        _("À exécuter chez le prestataire, puis noter sa référence."),
        "send",
        "payments.refund",
        (RefundStatus.APPROVED,),
    ),
)


def waiting(request: HttpRequest) -> list[Waiting]:
    """The queues that this person may see, one query each."""
    return [_look(request, queue) for queue in QUEUES if _model_admin(queue).has_view_permission(request)]


def _look(request: HttpRequest, queue: Queue) -> Waiting:
    """One query for the number and the age."""
    rows = _model_admin(queue).get_queryset(request).filter(**{f"{queue.field}__in": queue.statuses})
    created = list(rows.order_by(queue.order).values_list("created_at", flat=True)[: MOST + 1])
    parameters = urlencode([(f"{queue.field}__exact", status) for status in queue.statuses])
    url = reverse(f"admin:{queue.model.replace('.', '_')}_changelist")
    return Waiting(queue, count=len(created), since=min(created, default=None), url=f"{url}?{parameters}")


def _model_admin(queue: Queue) -> Any:
    return admin.site.get_model_admin(apps.get_model(queue.model))
