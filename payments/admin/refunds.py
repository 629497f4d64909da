from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesCheckboxFilter
from unfold.decorators import display
from unfold.enums import ActionVariant

from accounts.admin.approvals import WAITS_FOR_ANOTHER
from accounts.models import Approval
from accounts.searching import owner_condition
from common.admin import ReadOnlyAdmin, ServiceForm, badge, moment, money, period_filter, service_action
from common.admin.search import as_uuid
from payments.admin.labels import REFUND_COLOURS, reason_label
from payments.enums import REFUND_MOVES, RefundStatus
from payments.models import Payment, Refund
from payments.services import refunds

# Of the people that a term names, as many payments are looked at.
_MOST_PAYMENTS = 2_000


class SentForm(ServiceForm):
    external_reference = forms.CharField(
        label=_("Référence chez le prestataire"),
        max_length=100,
        help_text=_("Le numéro que le prestataire a donné au virement."),
    )


@admin.register(Refund)
class RefundAdmin(ReadOnlyAdmin):
    person_path = "payment.user_id"
    list_display = (
        moment("created_at", _("créé le")),
        "payee",
        "payment_label",
        "amount_shown",
        "status_badge",
        "reason_shown",
        "external_reference",
    )
    list_select_related = ("payment__user",)
    list_filter = (("status", ChoicesCheckboxFilter), period_filter("created_at"))
    search_fields = ("public_id",)
    search_help_text = _("Numéro du remboursement ou du paiement, référence, e-mail ou téléphone")
    empty_hint = _(
        "Un remboursement dû apparaît ici de lui-même. Pour en demander un, ouvrez le paiement réussi dont il s'agit."
    )
    fieldsets = (
        (None, {"fields": ("public_id", "amount_shown", "status_badge", "reason_shown", "external_reference")}),
        (_("Paiement d'origine"), {"fields": ("payment", "payee", "phone", "gateway")}),
        (_("Suivi"), {"fields": ("requester", "approver", "created_at", "updated_at")}),
    )
    actions_detail = ("approve", "mark_sent", "mark_done", "mark_failed")

    @display(description=_("bénéficiaire"))
    def payee(self, refund: Refund) -> str:
        return refund.payment.user.email

    @display(description=_("paiement"))
    def payment_label(self, refund: Refund) -> str:
        return refund.payment.label

    @display(description=_("téléphone"))
    def phone(self, refund: Refund) -> str:
        return refund.payment.phone

    @display(description=_("prestataire"))
    def gateway(self, refund: Refund) -> str:
        """The payment's: the refund's own is known once it was sent."""
        return refund.payment.provider

    @display(description=_("montant"))
    def amount_shown(self, refund: Refund) -> str:
        return money(refund.amount, refund.currency)

    @display(description=_("état"))
    def status_badge(self, refund: Refund) -> str:
        return badge(refund.get_status_display(), REFUND_COLOURS[RefundStatus(refund.status)])

    @display(description=_("motif"))
    def reason_shown(self, refund: Refund) -> Any:
        return reason_label(refund.reason)

    @display(description=_("demandé par"))
    def requester(self, refund: Refund) -> Any:
        return refund.requested_by or _("le système")

    @display(description=_("approuvé par"))
    def approver(self, refund: Refund) -> Any:
        return refund.approved_by or "–"

    def search_condition(self, term: str) -> Q:
        number = as_uuid(term)
        if number is not None:
            payments = Payment.objects.filter(public_id=number)
            return Q(public_id=number) | Q(payment__in=list(payments.values_list("pk", flat=True)))
        # Every provider by name: the index begins with it.
        sent = Q(provider__in=[*settings.PAYMENT_PROVIDERS, ""], external_reference=term)
        owned = Payment.objects.filter(owner_condition(term, "user")).values_list("pk", flat=True)
        return sent | Q(payment__in=list(owned[:_MOST_PAYMENTS]))

    @service_action(
        description=_("Approuver"),
        question=_("Le remboursement peut ensuite être exécuté chez le prestataire."),
        done=_("Le remboursement est approuvé : exécutez-le chez le prestataire, puis notez sa référence."),
        permission="payments.change_refund",
        offered=lambda refund: REFUND_MOVES.allows(refund.status, RefundStatus.APPROVED),
        icon="check",
        variant=ActionVariant.PRIMARY,
    )
    def approve(self, request: Any, refund: Refund) -> Any:
        made = refunds.approve(refund, by=request.user)
        return WAITS_FOR_ANOTHER if isinstance(made, Approval) else None

    @service_action(
        description=_("Noter l'envoi"),
        question=_("L'argent a été renvoyé chez le prestataire."),
        done=_("L'envoi est noté."),
        permission="payments.change_refund",
        offered=lambda refund: REFUND_MOVES.allows(refund.status, RefundStatus.SENT),
        form_class=SentForm,
        icon="send",
        variant=ActionVariant.PRIMARY,
    )
    def mark_sent(self, request: Any, refund: Refund, external_reference: str) -> None:
        refunds.mark_sent(refund, external_reference=external_reference, by=request.user)

    @service_action(
        description=_("Noter comme effectué"),
        question=_("Le bénéficiaire a reçu son argent. Cette décision est définitive."),
        done=_("Le remboursement est effectué."),
        permission="payments.change_refund",
        offered=lambda refund: REFUND_MOVES.allows(refund.status, RefundStatus.DONE),
        icon="done_all",
        variant=ActionVariant.PRIMARY,
    )
    def mark_done(self, request: Any, refund: Refund) -> None:
        refunds.mark_done(refund, by=request.user)

    @service_action(
        description=_("Noter comme échoué"),
        question=_("Le virement est revenu : ce qui reste du paiement pourra être redemandé."),
        done=_("Le remboursement est noté comme échoué."),
        permission="payments.change_refund",
        offered=lambda refund: REFUND_MOVES.allows(refund.status, RefundStatus.FAILED),
        icon="error",
        variant=ActionVariant.DANGER,
    )
    def mark_failed(self, request: Any, refund: Refund) -> None:
        refunds.mark_failed(refund, by=request.user)
