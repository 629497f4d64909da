from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import Q
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesCheckboxFilter, ChoicesDropdownFilter
from unfold.decorators import display
from unfold.enums import ActionVariant

from accounts.admin import person_condition
from common.admin import (
    ReadOnlyAdmin,
    ReadOnlyInline,
    ServiceForm,
    badge,
    json_block,
    link,
    moment,
    money,
    period_filter,
    service_action,
    text_block,
)
from common.admin.filters import fixed_filter
from common.admin.search import as_uuid, phone_condition
from payments.enums import REFUND_MOVES, RefundStatus, Status, Verdict
from payments.models import CallbackMessage, Payment, PaymentAttempt, Refund
from payments.providers.base import Outcome
from payments.services import asking, refunds, reviewing

_PURPOSES = {"rate": _("forfait"), "reservation": _("réservation")}
_PROVIDERS = [(name, name) for name in settings.PAYMENT_PROVIDERS]

_STATUS_COLOURS = {
    Status.SUBMITTING: "info",
    Status.PENDING: "info",
    Status.UNKNOWN: "warning",
    Status.SUCCEEDED: "success",
    Status.FAILED: "danger",
    Status.HELD: "warning",
}
_REFUND_COLOURS = {
    RefundStatus.REQUESTED: "warning",
    RefundStatus.DUE: "warning",
    RefundStatus.APPROVED: "info",
    RefundStatus.SENT: "info",
    RefundStatus.DONE: "success",
    RefundStatus.FAILED: "danger",
}
_VERDICT_COLOURS = {Verdict.WAITING: "warning", Verdict.SETTLED: "success", Verdict.REFUSED: "danger"}

# The codes that services note as a reason, as staff read them; a gateway's own words stay as they are.
_REASONS = {
    "amount_mismatch": _("montant différent de celui demandé"),
    "currency_mismatch": _("devise différente de celle demandée"),
    "declined": _("refusé par le client ou son opérateur"),
    "dismissed_by_staff": _("écarté par l'équipe"),
    "gateway_not_reached": _("prestataire injoignable"),
    "gateway_refused": _("refusé par le prestataire"),
    "gateway_timeout": _("pas de réponse du prestataire à temps"),
    "gateway_unreadable": _("réponse illisible du prestataire"),
    "get_on_callback": _("appel par GET"),
    "interrupted": _("envoi interrompu"),
    "no_balance": _("solde du client insuffisant"),
    "no_answer": _("sans nouvelles du prestataire"),
    "nothing_to_grant": _("payé, mais l'objet n'est plus disponible"),
    "reference_mismatch": _("référence différente de celle envoyée"),
    "reservation_cancelled": _("réservation annulée"),
    "reservation_expired": _("réservation expirée"),
    "reservation_rejected": _("réservation refusée par la pharmacie"),
    "unknown_reference": _("référence inconnue"),
    "unreadable": _("message illisible"),
    "unsigned": _("message sans signature"),
    "wrong_pin": _("code PIN faux"),
    "wrong_signature": _("fausse signature"),
}
_OUTCOMES = {
    Outcome.PENDING: _("en attente du client"),
    Outcome.PAID: _("payé"),
    Outcome.REFUSED: _("refusé"),
    Outcome.UNKNOWN: _("inconnue"),
    Outcome.NOT_REACHED: _("prestataire injoignable"),
}


def _reason(code: str) -> Any:
    return _REASONS.get(code, code) or "–"


def _attempted(term: str) -> Q:
    """The payments whose attempt has this reference, ours or the gateway's; both have an index."""
    attempts = PaymentAttempt.objects.filter(
        Q(reference=term) | Q(provider__in=list(settings.PAYMENT_PROVIDERS), provider_id=term)
    )
    # Read first: a subquery within OR would make PostgreSQL look at every payment.
    return Q(pk__in=list(attempts.values_list("payment_id", flat=True)[:100]))


class _AttemptColumns:
    @display(description=_("issue"))
    def outcome_shown(self, attempt: PaymentAttempt) -> Any:
        return _OUTCOMES.get(attempt.outcome, attempt.outcome) or "–"

    @display(description=_("réponse"))
    def response_shown(self, attempt: PaymentAttempt) -> str:
        return json_block(attempt.response)


class AttemptInline(_AttemptColumns, ReadOnlyInline):
    model = PaymentAttempt
    per_page = 10
    fields = ("created_at", "reference", "provider_id", "outcome_shown", "response_shown")
    readonly_fields = fields
    show_change_link = True


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
        return badge(refund.get_status_display(), _REFUND_COLOURS[RefundStatus(refund.status)])

    @display(description=_("motif"))
    def reason_shown(self, refund: Refund) -> Any:
        return _reason(refund.reason)


