"""The admin's own entrance: the limits, the rules and the events of the API's."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib import admin
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import ValidationError
from django.urls import reverse_lazy
from unfold.forms import AdminOwnPasswordChangeForm, AuthenticationForm

from accounts.enums import SessionEnd
from accounts.models import User
from accounts.services.hashing import hash_password
from accounts.services.sessions import end_sessions
from accounts.services.signin import check_credentials, confirm_password
from common.errors import DomainError
from common.unit_of_work import unit_of_work


@contextmanager
def _as_form_error() -> Iterator[None]:
    """Turn a refusal of the services into one that a form shows."""
    try:
        yield
    except DomainError as error:
        raise ValidationError(str(error.detail), code=error.code) from error


class SignInForm(AuthenticationForm):
    """Who may open the back office; every refusal stands above the form."""

    def clean(self) -> dict[str, Any]:
        email, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if email and password:
            with _as_form_error():
                self.user_cache = check_credentials(
                    email=email, password=password, staff_only=True, request=self.request
                )
        return self.cleaned_data


class OwnPasswordForm(AdminOwnPasswordChangeForm):
    """A new password ends every session of the API; the browser's other ones end by Django's own doing."""

    user: User

    def clean_old_password(self) -> str:
        password: str = self.cleaned_data["old_password"]
        with _as_form_error():
            confirm_password(self.user, password=password)
        return password

    def save(self, commit: bool = True) -> User:
        hashed = hash_password(self.cleaned_data["new_password1"])
        with unit_of_work():
            self.user.password = hashed
            self.user.save(update_fields=["password", "updated_at"])
            end_sessions(self.user, reason=SessionEnd.PASSWORD_CHANGED, by=self.user)
        return self.user


class OwnPasswordView(PasswordChangeView):
    form_class = OwnPasswordForm
    success_url = reverse_lazy("admin:password_change_done")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**admin.site.each_context(self.request), **kwargs)
