"""The queue of accounts that somebody has to look at; `accounts.admin` brings it into the admin."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display
from unfold.enums import ActionVariant

from accounts.enums import ReviewStatus
from accounts.models import AccountReview
from accounts.searching import owner_condition
from accounts.services import reviews
from common.admin import ReadOnlyAdmin, ServiceForm, badge, link, moment, period_filter, service_action

_COLOURS = {ReviewStatus.OPEN: "warning", ReviewStatus.SETTLED: "success"}


class ConclusionForm(ServiceForm):
    note = forms.CharField(label=_("Conclusion"), max_length=200)


@admin.register(AccountReview)
class AccountReviewAdmin(ReadOnlyAdmin):
    person_path = "account.user_id"
    list_display = ("person", "reason", "found", "explained", "status_badge", moment("created_at", _("signalé le")))
    list_select_related = ("account__user",)
    list_filter = (("status", ChoicesDropdownFilter), ("reason", ChoicesDropdownFilter), period_filter("created_at"))
    search_fields = ("account__user__email",)
    search_help_text = _("E-mail, nom ou téléphone du titulaire")
    empty_hint = _("Les comptes repris de l'ancien service dont le solde ne s'explique pas attendent ici un examen.")
    fields = (
        "account_link",
        "reason",
        "found",
        "explained",
        "credit_now",
        "status_badge",
        "note",
        "settled_by",
        "settled_at",
        "created_at",
    )
    actions_detail = ("settle",)

    @display(description=_("titulaire"))
    def person(self, review: AccountReview) -> str:
        return review.account.user.email

    @display(description=_("compte"))
    def account_link(self, review: AccountReview) -> str:
        return link("accounts.account", review.account_id, review.account.user.email)

    @display(description=_("crédits aujourd'hui"))
    def credit_now(self, review: AccountReview) -> int:
        return review.account.credit

    @display(description=_("état"))
    def status_badge(self, review: AccountReview) -> str:
        return badge(review.get_status_display(), _COLOURS[ReviewStatus(review.status)])

    def search_condition(self, term: str) -> Q:
        return owner_condition(term, "account__user")

    @service_action(
        description=_("Classer"),
        question=_("Corrigez d'abord le solde sur la page du compte, s'il le faut : classer ne change aucun crédit."),
        done=_("Le compte est classé."),
        permission=reviews.SETTLE,
        offered=lambda review: review.status == ReviewStatus.OPEN,
        form_class=ConclusionForm,
        icon="check",
        variant=ActionVariant.PRIMARY,
    )
    def settle(self, request: Any, review: AccountReview, note: str) -> None:
        reviews.settle_review(review, note=note, by=request.user)