class RefundForm(ServiceForm):
    amount = forms.IntegerField(label=_("Montant à rembourser"), min_value=1, max_value=10**12)
    reason = forms.CharField(label=_("Motif"), max_length=200)

    def __init__(self, data: Any = None, *, obj: Payment, user: Any) -> None:
        super().__init__(data, obj=obj, user=user)
        self.fields["amount"].initial = obj.amount
        self.fields["amount"].help_text = _("En %(currency)s, au plus ce qui reste du paiement.") % {
            "currency": obj.currency
        }


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin):
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
        fixed_filter("provider", _("prestataire"), _PROVIDERS),
        ("network", ChoicesDropdownFilter),
        fixed_filter("purpose", _("objet"), list(_PURPOSES.items())),
        period_filter("created_at"),
    )
    search_fields = ("public_id",)
    search_help_text = _("Numéro, référence, e-mail ou téléphone")
    empty_hint = _("Les paiements apparaissent ici dès qu'un patient en demande un.")
    fieldsets = (
        (None, {"fields": ("public_id", "user", "label", "amount_shown", "status_badge", "reason_shown")}),
        (_("Objet"), {"fields": ("purpose_shown", "purpose_id", "terms_shown")}),
        (_("Prestataire"), {"fields": ("provider", "network", "phone", "checkout_url")}),
        (
            _("Suivi"),
            {"fields": ("created_at", "settled_at", "blocks", "expires_at", "asked", "next_at", "updated_at")},
        ),
    )
    inlines = (AttemptInline, RefundInline)
    actions_detail = ("ask_provider", "accept_held", "dismiss_held", "request_refund")

    @display(description=_("payeur"))
    def payer(self, payment: Payment) -> str:
        return payment.user.email

    @display(description=_("montant"))
    def amount_shown(self, payment: Payment) -> str:
        return money(payment.amount, payment.currency)

    @display(description=_("état"))
    def status_badge(self, payment: Payment) -> str:
        return badge(payment.get_status_display(), _STATUS_COLOURS.get(Status(payment.status), ""))

    @display(description=_("motif"))
    def reason_shown(self, payment: Payment) -> Any:
        return _reason(payment.reason)

    @display(description=_("conditions"))
    def terms_shown(self, payment: Payment) -> str:
        return json_block(payment.terms)

    @display(description=_("objet"))
    def purpose_shown(self, payment: Payment) -> Any:
        return _PURPOSES.get(payment.purpose, payment.purpose)

    def search_condition(self, term: str) -> Q:
        number = as_uuid(term)
        if number is not None:
            return Q(public_id=number) | Q(purpose_id=str(number)) | _attempted(number.hex)
        by_phone = phone_condition(term, "phone")
        if by_phone is not None:
            return by_phone
        attempted = _attempted(term)
        return attempted | person_condition(term, "user__") if "@" not in term else person_condition(term, "user__")

    @service_action(
        description=_("Interroger le prestataire"),
        question=_("Le prestataire est interrogé maintenant ; ce qu'il répond décide du paiement."),
        done=_("Le prestataire a été interrogé."),
        permission="payments.change_payment",
        offered=lambda payment: payment.status in (Status.PENDING, Status.UNKNOWN),
        icon="sync",
    )
    def ask_provider(self, request: Any, payment: Payment) -> None:
        asking.ask(payment.pk)

    @service_action(
        description=_("Accepter le paiement"),
        question=_(
            "L'argent est bien arrivé : le patient reçoit ce qu'il a payé, ou un remboursement est noté comme dû. "
            "Cette décision est définitive."
        ),
        done=_("Le paiement est accepté."),
        permission="payments.change_payment",
        offered=lambda payment: payment.status == Status.HELD,
        icon="check_circle",
        variant=ActionVariant.PRIMARY,
    )
    def accept_held(self, request: Any, payment: Payment) -> None:
        reviewing.accept_held(payment, by=request.user)

    @service_action(
        description=_("Écarter le paiement"),
        question=_("L'argent n'est jamais arrivé : le paiement est noté comme échoué et rien n'est accordé."),
        done=_("Le paiement est écarté."),
        permission="payments.change_payment",
        offered=lambda payment: payment.status == Status.HELD,
        icon="cancel",
        variant=ActionVariant.DANGER,
    )
    def dismiss_held(self, request: Any, payment: Payment) -> None:
        reviewing.dismiss_held(payment, by=request.user)

    @service_action(
        description=_("Demander un remboursement"),
        question=_("Le remboursement devra être approuvé, puis exécuté chez le prestataire."),
        done=_("Le remboursement est demandé."),
        permission="payments.add_refund",
        offered=lambda payment: payment.status == Status.SUCCEEDED,
        form_class=RefundForm,
        icon="undo",
    )
    def request_refund(self, request: Any, payment: Payment, amount: int, reason: str) -> None:
        refunds.request_refund(payment, amount=amount, reason=reason, by=request.user)


