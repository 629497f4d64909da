"""Who comes in at the admin's door and who leaves: Django's signals, announced as ours.

Only for requests to the admin: signing in to the API opens no session of Django's.
"""

from typing import Any

from django.conf import settings
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.models import User
from accounts.signals import user_signed_in, user_signed_out
from backoffice.second_factor import mark_passed
from common.context import set_actor
from common.unit_of_work import unit_of_work


@receiver(user_logged_in, dispatch_uid="backoffice.announce_sign_in")
def announce_sign_in(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    if request.path_info.startswith(settings.ADMIN_PATH):
        set_actor("user", user.pk)
        with unit_of_work():
            user_signed_in.send(User, user=user, place="admin")


@receiver(user_logged_in, dispatch_uid="backoffice.mark_second_factor")
def mark_second_factor(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    """The session that is opened now carries what the sign-in form has checked."""
    if getattr(request, "passed_second_factor", False):
        mark_passed(request, user)


@receiver(user_logged_out, dispatch_uid="backoffice.announce_sign_out")
def announce_sign_out(sender: Any, request: HttpRequest, user: User | None, **kwargs: Any) -> None:
    if user is not None and request.path_info.startswith(settings.ADMIN_PATH):
        with unit_of_work():
            user_signed_out.send(User, user=user)
