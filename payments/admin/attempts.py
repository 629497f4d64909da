from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from common.admin import ReadOnlyAdmin, ReadOnlyInline, json_block, moment, period_filter
from common.admin.filters import fixed_filter
from common.admin.search import as_uuid
from payments.admin.labels import OUTCOMES, PROVIDERS
from payments.models import PaymentAttempt


def attempt_condition(term: str) -> Q:
    """Attempts with this reference, ours or the gateway's; both have an index, the gateway's by its name."""
    number = as_uuid(term)
    reference = number.hex if number else term
    return Q(reference=reference) | Q(provider__in=list(settings.PAYMENT_PROVIDERS), provider_id=term)


def attempted(term: str) -> Q:
    """The payments of these attempts.

    Read first: a subquery within OR would make PostgreSQL look at every payment.
    """
    attempts = PaymentAttempt.objects.filter(attempt_condition(term))
    return Q(pk__in=list(attempts.values_list("payment_id", flat=True)[:100]))


class AttemptColumns:
    @display(description=_("issue"))
    def outcome_shown(self, attempt: PaymentAttempt) -> Any:
        return OUTCOMES.get(attempt.outcome, attempt.outcome) or "–"

    @display(description=_("réponse"))
    def response_shown(self, attempt: PaymentAttempt) -> str:
        return json_block(attempt.response)


class AttemptInline(AttemptColumns, ReadOnlyInline):
    model = PaymentAttempt
    per_page = 10
    fields = ("created_at", "reference", "provider_id", "outcome_shown", "response_shown")
    readonly_fields = fields
    show_change_link = True


@admin.register(PaymentAttempt)
class PaymentAttemptAdmin(AttemptColumns, ReadOnlyAdmin):
    person_path = "payment.user_id"
    list_display = (
        moment("created_at", _("créé le")),
        "reference",
        "payment_label",
        "provider",
        "provider_id",
        "outcome_shown",
    )
    list_select_related = ("payment",)
    list_filter = (fixed_filter("provider", _("prestataire"), PROVIDERS), period_filter("created_at"))
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
        return attempt_condition(term)
