"""The second factor in the admin: what a session must carry, and the page where people enrol.

A session is good if it was opened with a code and nothing has ended the person's sessions since. One from before the
factor, or stolen from before, counts as nobody's.
"""

from typing import Any

import segno
from django import forms
from django.contrib import admin
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.generic import View
from unfold.widgets import BASE_INPUT_CLASSES, UnfoldAdminPasswordWidget

from accounts.api.serializers import MAX_OTP
from accounts.exceptions import SecondFactorEnabled
from accounts.models import User
from accounts.services import second_factor
from accounts.services.signin import confirm_password
from accounts.tokens import MFA, InvalidToken, decode, is_for
from common.context import set_actor
from common.errors import DomainError

ENROLMENT_TOKEN = "mfa_token"
_PASSED = "second_factor"
_REPLACING = "second_factor_replacing"
_GROUP = 4


def mark_passed(request: HttpRequest, user: User) -> None:
    """Remember that this session was opened with a code, for as long as the person's sessions last."""
    if user.mfa_enabled:
        request.session[_PASSED] = user.token_version


def has_passed(request: HttpRequest) -> bool:
    """Whether the session may be used: opened with a code, where its user has a factor or needs one."""
    user = request.user
    if not isinstance(user, User) or not (user.mfa_enabled or second_factor.is_required(user)):
        return True
    return bool(request.session.get(_PASSED) == user.token_version)


class _CodeInput(forms.TextInput):
    def format_value(self, value: Any) -> None:
        """A code that was refused is not shown again: the next one is another."""


class OtpField(forms.CharField):
    """A code of the application, or a recovery code."""

    def __init__(self, **kwargs: Any) -> None:
        attrs = {
            "autocomplete": "one-time-code",
            "autocapitalize": "none",
            "spellcheck": "false",
            "class": " ".join(BASE_INPUT_CLASSES),
        }
        super().__init__(max_length=MAX_OTP, widget=_CodeInput(attrs=attrs), **kwargs)


class FirstCodeForm(forms.Form):
    otp = OtpField(label=_("Code à 6 chiffres que l'application affiche"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["otp"].widget.attrs.update(autofocus="", inputmode="numeric")


class ProofForm(forms.Form):
    password = forms.CharField(
        label=_("Mot de passe"),
        max_length=256,
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "current-password"}),
    )
    otp = OtpField(label=_("Code"), help_text=_("6 chiffres de l'application, ou un code de secours."))


@method_decorator(never_cache, name="dispatch")
class SecondFactorView(View):
    """Enrol, print recovery codes, change the phone.

    Open to whoever is signed in to the admin, and to whoever has just given the right password but has no factor.
    """

    def get(self, request: HttpRequest) -> HttpResponse:
        user = self._user()
        if user is None:
            return self._to_sign_in()
        if user.mfa_enabled and not self._is_replacing(user):
            return self._show_factor(user, ProofForm())
        return self._show_enrolment(user, FirstCodeForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        user = self._user()
        if user is None:
            return self._to_sign_in()
        if user.mfa_enabled and not self._is_replacing(user):
            return self._change(user)
        return self._confirm(user)

    def _user(self) -> User | None:
        if isinstance(self.request.user, User) and admin.site.has_permission(self.request):
            return self.request.user
        try:
            claims = decode(self.request.session.get(ENROLMENT_TOKEN, ""), MFA)
        except InvalidToken:
            return None
        user = User.objects.filter(pk=claims.user_id, is_active=True, mfa_enabled=False).first()
        if user is None or not is_for(claims, user):
            return None
        set_actor("user", user.pk)
        return user

    def _is_replacing(self, user: User) -> bool:
        """Whether password and factor were proved here, for the enrolment that waits: no longer than that lasts."""
        return bool(self.request.session.get(_REPLACING)) and second_factor.is_enrolling(user)

    def _confirm(self, user: User) -> HttpResponse:
        form = FirstCodeForm(self.request.POST)
        if form.is_valid():
            try:
                codes = second_factor.confirm_enrolment(user, otp=form.cleaned_data["otp"], by=user)
            except DomainError as error:
                form.add_error("otp", str(error.detail))
            else:
                return self._welcome(user, codes)
        return self._show_enrolment(user, form)

    def _welcome(self, user: User, codes: list[str]) -> HttpResponse:
        """Password and code were right just now: that is a sign-in, where there was none."""
        self.request.session.pop(_REPLACING, None)
        self.request.session.pop(ENROLMENT_TOKEN, None)
        if self.request.user.is_authenticated:
            # Who copied the cookie before has nothing now.
            self.request.session.cycle_key()
        else:
            login(self.request, user)
        mark_passed(self.request, user)
        return self._show_codes(codes)

    def _change(self, user: User) -> HttpResponse:
        form = ProofForm(self.request.POST)
        if form.is_valid() and self._is_proved(user, form):
            if "replace" in self.request.POST:
                second_factor.start_enrolment(user, is_proved=True)
                self.request.session[_REPLACING] = True
                return redirect("second_factor")
            return self._show_codes(second_factor.renew_recovery_codes(user, by=user))
        return self._show_factor(user, form)

    def _is_proved(self, user: User, form: ProofForm) -> bool:
        try:
            confirm_password(user, password=form.cleaned_data["password"])
        except DomainError as error:
            form.add_error("password", str(error.detail))
            return False
        try:
            second_factor.confirm_second_factor(user, otp=form.cleaned_data["otp"])
        except DomainError as error:
            form.add_error("otp", str(error.detail))
            return False
        return True

    def _show_enrolment(self, user: User, form: FirstCodeForm) -> HttpResponse:
        try:
            enrolment = second_factor.resume_enrolment(user)
        except SecondFactorEnabled:
            # In another browser, just now.
            return redirect("second_factor")
        secret = " ".join(enrolment.secret[at : at + _GROUP] for at in range(0, len(enrolment.secret), _GROUP))
        return self._page(
            "enrol", title=_("Enregistrez votre second facteur"), form=form, secret=secret, picture=_picture(enrolment)
        )

    def _show_factor(self, user: User, form: ProofForm) -> HttpResponse:
        return self._page(
            "factor", title=_("Second facteur"), form=form, codes_left=second_factor.recovery_codes_left(user)
        )

    def _show_codes(self, codes: list[str]) -> HttpResponse:
        return self._page("codes", title=_("Vos codes de secours"), codes=codes)

    def _page(self, step: str, **context: Any) -> HttpResponse:
        site = admin.site.each_context(self.request)
        return render(self.request, "admin/second_factor.html", {**site, "step": step, **context})

    def _to_sign_in(self) -> HttpResponse:
        return redirect(f"{reverse('admin:login')}?next={reverse('second_factor')}")


def _picture(enrolment: second_factor.Enrolment) -> SafeString:
    """The QR code as SVG: black on white in every theme, or phones do not see it."""
    drawn = segno.make(enrolment.otpauth_uri, error="m").svg_inline(
        scale=5, border=4, light="white", title=str(_("Code QR pour l'application d'authentification"))
    )
    return mark_safe(drawn)  # noqa: S308  (segno escapes the title, the address is in the modules only)
