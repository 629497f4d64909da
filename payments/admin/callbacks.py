from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from common.admin import ReadOnlyAdmin, badge, link, moment, period_filter, text_block
from common.admin.filters import fixed_filter
from common.admin.search import as_uuid
from payments.admin.labels import PROVIDERS, VERDICT_COLOURS, reason_label
from payments.enums import Verdict
from payments.models import CallbackMessage


@admin.register(CallbackMessage)
class CallbackMessageAdmin(ReadOnlyAdmin):
    person_path = "attempt.payment.user_id"
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
        fixed_filter("provider", _("prestataire"), PROVIDERS),
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
        return badge(message.get_verdict_display(), VERDICT_COLOURS.get(Verdict(message.verdict), ""))

    @display(description=_("motif"))
    def reason_shown(self, message: CallbackMessage) -> Any:
        return reason_label(message.reason)

    @display(description=_("corps"))
    def body_shown(self, message: CallbackMessage) -> str:
        text = bytes(message.body).decode(errors="replace")
        return text_block(Truncator(text).chars(10_000))

    def search_condition(self, term: str) -> Q:
        number = as_uuid(term)
        return Q(attempt__reference=number.hex if number else term)
