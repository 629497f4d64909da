"""The queue of what waits for a second pair of eyes."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display
from unfold.enums import ActionVariant

from accounts import approvals
from accounts.enums import ApprovalStatus
from accounts.models import Approval
from accounts.searching import owner_condition
from accounts.services import approvals as deciding
from common.admin import (
    ReadOnlyAdmin,
    ServiceForm,
    badge,
    json_block,
    link,
    moment,
    money,
    period_filter,
    service_action,
)
from common.admin.search import as_uuid
from common.ages import age

WAITS_FOR_ANOTHER = _("La demande attend la décision d'une seconde personne.")

_COLOURS = {
    ApprovalStatus.REQUESTED: "warning",
    ApprovalStatus.APPROVED: "success",
    ApprovalStatus.REFUSED: "danger",
    ApprovalStatus.WITHDRAWN: "info",
}


class NoteForm(ServiceForm):
    note = forms.CharField(label=_("Pourquoi"), max_length=200, required=False)


def _is_open(approval: Approval) -> bool:
    return approval.status == ApprovalStatus.REQUESTED


@admin.register(Approval)
class ApprovalAdmin(ReadOnlyAdmin):
    person_path = "beneficiary_id"
    list_display = (
        moment("created_at", _("demandée le")),
        "waits",
        "kind_shown",
        "person",
        "amount_shown",
        "reason",
        "requested_by",
        "status_badge",
    )
    list_select_related = ("beneficiary", "requested_by")
    list_filter = (("status", ChoicesDropdownFilter), period_filter("created_at"))
    search_fields = ("public_id",)
    search_help_text = _("Numéro, ou e-mail, nom ou téléphone du bénéficiaire")
    empty_hint = _("Ce que l'équipe demande au-delà des montants fixés attend ici la décision d'une seconde personne.")
    fieldsets = (
        (None, {"fields": ("public_id", "kind_shown", "person", "amount_shown", "reason", "status_badge")}),
        (_("Demande"), {"fields": ("requested_by", "created_at", "subject_shown", "parameters_shown")}),
        (_("Décision"), {"fields": ("decided_by", "decided_at", "note")}),
    )
    actions_detail = ("approve", "refuse", "withdraw")

    def has_withdraw_permission(self, request: Any, approval: Any = None) -> bool:
        """One's own request, and no other."""
        return approval is not None and approval.requested_by_id == request.user.pk

    @display(description=_("attend depuis"))
    def waits(self, approval: Approval) -> str:
        return age(approval.created_at) if _is_open(approval) else "–"

    @display(description=_("nature"))
    def kind_shown(self, approval: Approval) -> str:
        return approvals.label_of(approval.kind)

    @display(description=_("bénéficiaire"))
    def person(self, approval: Approval) -> str:
        return approval.beneficiary.email

    @display(description=_("montant"))
    def amount_shown(self, approval: Approval) -> str:
        if approval.currency:
            return money(approval.amount, approval.currency)
        return _("%(credits)+d crédits") % {"credits": approval.amount}

    @display(description=_("objet"))
    def subject_shown(self, approval: Approval) -> str:
        """Leads to what is decided about: an account by its key, what other apps have by its public number."""
        kind, _colon, number = approval.subject.partition(":")
        if kind == "account":
            return link("accounts.account", number, approval.beneficiary.email)
        if kind == "payment":
            return format_html(
                '<a href="{}?q={}" class="text-link">{}</a>',
                reverse("admin:payments_payment_changelist"),
                number,
                number,
            )
        return approval.subject

    @display(description=_("paramètres"))
    def parameters_shown(self, approval: Approval) -> str:
        return json_block(approval.parameters)

    @display(description=_("état"))
    def status_badge(self, approval: Approval) -> str:
        return badge(approval.get_status_display(), _COLOURS[ApprovalStatus(approval.status)])

    def search_condition(self, term: str) -> Q:
        number = as_uuid(term)
        return Q(public_id=number) if number else owner_condition(term, "beneficiary")

    @service_action(
        description=_("Approuver"),
        question=_("Ce qui est demandé est exécuté aussitôt, en votre nom aussi. Cette décision est définitive."),
        done=_("La demande est approuvée et exécutée."),
        permission=deciding.DECIDE,
        offered=_is_open,
        icon="check",
        variant=ActionVariant.PRIMARY,
    )
    def approve(self, request: Any, approval: Approval) -> None:
        deciding.approve(approval, by=request.user)

    @service_action(
        description=_("Refuser"),
        question=_("Rien n'est exécuté. La même chose peut être demandée de nouveau."),
        done=_("La demande est refusée."),
        permission=deciding.DECIDE,
        offered=_is_open,
        form_class=NoteForm,
        icon="close",
        variant=ActionVariant.DANGER,
    )
    def refuse(self, request: Any, approval: Approval, note: str) -> None:
        deciding.refuse(approval, by=request.user, note=note)

    @service_action(
        description=_("Retirer ma demande"),
        question=_("Rien n'est exécuté. La même chose peut être demandée de nouveau."),
        done=_("Votre demande est retirée."),
        permission="withdraw",
        offered=_is_open,
        icon="undo",
    )
    def withdraw(self, request: Any, approval: Approval) -> None:
        deciding.withdraw(approval, by=request.user)