@admin.register(PaymentAttempt)
class PaymentAttemptAdmin(_AttemptColumns, ReadOnlyAdmin):
    list_display = (
        moment("created_at", _("créé le")),
        "reference",
        "payment_label",
        "provider",
        "provider_id",
        "outcome_shown",
    )
    list_select_related = ("payment",)
    list_filter = (fixed_filter("provider", _("prestataire"), _PROVIDERS), period_filter("created_at"))
    search_fields = ("reference",)
    search_help_text = _("Référence, la nôtre ou celle du prestataire")
    fields = ("payment", "provider", "reference", "provider_id", "outcome_shown", "request_shown", "response_shown")

    @display(description=_("paiement"))
    def payment_label(self, attempt: PaymentAttempt) -> str:
        return str(attempt.payment)

    @display(description=_("demande"))
    def request_shown(self, attempt: PaymentAttempt) -> str:
        return json_block(attempt.request)

    def search_condition(self, term: str) -> Q:
        number = as_uuid(term)
        reference = number.hex if number else term
        return Q(reference=reference) | Q(provider__in=list(settings.PAYMENT_PROVIDERS), provider_id=term)


@admin.register(CallbackMessage)
class CallbackMessageAdmin(ReadOnlyAdmin):
    list_display = (
        moment("created_at", _("créé le")),
        "provider",
        "attempt_reference",
        "verdict_badge",
        "reason_shown",
    )
    list_select_related = ("attempt",)
    list_filter = (
        ("verdict", ChoicesDropdownFilter),
        fixed_filter("provider", _("prestataire"), _PROVIDERS),
        period_filter("created_at"),
    )
    search_fields = ("attempt__reference",)
    search_help_text = _("Référence de la tentative")
    fields = (
        "provider",
        "verdict_badge",
        "reason_shown",
        "attempt",
        "payment",
        "content_type",
        "body_shown",
        "digest",
        "next_at",
        "created_at",
        "updated_at",
    )

    @display(description=_("tentative"))
    def attempt_reference(self, message: CallbackMessage) -> str:
        return message.attempt.reference if message.attempt else "–"

    @display(description=_("paiement"))
    def payment(self, message: CallbackMessage) -> str:
        if message.attempt is None:
            return "–"
        return link("payments.payment", message.attempt.payment_id, message.attempt.payment)

    @display(description=_("suite"))
    def verdict_badge(self, message: CallbackMessage) -> str:
        return badge(message.get_verdict_display(), _VERDICT_COLOURS.get(Verdict(message.verdict), ""))

    @display(description=_("motif"))
    def reason_shown(self, message: CallbackMessage) -> Any:
        return _reason(message.reason)

    @display(description=_("corps"))
    def body_shown(self, message: CallbackMessage) -> str:
        text = bytes(message.body).decode(errors="replace")
        return text_block(Truncator(text).chars(10_000))

    def search_condition(self, term: str) -> Q:
        number = as_uuid(term)
        return Q(attempt__reference=number.hex if number else term)


class SentForm(ServiceForm):
    external_reference = forms.CharField(
        label=_("Référence chez le prestataire"),
        max_length=100,
        help_text=_("Le numéro que le prestataire a donné au virement."),
    )


@admin.register(Refund)
class RefundAdmin(ReadOnlyAdmin):
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
        (_("Paiement d'origine"), {"fields": ("payment", "payee", "phone", "provider")}),
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
    def provider(self, refund: Refund) -> str:
        return refund.payment.provider

    @display(description=_("montant"))
    def amount_shown(self, refund: Refund) -> str:
        return money(refund.amount, refund.currency)

    @display(description=_("état"))
    def status_badge(self, refund: Refund) -> str:
        return badge(refund.get_status_display(), _REFUND_COLOURS[RefundStatus(refund.status)])

    @display(description=_("motif"))
    def reason_shown(self, refund: Refund) -> Any:
        return _reason(refund.reason)

    @display(description=_("demandé par"))
    def requester(self, refund: Refund) -> Any:
        return refund.requested_by or _("le système")

    @display(description=_("approuvé par"))
    def approver(self, refund: Refund) -> Any:
        return refund.approved_by or "–"

    def search_condition(self, term: str) -> Q:
        number = as_uuid(term)
        if number is not None:
            return Q(public_id=number) | Q(payment__public_id=number)
        return Q(external_reference=term) | person_condition(term, "payment__user__")

    @service_action(
        description=_("Approuver"),
        question=_("Le remboursement peut ensuite être exécuté chez le prestataire."),
        done=_("Le remboursement est approuvé : exécutez-le chez le prestataire, puis notez sa référence."),
        permission="payments.change_refund",
        offered=lambda refund: REFUND_MOVES.allows(refund.status, RefundStatus.APPROVED),
        icon="check",
        variant=ActionVariant.PRIMARY,
    )
    def approve(self, request: Any, refund: Refund) -> None:
        refunds.approve(refund, by=request.user)

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
