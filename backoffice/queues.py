"""What waits for somebody: each queue with its rows, how many and since when."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.apps import apps
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django_tasks.base import TaskResultStatus

from accounts.enums import ApprovalStatus, ReviewStatus
from backoffice import duty_gaps
from backoffice.waiting import MOST, Waiting
from common.enums import MailState
from marketplaces.enums import DEAD_LETTER, Review
from marketplaces.models import TenantModel
from marketplaces.tenancy import crossing
from payments.admin.labels import reason_label
from payments.enums import RefundStatus
from payments.enums import Status as PaymentStatus
from reservations.enums import EpgTask
from reservations.enums import Status as ReservationStatus


@dataclass(frozen=True)
class Queue:
    """Rows of `model` (`app.model`) in some states (`field`) that somebody should look at.

    `order` is the column whose index also knows the states: the first rows are found without reading the others.
    `since` is the column from which they wait, `answer` what was last heard about a row, `related` what both need.
    `where` and `query` say it for rows that have no column of states: the condition, and the list's filter.
    """

    title: Any
    hint: Any
    icon: str
    model: str
    statuses: Sequence[str] = ()
    order: str = "pk"
    field: str = "status"
    since: str = "created_at"
    answer: Callable[[Any], Any] = lambda row: ""
    related: tuple[str, ...] = ()
    where: Q | None = None
    query: str = ""

    @property
    def name(self) -> str:
        """In addresses; a queue of the same rows in other states has another one."""
        return "-".join((*self.model.split("."), *(str(status).lower() for status in self.statuses)))

    @property
    def model_admin(self) -> Any:
        return admin.site.get_model_admin(apps.get_model(self.model))

    @property
    def list_url(self) -> str:
        """The admin's own list of these rows."""
        query = self.query or urlencode([(f"{self.field}__exact", status) for status in self.statuses])
        return f"{reverse('admin:{}_changelist'.format(self.model.replace('.', '_')))}?{query}"

    def reading(self) -> AbstractContextManager[None]:
        """Around whatever reads `rows`: those of merchants are read by the staff's login."""
        return crossing() if issubclass(apps.get_model(self.model), TenantModel) else nullcontext()

    def rows(self, request: HttpRequest) -> QuerySet[Any]:
        """Those that this person may see, the oldest first."""
        found: QuerySet[Any] = self.model_admin.get_queryset(request)
        condition = Q(**{f"{self.field}__in": self.statuses}) if self.where is None else self.where
        return found.filter(condition).order_by(self.order)


