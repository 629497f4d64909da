"""Staff help somebody who waits for a mail: it goes to the person's own address, and staff never see what it says."""

from accounts.models import User
from accounts.services.passwords import request_reset
from accounts.services.registration import resend_code
from accounts.signals import code_resent
from common.errors import Forbidden
from common.states import IllegalMove
from common.unit_of_work import unit_of_work


def resend(user: User, *, by: User) -> None:
    """Mail a new code while the address is not verified, afterwards a link to a new password; at most one a minute.

    Raises `Forbidden` (403) without `accounts.resend_code`, `IllegalMove` (409) for somebody who may not sign in.
    """
    if not by.has_perm("accounts.resend_code"):
        raise Forbidden
    if not user.is_active:
        raise IllegalMove
    with unit_of_work():
        send = request_reset if user.is_verified else resend_code
        send(user.email)
        code_resent.send(User, user=user, kind="link" if user.is_verified else "code", by=by)
