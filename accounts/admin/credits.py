"""Prepaid accounts and the ledger of their credits."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter
from unfold.decorators import display
from unfold.enums import ActionVariant

from accounts.admin.approvals import WAITS_FOR_ANOTHER
from accounts.enums import EntryKind
from accounts.models import Account, CreditEntry, Rate
from accounts.searching import owner_condition
from accounts.services import corrections
from accounts.services.accounts import switch_account
from common.admin import (
    ReadOnlyAdmin,
    ReadOnlyInline,
    ServiceForm,
    badge,
    moment,
    period_filter,
    service_action,
)
from common.admin.search import as_uuid
from common.money import MAX_CREDITS


class CreditsForm(ServiceForm):
    credits = forms.IntegerField(label=_("Crédits"), min_value=-MAX_CREDITS, max_value=MAX_CREDITS)
    reason = forms.CharField(label=_("Motif"), max_length=200, help_text=_("Le titulaire le lit sur son relevé."))


class RateForm(ServiceForm):
    rate = forms.ChoiceField(label=_("Forfait"))

    def __init__(self, data: Any = None, *, obj: Account, user: Any) -> None:
        super().__init__(data, obj=obj, user=user)
        on_sale = Rate.objects.filter(is_active=True)
        self.fields["rate"].choices = [
            (str(rate.pk), _("%(rate)s : %(credits)d crédits") % {"rate": rate.label, "credits": rate.credits})
            for rate in on_sale
        ]

    def clean_rate(self) -> Rate:
        rate: Rate | None = Rate.objects.filter(pk=self.cleaned_data["rate"], is_active=True).first()
        if rate is None:
            raise forms.ValidationError(_("Ce forfait vient d'être retiré."))
        return rate


class _EntryColumns:
    @display(description=_("mouvement"))
    def signed_amount(self, entry: CreditEntry) -> str:
        return badge(f"{entry.amount:+d}", "success" if entry.amount > 0 else "danger")


class EntryInline(_EntryColumns, ReadOnlyInline):
    model = CreditEntry
    per_page = 10
    fields = ("created_at", "kind", "signed_amount", "balance_after", "label")
    readonly_fields = fields
    verbose_name_plural = _("relevé")


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    person_path = "user_id"
    list_display = (
        "holder",
        "full_name",
        "credit",
        "is_active",
        "rate",
        moment("subscribed_at", _("forfait acheté le")),
    )
    list_select_related = ("user", "rate")
    list_filter = (("is_active", BooleanRadioFilter), period_filter("created_at"))
    search_fields = ("user__email",)
    search_help_text = _("E-mail, nom ou téléphone du titulaire")
    fields = ("user", "full_name", "credit", "is_active", "rate", "subscribed_at", "created_at", "updated_at")
    inlines = (EntryInline,)
    actions_detail = ("give_rate", "grant_credits", "adjust_credits", "disable_account", "enable_account")

    @display(description=_("titulaire"))
    def holder(self, account: Account) -> str:
        return account.user.email

    @display(description=_("nom complet"))
    def full_name(self, account: Account) -> str:
        return account.user.full_name or "–"

    def search_condition(self, term: str) -> Q:
        return owner_condition(term, "user")

    @service_action(
        description=_("Désactiver le compte"),
        question=_("Le titulaire garde ses crédits, mais ne peut plus les dépenser."),
        done=_("Le compte est désactivé."),
        permission="accounts.change_account",
        offered=lambda account: account.is_active,
        icon="block",
        variant=ActionVariant.DANGER,
    )
    def disable_account(self, request: Any, account: Account) -> None:
        switch_account(account, is_active=False, by=request.user)

    @service_action(
        description=_("Réactiver le compte"),
        question=_("Le titulaire peut de nouveau dépenser ses crédits."),
        done=_("Le compte est réactivé."),
        permission="accounts.change_account",
        offered=lambda account: not account.is_active,
        icon="check_circle",
    )
    def enable_account(self, request: Any, account: Account) -> None:
        switch_account(account, is_active=True, by=request.user)

    @service_action(
        description=_("Donner un forfait"),
        question=_(
            "Le titulaire reçoit les crédits du forfait sans le payer. Au-delà du montant fixé, une seconde personne "
            "en décide."
        ),
        done=_("Le forfait est donné."),
        permission="accounts.grant_credits",
        offered=lambda account: True,
        form_class=RateForm,
        icon="sell",
    )
    def give_rate(self, request: Any, account: Account, rate: Rate) -> Any:
        waits = corrections.give_rate(account, rate, by=request.user)
        return WAITS_FOR_ANOTHER if waits else None

    @service_action(
        description=_("Offrir des crédits"),
        question=_("Le titulaire reçoit ces crédits. Au-delà du montant fixé, une seconde personne en décide."),
        done=_("Les crédits sont offerts."),
        permission="accounts.grant_credits",
        offered=lambda account: True,
        form_class=CreditsForm,
        icon="redeem",
    )
    def grant_credits(self, request: Any, account: Account, credits: int, reason: str) -> Any:
        waits = corrections.grant_credits(account, credits=credits, reason=reason, by=request.user)
        return WAITS_FOR_ANOTHER if waits else None

    @service_action(
        description=_("Corriger les crédits"),
        question=_(
            "Le solde change d'autant ; un nombre négatif en retire. Au-delà du montant fixé, une seconde personne en "
            "décide."
        ),
        done=_("Le solde est corrigé."),
        permission="accounts.adjust_credits",
        offered=lambda account: True,
        form_class=CreditsForm,
        icon="edit_note",
    )
    def adjust_credits(self, request: Any, account: Account, credits: int, reason: str) -> Any:
        waits = corrections.adjust_credits(account, credits=credits, reason=reason, by=request.user)
        return WAITS_FOR_ANOTHER if waits else None


@admin.register(CreditEntry)
class CreditEntryAdmin(_EntryColumns, ReadOnlyAdmin):
    person_path = "account.user_id"
    list_display = (
        moment("created_at", _("créé le")),
        "holder",
        "kind",
        "signed_amount",
        "balance_after",
        "title",
        "created_by",
    )
    list_select_related = ("account__user", "created_by")
    list_filter = (("kind", ChoicesDropdownFilter), period_filter("created_at"))
    search_fields = ("reference",)
    search_help_text = _("E-mail, nom ou téléphone du titulaire, ou référence")
    fields = ("account", "kind", "signed_amount", "balance_after", "label", "reference", "created_by", "created_at")

    @display(description=_("titulaire"))
    def holder(self, entry: CreditEntry) -> str:
        return entry.account.user.email

    @display(description=_("libellé"))
    def title(self, entry: CreditEntry) -> str:
        return entry.label or "–"

    def search_condition(self, term: str) -> Q:
        number = as_uuid(term)
        if number is None and ":" not in term:
            return owner_condition(term, "account__user")
        references = [f"reservation:{number}", f"payment:{number}"] if number else [term]
        # Every kind by name: the index begins with the kind.
        return Q(kind__in=EntryKind.values, reference__in=references)
