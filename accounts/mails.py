"""The mails of this app, and those among them that are composed only when they are sent."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings

from accounts.enums import SecretPurpose
from accounts.models import User
from accounts.services import one_time
from common.mail import Composed

CODE_MAIL = "verify_email"
KNOWN_MAIL = "already_registered"
RESET_MAIL = "reset_password"
CHANGED_MAIL = "password_changed"
REPLACED_MAIL = "address_replaced"
FACTOR_MAIL = "second_factor"
INVITATION_MAIL = "invitation"


def code_context(code: str) -> dict[str, Any]:
    """What the template of `CODE_MAIL` is given."""
    return {"code": code, "minutes": _minutes(one_time.CODE_LIFETIME)}


def compose_code(to: str, planned: Composed) -> Composed | None:
    """A code that was issued already, or a new one; nothing for who is unknown, verified or shut out."""
    if planned.context:
        return planned
    user = User.objects.filter(email=to, is_verified=False, is_active=True).first()
    if user is None:
        return None
    code = one_time.issue_code(user, SecretPurpose.VERIFY_EMAIL)
    return Composed(CODE_MAIL, code_context(code), user.language)


def compose_reset(to: str, planned: Composed) -> Composed | None:
    """A link with a new token; nothing for who is unknown or shut out."""
    user = User.objects.filter(email=to, is_active=True).first()
    if user is None:
        return None
    token = one_time.issue_link_token(user, SecretPurpose.RESET_PASSWORD)
    context = {"link": _link(planned, token), "minutes": _minutes(one_time.LINK_LIFETIME)}
    return Composed(RESET_MAIL, context, user.language)


def compose_invitation(to: str, planned: Composed) -> Composed | None:
    """The link on which somebody whom staff have added chooses a password."""
    user = User.objects.filter(email=to, is_active=True).first()
    if user is None:
        return None
    lifetime = one_time.INVITATION_LIFETIME
    token = one_time.issue_link_token(user, SecretPurpose.RESET_PASSWORD, lifetime=lifetime)
    return Composed(INVITATION_MAIL, {"link": _link(planned, token), "days": lifetime.days}, user.language)


def _link(planned: Composed, token: str) -> str:
    """On the page that the request named, where it is another site's."""
    return f"{planned.context.get('page') or settings.PASSWORD_RESET_URL}?{urlencode({'token': token})}"


def _minutes(lifetime: timedelta) -> int:
    return int(lifetime.total_seconds()) // 60
