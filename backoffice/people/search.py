"""One field that finds whom or what somebody has on the telephone: each list's own search, a few rows of each."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from backoffice.home.cards import list_url
from common.admin import badge, money

MODELS = ("accounts.user", "reservations.reservation", "payments.payment", "payments.refund")
SHOWN = 6
# Shorter, everybody would be found.
SHORTEST = 3


@dataclass(frozen=True)
class Hit:
    title: str
    detail: Any
    state: Any
    url: str


@dataclass(frozen=True)
class Found:
    """`more` is the list with all of them, where these are not all."""

    title: str
    hits: list[Hit]
    more: str


def search(request: HttpRequest, term: str) -> list[Found]:
    """What the term finds in the lists that this person may see."""
    found = []
    for name in MODELS:
        model = apps.get_model(name)
        model_admin: Any = admin.site.get_model_admin(model)
        if not model_admin.has_view_permission(request):
            continue
        rows, _distinct = model_admin.get_search_results(request, model_admin.get_queryset(request), term)
        rows = rows.select_related(*(model_admin.list_select_related or ())).order_by("-pk")
        hits = [_hit(name, row) for row in rows[: SHOWN + 1]]
        if hits:
            more = list_url(name, urlencode({"q": term})) if len(hits) > SHOWN else ""
            found.append(Found(str(model._meta.verbose_name_plural), hits[:SHOWN], more))
    return found


def _hit(name: str, row: Any) -> Hit:
    if name == "accounts.user":
        detail = " · ".join(filter(None, (row.email if row.full_name else "", row.phone)))
        return Hit(row.get_full_name(), detail, badge(row.get_role_display()), reverse("person", args=(row.pk,)))
    url = reverse(f"admin:{name.replace('.', '_')}_change", args=(row.pk,))
    state = badge(row.get_status_display())
    if name == "reservations.reservation":
        return Hit(row.pickup_code, f"{row.user.get_full_name()} · {row.pharmacy.name}", state, url)
    payment = row if name == "payments.payment" else row.payment
    return Hit(payment.label, f"{payment.user.email} · {money(row.amount, row.currency)}", state, url)
