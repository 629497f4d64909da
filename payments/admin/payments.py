from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesCheckboxFilter, ChoicesDropdownFilter
from unfold.decorators import display
from unfold.enums import ActionVariant

from accounts.admin.approvals import WAITS_FOR_ANOTHER
from accounts.models import Approval
from accounts.searching import owner_condition
from common.admin import (
    ReadOnlyAdmin,
    ReadOnlyInline,
    ServiceForm,
    address,
    badge,
    json_block,
    moment,
    money,
    period_filter,
    service_action,
)
from common.admin.filters import fixed_filter
from common.admin.search import as_uuid, phone_condition
from common.money import MAX_AMOUNT
from payments.admin.attempts import AttemptInline, attempted
from payments.admin.labels import PROVIDERS, PURPOSES, REFUND_COLOURS, STATUS_COLOURS, reason_label
from payments.enums import RefundStatus, Status
from payments.models import Payment, Refund
from payments.providers import get_provider
from payments.services import asking, counter, refunds, reviewing


def _is_by_hand(payment: Payment) -> bool:
    return payment.provider in settings.PAYMENT_PROVIDERS and get_provider(payment.provider).by_hand


_CHECKOUT_PAGE = address("checkout_url", _("page de paiement"))


class RefundInline(ReadOnlyInline):
    model = Refund
    per_page = 10
    fields = ("created_at", "amount_shown", "status_badge", "reason_shown", "external_reference")
    readonly_fields = fields
    show_change_link = True

    @display(description=_("montant"))
    def amount_shown(self, refund: Refund) -> str:
        return money(refund.amount, refund.currency)

    @display(description=_("état"))
    def status_badge(self, refund: Refund) -> str:
        return badge(refund.get_status_display(), REFUND_COLOURS[RefundStatus(refund.status)])

    @display(description=_("motif"))
    def reason_shown(self, refund: Refund) -> Any:
        return reason_label(refund.reason)


class DecisionForm(ServiceForm):
    reason = forms.CharField(
        label=_("Motif"),
        max_length=200,
        required=False,
        help_text=_("Nécessaire au-delà du montant à partir duquel une seconde personne décide."),
    )


