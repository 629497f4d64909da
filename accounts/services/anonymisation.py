"""Erasing a person: what names them goes, money and events stay, under a number that leads to nobody."""

import secrets

from django.contrib.auth.hashers import make_password
from django.utils.translation import gettext_lazy as _

from accounts import erasure
from accounts.emails import NOBODY
from accounts.enums import BACK_OFFICE_ROLES, ApprovalStatus, Role, SessionEnd
from accounts.exceptions import AdministratorsOnly, OwnAccess, StillNeeded
from accounts.models import Account, AccountReview, Approval, OneTimeSecret, SecondFactor, TokenFamily, User
from accounts.selectors import is_anonymous
from accounts.services.accounts import switch_account
from accounts.services.roles import require_other_administrator
from accounts.services.sessions import end_sessions
from accounts.signals import user_anonymised
from common.errors import FieldError, Forbidden
from common.models import IdempotencyKey, Mail
from common.unit_of_work import unit_of_work

# In the place of a reason that somebody typed: that there was one stays.
_ERASED = "…"


def anonymise_user(user: User, *, by: User) -> User:
    """Make the row nobody's and close it for good; nothing happens where it is nobody's already.

    Raises `Forbidden` without `accounts.anonymise_user`, `OwnAccess` for oneself, `AdministratorsOnly` (403) for a
    member of the team, `LastAdministrator` (409), and `StillNeeded` (409), with what is open and what to do about it,
    while a reservation, an appointment, a payment, a refund or an approval of theirs is under way.
    """
    if user.pk == by.pk:
        raise OwnAccess(_("Vous ne pouvez pas effacer votre propre compte."))
    if not by.has_perm("accounts.anonymise_user"):
        raise Forbidden
    with unit_of_work():
        if user.role in BACK_OFFICE_ROLES and not by.is_superuser:
            raise AdministratorsOnly
        if user.role == Role.ADMIN:
            require_other_administrator(user)
        locked = User.objects.select_for_update().get(pk=user.pk)
        if is_anonymous(locked):
            return locked
        still_open = erasure.open_holdings(locked.pk)
        if Approval.objects.filter(beneficiary=locked, status=ApprovalStatus.REQUESTED).exists():
            still_open["approvals"] = str(_("Une approbation en sa faveur attend : faites-la décider, ou retirer."))
        if still_open:
            raise StillNeeded(errors=[FieldError(name, StillNeeded.code, why) for name, why in still_open.items()])
        end_sessions(locked, reason=SessionEnd.ERASED, by=by)
        account = Account.objects.filter(user=locked).first()
        if account is not None:
            switch_account(account, is_active=False, by=by)
        erasure.erase_holdings(locked.pk)
        Mail.objects.filter(to=locked.email).delete()
        _empty(locked)
        Approval.objects.filter(beneficiary=locked).update(reason=_ERASED, note="")
        AccountReview.objects.filter(account__user=locked).exclude(note="").update(note="")
        TokenFamily.objects.filter(user=locked).delete()
        OneTimeSecret.objects.filter(user=locked).delete()
        SecondFactor.objects.filter(user=locked).delete()
        IdempotencyKey.objects.filter(user=locked).delete()
        user_anonymised.send(User, user=locked, by=by)
    return locked


def _empty(user: User) -> None:
    # Nobody can have it already: an address that can be foreseen could be registered beforehand.
    user.email = f"{user.pk}-{secrets.token_hex(16)}@{NOBODY}"
    user.first_name = user.last_name = user.phone = user.bio = ""
    user.password = make_password(None)
    user.role = Role.PATIENT
    user.is_active = user.is_verified = user.is_staff = user.is_superuser = user.mfa_enabled = False
    user.last_login = None
    user.save()
    user.groups.clear()
    user.user_permissions.clear()