QUEUES = (
    Queue(
        _("Réservations à préparer"),
        _("Mettre les boîtes de côté, ou refuser."),
        "shopping_bag",
        "reservations.reservation",
        (ReservationStatus.REQUESTED, ReservationStatus.CONFIRMED),
        order="expires_at",
        answer=lambda reservation: f"{reservation.user.get_full_name()} · {reservation.pharmacy.name}",
        related=("user", "pharmacy"),
    ),
    Queue(
        _("Réservations à retirer"),
        _("Prêtes au comptoir."),
        "inventory",
        "reservations.reservation",
        (ReservationStatus.READY,),
        order="expires_at",
        answer=lambda reservation: f"{reservation.user.get_full_name()} · {reservation.pharmacy.name}",
        related=("user", "pharmacy"),
    ),
    Queue(
        _("Pharmacies à appeler"),
        _("EPG ne peut pas dire si une réservation existe, ni la libérer : demander à la pharmacie."),
        "phone_in_talk",
        "reservations.epgrequest",
        (EpgTask.RESOLVE, EpgTask.RELEASE, EpgTask.PRICE),
        order="task_since",
        field="task",
        since="task_since",
        answer=lambda request: f"{request.get_task_display()} · {request.answer or '–'}",
        related=("reservation", "pharmacy"),
    ),
    Queue(
        _("Paiements à vérifier"),
        _("Ce que le prestataire dit ne correspond pas : accepter ou écarter."),
        "help",
        "payments.payment",
        (PaymentStatus.HELD,),
        answer=lambda payment: reason_label(payment.reason),
    ),
    Queue(
        _("Paiements à l'issue inconnue"),
        _("Le prestataire n'a pas répondu : l'interroger."),
        "hourglass_empty",
        "payments.payment",
        (PaymentStatus.UNKNOWN,),
        answer=lambda payment: reason_label(payment.reason),
    ),
    Queue(
        _("Demandes à approuver"),
        _("Une seconde personne en décide : approuver ou refuser."),
        "rule",
        "accounts.approval",
        (ApprovalStatus.REQUESTED,),
        answer=lambda approval: approval.reason,
        related=("beneficiary", "requested_by"),
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
        answer=lambda refund: f"{refund.payment.label} · {reason_label(refund.reason)}",
        related=("payment__user",),
    ),
    Queue(
        _("Remboursements à envoyer"),
        _("À exécuter chez le prestataire, puis noter sa référence."),
        "send",
        "payments.refund",
        (RefundStatus.APPROVED,),
        answer=lambda refund: f"{refund.payment.label} · {refund.payment.phone}",
        related=("payment__user",),
    ),
    Queue(
        _("Praticiens à vérifier"),
        _("Inscrits, mais pas encore montrés aux patients : vérifier leur qualité."),
        "verified",
        "appointments.practitioner",
        where=Q(verified_at=None),
        query="verified=no",
        answer=lambda practitioner: (
            practitioner.registration_number if hasattr(practitioner, "registration_number") else ""
        ),
        related=("user",),
    ),
    Queue(
        _("Articles à vérifier"),
        _("Un mot de leur titre fait penser à un médicament : regarder, admettre ou refuser la vente."),
        "fact_check",
        "marketplaces.item",
        (Review.FLAGGED,),
        field="review",
        answer=lambda item: f"{item.merchant} · {', '.join(item.flagged_words)}",
        related=("merchant",),
    ),
    Queue(
        _("Tâches de canaux échouées"),
        _("Refusées par le canal, ou sans réponse trop longtemps : aider le marchand, réessayer ou annuler."),
        "sync_problem",
        "marketplaces.job",
        DEAD_LETTER,
        field="state",
        answer=lambda job: f"{job.merchant} · {job.last_error}",
        related=("merchant",),
    ),
    Queue(
        _("E-mails échoués"),
        _("Leur adresse les refuse, ou le serveur trop longtemps : prévenir la personne autrement."),
        "mark_email_unread",
        "common.mail",
        (MailState.FAILED,),
        order="-pk",
        field="state",
        answer=lambda mail: mail.error,
    ),
    Queue(
        _("Tâches échouées"),
        _("Ce qu'elles devaient faire, le balayage le fait ; leur erreur dit ce qui n'allait pas."),
        "error",
        "django_tasks_database.dbtaskresult",
        (TaskResultStatus.FAILED,),
        order="-enqueued_at",
        since="enqueued_at",
        answer=lambda task: (task.traceback or "").strip().rpartition("\n")[2][:200],
    ),
)


def waiting(request: HttpRequest) -> list[Waiting]:
    """The queues that this person may see, one query each; the gaps in the duty roster take three."""
    queues = [_look(request, queue) for queue in QUEUES if queue.model_admin.has_view_permission(request)]
    return [*queues, *duty_gaps.waiting(request)]


def named(name: str) -> Queue | None:
    return next((queue for queue in QUEUES if queue.name == name), None)


def _look(request: HttpRequest, queue: Queue) -> Waiting:
    """One query for the number and the age."""
    with queue.reading():
        moments = list(queue.rows(request).values_list(queue.since, flat=True)[: MOST + 1])
    return Waiting(queue, len(moments), min(moments, default=None), reverse("queue", args=(queue.name,)))