class RefundForm(ServiceForm):
    amount = forms.IntegerField(label=_("Montant à rembourser"), min_value=1, max_value=MAX_AMOUNT)
    reason = forms.CharField(label=_("Motif"), max_length=200)

    def __init__(self, data: Any = None, *, obj: Payment, user: Any) -> None:
        super().__init__(data, obj=obj, user=user)
        self.fields["amount"].initial = obj.amount
        self.fields["amount"].help_text = _("En %(currency)s, au plus ce qui reste du paiement.") % {
            "currency": obj.currency
        }


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin):
    person_path = "user_id"
    list_display = (
        moment("created_at", _("créé le")),
        "payer",
        "label",
        "amount_shown",
        "status_badge",
        "reason_shown",
        "provider",
        "network",
        "phone",
    )
    list_select_related = ("user",)
    list_filter = (
        ("status", ChoicesCheckboxFilter),
        fixed_filter("provider", _("prestataire"), PROVIDERS),
        ("network", ChoicesDropdownFilter),
        fixed_filter("purpose", _("objet"), list(PURPOSES.items())),
        period_filter("created_at"),
    )
    search_fields = ("public_id",)
    search_help_text = _("Numéro, référence, e-mail ou téléphone")
    empty_hint = _("Les paiements apparaissent ici dès qu'un patient en demande un.")
    fieldsets = (
        (None, {"fields": ("public_id", "user", "label", "amount_shown", "status_badge", "reason_shown")}),
        (_("Objet"), {"fields": ("purpose_shown", "purpose_id", "terms_shown")}),
        (_("Prestataire"), {"fields": ("provider", "network", "phone", _CHECKOUT_PAGE)}),
        (
            _("Suivi"),
            {"fields": ("created_at", "settled_at", "blocks", "expires_at", "asked", "next_at", "updated_at")},
        ),
    )
    inlines = (AttemptInline, RefundInline)
    actions_detail = ("ask_provider", "confirm_counter", "accept_held", "dismiss_held", "request_refund")

    @display(description=_("payeur"))
    def payer(self, payment: Payment) -> str:
        return payment.user.email

    @display(description=_("montant"))
    def amount_shown(self, payment: Payment) -> str:
        return money(payment.amount, payment.currency)

    @display(description=_("état"))
    def status_badge(self, payment: Payment) -> str:
        return badge(payment.get_status_display(), STATUS_COLOURS.get(Status(payment.status), ""))

    @display(description=_("motif"))
    def reason_shown(self, payment: Payment) -> Any:
        return reason_label(payment.reason)

    @display(description=_("conditions"))
    def terms_shown(self, payment: Payment) -> str:
        return json_block(payment.terms)

    @display(description=_("objet"))
    def purpose_shown(self, payment: Payment) -> Any:
        return PURPOSES.get(payment.purpose, payment.purpose)

    def search_condition(self, term: str) -> Q:
        if "@" in term:
            return owner_condition(term, "user")
        number = as_uuid(term)
        if number is not None:
            return Q(public_id=number) | Q(purpose__in=list(PURPOSES), purpose_id=str(number)) | attempted(term)
        return phone_condition(term, "phone") or attempted(term) | owner_condition(term, "user")

    @service_action(
        description=_("Interroger le prestataire"),
        question=_("Le prestataire est interrogé maintenant ; ce qu'il répond décide du paiement."),
        done=_("Le prestataire a été interrogé."),
        permission="payments.change_payment",
        offered=lambda payment: payment.status in (Status.PENDING, Status.UNKNOWN) and not _is_by_hand(payment),
        icon="sync",
    )
    def ask_provider(self, request: Any, payment: Payment) -> None:
        asking.ask(payment.pk)

    @service_action(
        description=_("Confirmer l'encaissement"),
        question=_("L'argent est dans la caisse de la pharmacie : le patient reçoit ce qu'il a payé. C'est définitif."),
        done=_("L'encaissement est confirmé."),
        permission="payments.change_payment",
        offered=lambda payment: payment.status == Status.PENDING and _is_by_hand(payment),
        icon="point_of_sale",
        variant=ActionVariant.PRIMARY,
    )
    def confirm_counter(self, request: Any, payment: Payment) -> None:
        counter.confirm(payment, by=request.user)

    @service_action(
        description=_("Accepter le paiement"),
        question=_(
            "L'argent est bien arrivé : le patient reçoit ce qu'il a payé, ou un remboursement est noté comme dû. "
            "Cette décision est définitive."
        ),
        done=_("Le paiement est accepté."),
        permission="payments.change_payment",
        offered=lambda payment: payment.status == Status.HELD,
        form_class=DecisionForm,
        icon="check_circle",
        variant=ActionVariant.PRIMARY,
    )
    def accept_held(self, request: Any, payment: Payment, reason: str) -> Any:
        made = reviewing.accept_held(payment, by=request.user, reason=reason)
        return WAITS_FOR_ANOTHER if isinstance(made, Approval) else None

    @service_action(
        description=_("Écarter le paiement"),
        question=_("L'argent n'est jamais arrivé : le paiement est noté comme échoué et rien n'est accordé."),
        done=_("Le paiement est écarté."),
        permission="payments.change_payment",
        offered=lambda payment: payment.status == Status.HELD,
        form_class=DecisionForm,
        icon="cancel",
        variant=ActionVariant.DANGER,
    )
    def dismiss_held(self, request: Any, payment: Payment, reason: str) -> Any:
        made = reviewing.dismiss_held(payment, by=request.user, reason=reason)
        return WAITS_FOR_ANOTHER if isinstance(made, Approval) else None

    @service_action(
        description=_("Demander un remboursement"),
        question=_("Le remboursement devra être approuvé, puis exécuté chez le prestataire."),
        done=_("Le remboursement est demandé."),
        permission="payments.add_refund",
        offered=lambda payment: payment.status == Status.SUCCEEDED,
        form_class=RefundForm,
        icon="undo",
    )
    def request_refund(self, request: Any, payment: Payment, amount: int, reason: str) -> Any:
        made = refunds.request_refund(payment, amount=amount, reason=reason, by=request.user)
        return WAITS_FOR_ANOTHER if isinstance(made, Approval) else None
