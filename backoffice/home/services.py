"""Whether the services that the house depends on answer: by what they last said, and by the breaker of this process."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_tasks_db.models import DBTaskResult

from backoffice.health import PATIENCE
from backoffice.home.cards import list_url
from catalog import epg
from common import http
from payments.models import PaymentAttempt
from payments.providers import get_provider
from payments.providers.base import Outcome
from reservations.enums import EpgStatus
from reservations.models import EpgRequest

# Among so many last attempts every provider in use is found.
_LAST = 200
_SILENT = (Outcome.UNKNOWN, Outcome.NOT_REACHED)


@dataclass(frozen=True)
class Service:
    """`state` is one of unfold's: `success`, `warning`, `danger`, or empty where nothing is known yet."""

    name: str
    state: str
    says: Any
    at: datetime | None
    url: str


def services(request: HttpRequest) -> list[Service]:
    """For those who see payments: every gateway, EPG where there is one, and the queue."""
    if not request.user.has_perm("payments.view_payment"):  # type: ignore[union-attr]
        return []
    return [*_gateways(), *([_epg()] if epg.is_on() else []), _queue()]


def _gateways() -> list[Service]:
    last: dict[str, tuple[str, datetime]] = {}
    attempts = PaymentAttempt.objects.order_by("-pk").values_list("provider", "outcome", "updated_at")[:_LAST]
    for name, outcome, at in attempts:
        if outcome and name not in last:
            last[name] = outcome, at
    return [
        _judged(
            name,
            *last.get(name, ("", None)),
            silent=_SILENT,
            url=list_url("payments.paymentattempt", f"provider={name}"),
        )
        for name in settings.PAYMENT_PROVIDERS
        if not get_provider(name).by_hand
    ]


def _epg() -> Service:
    asked = EpgRequest.objects.filter(called_at__isnull=False).order_by("-pk")
    status, at = asked.values_list("status", "updated_at").first() or ("", None)
    return _judged("epg", status, at, silent=(EpgStatus.UNKNOWN,), url=list_url("reservations.epgrequest", ""))


def _judged(name: str, said: str, at: datetime | None, *, silent: tuple[str, ...], url: str) -> Service:
    if http.is_turned_away(name):
        return Service(name, "danger", _("Coupé : trop d'appels sans réponse."), at, url)
    if not said:
        return Service(name, "", _("Pas encore interrogé."), at, url)
    if said in silent:
        return Service(name, "warning", _("N'a pas répondu la dernière fois."), at, url)
    return Service(name, "success", _("A répondu."), at, url)


def _queue() -> Service:
    since = DBTaskResult.objects.ready().order_by("enqueued_at").values_list("enqueued_at", flat=True).first()
    name, url = str(_("File des tâches")), list_url("django_tasks_database.dbtaskresult", "status__exact=READY")
    if since is None:
        return Service(name, "success", _("Rien n'attend."), None, url)
    if since < timezone.now() - PATIENCE:
        return Service(name, "danger", _("Personne ne la vide : démarrez un worker."), since, url)
    return Service(name, "success", _("Une tâche attend."), since, url)
