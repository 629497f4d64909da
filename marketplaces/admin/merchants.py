from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminEmailInputWidget

from accounts.models import User
from accounts.selectors import user_by_email
from common.admin import ModelAdmin, ReadOnlyInline, ServiceForm, link, moment, service_action
from marketplaces.admin.base import CrossingMixin, TenantAdmin
from marketplaces.enums import ON_CHANNEL, Channel, MemberRole
from marketplaces.exceptions import UnknownPerson
from marketplaces.models import Listing, Membership, Merchant
from marketplaces.services.members import add_member, change_role, remove_member
from marketplaces.services.merchants import create_merchant, update_merchant
from marketplaces.tenancy import merchant_scope

_SWITCHED_OFF = _(
    "Désactivé, le marchand quitte tous les canaux et ne publie plus rien ; ses commandes sont encore lues. Réactivé, "
    "ce qui a été retiré pour cela revient. Sur Vinted, c'est au marchand de retirer lui-même ses annonces."
)


class OpeningForm(forms.ModelForm[Merchant]):
    """A merchant with its first owner."""

    owner = forms.EmailField(label=_("e-mail du propriétaire"), widget=UnfoldAdminEmailInputWidget)

    class Meta:
        model = Merchant
        fields = ("name", "pharmacy", "plan", "currency")

    def clean_owner(self) -> User:
        user = user_by_email(self.cleaned_data["owner"])
        if user is None or not user.is_active or not user.is_verified:
            raise forms.ValidationError(UnknownPerson.detail)
        return user


class MemberForm(ServiceForm):
    email = forms.CharField(label=_("e-mail"), max_length=254)
    role = forms.ChoiceField(label=_("rôle"), choices=MemberRole.choices)


class RoleForm(ServiceForm):
    role = forms.ChoiceField(
        label=_("rôle"), choices=[*MemberRole.choices, ("", _("aucun : la personne n'est plus membre"))], required=False
    )


class MemberInline(ReadOnlyInline):
    model = Membership
    fields = ("person", "role", moment("created_at", _("membre depuis")))
    readonly_fields = fields
    verbose_name_plural = _("membres")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("user")

    @display(description=_("utilisateur"))
    def person(self, member: Membership) -> str:
        return link("marketplaces.membership", member.pk, member.user.get_full_name() or member.user.email)


@admin.register(Merchant)
class MerchantAdmin(CrossingMixin, ModelAdmin):
    """Who sells. Opened here for anybody; pharmacists open their own pharmacy's over the API."""

    list_display = ("name", "pharmacy", "plan", "currency", "is_active", moment("created_at", _("ouvert le")))
    list_select_related = ("pharmacy", "plan")
    list_filter = (("is_active", BooleanRadioFilter),)
    search_fields = ("name",)
    search_help_text = _("Début du nom")
    ordering = ("-pk",)
    autocomplete_fields = ("pharmacy",)
    fields = ("name", "pharmacy", "plan", "currency", "is_active", "on_channels")
    inlines = (MemberInline,)
    actions_detail = ("add_a_member",)
    empty_hint = _("Ouvrez un premier marchand avec l'e-mail de son propriétaire.")

    def search_condition(self, term: str) -> Q:
        return Q(name__istartswith=term)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        own = {"help_texts": {"is_active": _SWITCHED_OFF}} if obj else {"form": OpeningForm}
        return super().get_form(request, obj, change, **{**kwargs, **own})

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields if obj else ("name", "owner", "pharmacy", "plan", "currency")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("pharmacy", "currency", "on_channels") if obj else ()

    @display(description=_("encore sur les canaux"))
    def on_channels(self, merchant: Merchant) -> str:
        rows = Listing.objects.filter(merchant_id=merchant.pk, state__in=ON_CHANNEL).values("channel")
        counts = rows.annotate(number=Count("id")).order_by("channel")
        return " · ".join(f"{Channel(row['channel']).label} : {row['number']}" for row in counts) or "–"

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: Any, obj: Merchant, form: Any, change: bool) -> None:
        if not change:
            given = {name: form.cleaned_data[name] for name in ("name", "owner", "pharmacy", "plan", "currency")}
            made = create_merchant(**given, by=request.user)
            obj.pk, obj.public_id = made.pk, made.public_id
            return
        with merchant_scope(obj.pk):
            update_merchant(obj, name=obj.name, is_active=obj.is_active, plan=obj.plan, by=request.user)

    @service_action(
        description=_("Ajouter un membre"),
        question=_("La personne a un compte vérifié à cette adresse."),
        done=_("La personne est membre."),
        permission="marketplaces.change_merchant",
        offered=lambda merchant: merchant.is_active,
        form_class=MemberForm,
        icon="person_add",
    )
    def add_a_member(self, request: Any, merchant: Merchant, *, email: str, role: str) -> None:
        with merchant_scope(merchant.pk):
            add_member(merchant, email=email, role=MemberRole(role), by=request.user)


@admin.register(Membership)
class MembershipAdmin(TenantAdmin):
    """Who may act for whom."""

    person_path = "user_id"
    list_display = ("user", "merchant", "role", moment("created_at", _("membre depuis")))
    list_select_related = ("user", "merchant")
    list_filter = (("role", ChoicesDropdownFilter),)
    fields = ("user", "merchant", "role", "created_at", "updated_at")
    actions_detail = ("set_role",)

    @service_action(
        description=_("Changer le rôle"),
        question=_("Un propriétaire décide des membres, un éditeur des articles ; un lecteur regarde."),
        done=_("C'est fait."),
        permission="marketplaces.change_merchant",
        offered=lambda member: True,
        form_class=RoleForm,
        icon="badge",
    )
    def set_role(self, request: Any, member: Membership, *, role: str) -> None:
        with merchant_scope(member.merchant_id):
            if role:
                change_role(member, MemberRole(role), by=request.user)
            else:
                remove_member(member, by=request.user)
