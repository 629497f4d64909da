"""The admin's own entrance: the limits, the rules and the events of the API's."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib import admin
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _
from unfold.forms import AdminOwnPasswordChangeForm, AuthenticationForm

from accounts.exceptions import SecondFactorSetupRequired
from accounts.models import User
from accounts.services.passwords import set_password
from accounts.services.signin import check_credentials, confirm_password
from backoffice.second_factor import ENROLMENT_TOKEN, OtpField, has_passed, mark_passed
from common.errors import DomainError


@contextmanager
def _as_form_error() -> Iterator[None]:
    """Turn a refusal of the services into one that a form shows."""
    try:
        yield
    except SecondFactorSetupRequired:
        raise
    except DomainError as error:
        raise ValidationError(str(error.detail), code=error.code) from error


class SignInForm(AuthenticationForm):
    """Who may open the back office; every refusal stands above the form.

    Whoever has no second factor but needs one is led to the enrolment: `SecondFactorSetupRequired` passes through.
    """

    otp = OtpField(
        label=_("Code"),
        required=False,
        help_text=_(
            "6 chiffres de votre application d'authentification, ou un code de secours. Vide la première fois."
        ),
    )

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        email, password, otp = given.get("username"), given.get("password"), given.get("otp")
        if email and password:
            try:
                with _as_form_error():
                    self.user_cache = check_credentials(
                        email=email, password=password, otp=otp, staff_only=True, request=self.request
                    )
            except SecondFactorSetupRequired as error:
                self.request.session[ENROLMENT_TOKEN] = error.extra["mfa_token"]
                raise
            self.request.passed_second_factor = True
        return given


class OwnPasswordForm(AdminOwnPasswordChangeForm):
    """A new password ends every session of the API; the browser's other ones end by Django's own doing."""

    user: User

    def clean_old_password(self) -> str:
        password: str = self.cleaned_data["old_password"]
        with _as_form_error():
            confirm_password(self.user, password=password)
        return password

    def save(self, commit: bool = True) -> User:
        set_password(self.user, self.cleaned_data["new_password1"], by=self.user)
        return self.user


class OwnPasswordView(PasswordChangeView):
    form_class = OwnPasswordForm
    success_url = reverse_lazy("admin:password_change_done")

    def form_valid(self, form: OwnPasswordForm) -> HttpResponse:
        """This session goes on."""
        had_passed = has_passed(self.request)
        response = super().form_valid(form)
        if had_passed:
            mark_passed(self.request, form.user)
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**admin.site.each_context(self.request), **kwargs)
