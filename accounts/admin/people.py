"""People: who they are, what they may do."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter
from unfold.decorators import display
from unfold.enums import ActionVariant
from unfold.forms import UserCreationForm
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from accounts.emails import normalize_email, validate_address
from accounts.enums import Duty, Role
from accounts.models import Account, User
from accounts.searching import person_condition
from accounts.selectors import is_anonymous
from accounts.services import duties as staff_duties
from accounts.services import roles
from accounts.services.anonymisation import anonymise_user
from accounts.services.profiles import correct_profile
from accounts.services.resending import resend
from accounts.services.users import create_user
from common.admin import (
    ModelAdmin,
    ServiceForm,
    badge,
    link,
    moment,
    period_filter,
    service_action,
)
from common.phones import InvalidPhone, to_e164

_ROLE_COLOURS = {Role.PHARMACIST: "info", Role.DOCTOR: "info", Role.STAFF: "warning", Role.ADMIN: "danger"}


class _PhoneForm(forms.ModelForm):
    """Takes a phone number as people write it."""

    phone = forms.CharField(
        label=_("Téléphone"),
        max_length=32,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("Dans toutes les écritures, par exemple 077 12 34 56."),
    )

    def clean_phone(self) -> str:
        phone = self.cleaned_data["phone"]
        try:
            return to_e164(phone) if phone else ""
        except InvalidPhone as error:
            raise forms.ValidationError(error.detail, code=error.code) from error


class NewUserForm(_PhoneForm, UserCreationForm):
    class Meta:
        model = User
        fields = ("email", "first_name", "last_name", "phone", "language", "role", "is_verified")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["usable_password"].help_text = _("Sans mot de passe, la personne ne peut pas se connecter.")

    def clean_email(self) -> str:
        validate_address(self.cleaned_data["email"])
        return normalize_email(self.cleaned_data["email"])


class ProfileForm(_PhoneForm):
    class Meta:
        model = User
        fields = ("first_name", "last_name", "phone", "language", "bio")
        widgets = {"bio": UnfoldAdminTextareaWidget(attrs={"rows": 4})}


class RoleForm(ServiceForm):
    role = forms.ChoiceField(label=_("Nouveau rôle"), choices=Role.choices)

    def __init__(self, data: Any = None, *, obj: User, user: User) -> None:
        super().__init__(data, obj=obj, user=user)
        self.fields["role"].initial = obj.role
        self.fields["role"].choices = _roles_given_by(user)


class DutiesForm(ServiceForm):
    duties = forms.MultipleChoiceField(label=_("Fonctions"), choices=Duty.choices, required=False)

    def __init__(self, data: Any = None, *, obj: User, user: User) -> None:
        super().__init__(data, obj=obj, user=user)
        self.fields["duties"].initial = sorted(staff_duties.duties_of(obj))


def _roles_given_by(user: Any) -> list[tuple[str, Any]]:
    refused = set() if user.is_superuser else {Role.ADMIN}
    if not staff_duties.may_give(user, {Duty.GENERAL}):
        refused.add(Role.STAFF)
    return [(role, label) for role, label in Role.choices if role not in refused]


@admin.register(User)
class UserAdmin(ModelAdmin):
    """People. New ones get their account and welcome credits; passwords are never shown, nor set for somebody else."""

    person_path = "pk"
    list_display = (
        "email",
        "full_name",
        "phone",
        "role_badge",
        "is_verified",
        "is_active",
        moment("created_at", _("créé le")),
    )
    list_filter = (
        ("role", ChoicesDropdownFilter),
        ("is_active", BooleanRadioFilter),
        ("is_verified", BooleanRadioFilter),
        period_filter("created_at"),
    )
    search_fields = ("email",)
    search_help_text = _("E-mail, nom ou téléphone")
    sortable_by = ("email",)
    fieldsets = (
        (None, {"fields": ("email", "first_name", "last_name", "phone", "language", "bio")}),
        (
            _("Accès"),
            {
                "fields": (
                    "role_badge",
                    "duties_shown",
                    "is_active",
                    "is_verified",
                    "mfa_enabled",
                    "is_staff",
                    "last_login",
                    "created_at",
                )
            },
        ),
        (_("Crédits"), {"fields": ("account_link", "sheet_link")}),
    )
    add_fieldsets = (
        (None, {"fields": ("email", "first_name", "last_name", "phone", "language", "role", "is_verified")}),
        (_("Mot de passe"), {"fields": ("usable_password", "password1", "password2")}),
    )
    readonly_fields = (
        "email",
        "role_badge",
        "duties_shown",
        "is_active",
        "is_verified",
        "mfa_enabled",
        "is_staff",
        "last_login",
        "created_at",
        "account_link",
        "sheet_link",
    )
    actions_detail = ("change_role", "change_duties", "resend_code", "disable_user", "enable_user", "anonymise_user")

    @display(description=_("nom complet"), empty_value="–")
    def full_name(self, user: User) -> str | None:
        return user.full_name or None

    @display(description=_("rôle"))
    def role_badge(self, user: User) -> str:
        return badge(user.get_role_display(), _ROLE_COLOURS.get(Role(user.role), ""))

    @display(description=_("fonctions"))
    def duties_shown(self, user: User) -> str:
        return ", ".join(str(duty.label) for duty in sorted(staff_duties.duties_of(user))) or "–"

    @display(description=_("compte"))
    def account_link(self, user: User) -> str:
        account = Account.objects.filter(user=user).first()
        if account is None:
            return "–"
        return link("accounts.account", account.pk, _("%(credits)d crédits") % {"credits": account.credit})

    @display(description=_("tout sur une page"))
    def sheet_link(self, user: User) -> str:
        url = reverse("person", args=(user.pk,))
        return format_html('<a href="{}" class="text-link">{}</a>', url, _("Réservations, argent, journal"))

    def search_condition(self, term: str) -> Q:
        return person_condition(term)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        # Otherwise a filter in the address could guess a password's hash letter by letter.
        return not lookup.startswith(("password", "token_version")) and super().lookup_allowed(lookup, value, request)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        return self.readonly_fields if obj else ()

    def get_form(self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any) -> Any:
        kwargs["form"] = ProfileForm if obj else NewUserForm
        form = super().get_form(request, obj, change=change, **kwargs)
        if "role" in form.base_fields:
            form.base_fields["role"].choices = _roles_given_by(request.user)
        return form

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        if obj is not None and is_anonymous(obj):
            return False
        administrators_only = obj is not None and obj.role == Role.ADMIN and not request.user.is_superuser
        return not administrators_only and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False

    def save_model(self, request: Any, obj: User, form: Any, change: bool) -> None:
        given = form.cleaned_data
        if change:
            changes = {name: given[name] for name in form.changed_data}
            correct_profile(User.objects.get(pk=obj.pk), by=request.user, **changes)
            return
        names = ("first_name", "last_name", "phone", "language", "is_verified")
        created = create_user(
            email=given["email"],
            password=given["password1"] or None,
            role=Role(given["role"]),
            by=request.user,
            **{name: given[name] for name in names},
        )
        obj.pk = created.pk

    @service_action(
        description=_("Changer de rôle"),
        question=_("Le rôle décide de ce que la personne peut faire. Elle devra se reconnecter."),
        done=_("Le rôle est changé."),
        permission="accounts.manage_access",
        offered=lambda user: not is_anonymous(user),
        form_class=RoleForm,
        icon="badge",
    )
    def change_role(self, request: Any, user: User, role: str) -> None:
        roles.change_role(user, Role(role), by=request.user)

    @service_action(
        description=_("Fonctions"),
        question=_(
            "Les fonctions décident de ce que ce membre de l'équipe voit et fait, dès sa prochaine page. Sans aucune, "
            "il ne voit rien ; l'audit n'en admet pas d'autre à côté."
        ),
        done=_("Les fonctions sont changées."),
        permission="accounts.manage_access",
        offered=lambda user: user.role == Role.STAFF,
        form_class=DutiesForm,
        icon="assignment_ind",
    )
    def change_duties(self, request: Any, user: User, duties: list[str]) -> None:
        staff_duties.change_duties(user, [Duty(duty) for duty in duties], by=request.user)

    @service_action(
        description=_("Renvoyer le code ou le lien"),
        question=_(
            "Un nouveau code part à l'adresse de la personne si elle n'est pas confirmée, sinon un lien pour choisir "
            "un mot de passe. Un seul e-mail par minute."
        ),
        done=_("L'e-mail est en route."),
        permission="accounts.resend_code",
        offered=lambda user: user.is_active,
        icon="forward_to_inbox",
    )
    def resend_code(self, request: Any, user: User) -> None:
        resend(user, by=request.user)

    @service_action(
        description=_("Désactiver l'utilisateur"),
        question=_("La personne est déconnectée partout et ne peut plus se connecter."),
        done=_("L'utilisateur est désactivé."),
        permission="accounts.manage_access",
        offered=lambda user: user.is_active,
        icon="person_off",
        variant=ActionVariant.DANGER,
    )
    def disable_user(self, request: Any, user: User) -> None:
        roles.switch_user(user, is_active=False, by=request.user)

    @service_action(
        description=_("Réactiver l'utilisateur"),
        question=_("La personne peut de nouveau se connecter."),
        done=_("L'utilisateur est réactivé."),
        permission="accounts.manage_access",
        offered=lambda user: not user.is_active and not is_anonymous(user),
        icon="person_check",
    )
    def enable_user(self, request: Any, user: User) -> None:
        roles.switch_user(user, is_active=True, by=request.user)

    @service_action(
        description=_("Effacer la personne"),
        question=_(
            "Nom, adresse, téléphone et présentation sont effacés pour toujours ; l'argent et le journal restent. "
            "La personne ne pourra plus se connecter."
        ),
        done=_("La personne est effacée."),
        permission="accounts.anonymise_user",
        offered=lambda user: not is_anonymous(user),
        icon="person_remove",
        variant=ActionVariant.DANGER,
    )
    def anonymise_user(self, request: Any, user: User) -> None:
        anonymise_user(user, by=request.user)
