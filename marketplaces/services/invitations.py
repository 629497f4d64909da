"""Who is asked to become a member answers by a link that is mailed to their address.

Whoever asks learns nothing of who has an account: the answer, and the mail, are the same for every address. Nothing is
kept of an invitation: the link is signed, names merchant, address, rank and who asked, and is good for `LASTS`, as long
as that person owns the merchant and nobody has left it since (`Merchant.invited_since`).
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from django.conf import settings
from django.core import signing
from django.utils import timezone, translation

from accounts.emails import given_address
from accounts.models import User
from accounts.selectors import user_by_email
from common import limits
from common.limits import Limit
from common.mail import send_mail_later
from common.unit_of_work import unit_of_work
from marketplaces.enums import MemberRole
from marketplaces.exceptions import AlreadyMember, InvalidInvitation, InvitationForAnother
from marketplaces.models import Membership, Merchant
from marketplaces.services.locks import lock_active_merchant
from marketplaces.services.members import join
from marketplaces.signals import member_invited
from marketplaces.tenancy import merchant_scope

LASTS = timedelta(days=7)
MAIL = "merchant_invitation"
_SALT = "marketplaces.invitations"
_HOUR = 3600
# Mail to addresses that somebody has typed: nobody is to be pestered by it.
BY_PERSON = Limit("merchant_invitation:by", attempts=20, window=_HOUR)
TO_ADDRESS = Limit("merchant_invitation:to", attempts=5, window=24 * _HOUR)


@dataclass(frozen=True)
class Invitation:
    """What whoever asked is told, whoever has that address."""

    email: str
    role: MemberRole
    expires_at: datetime


def invite(merchant: Merchant, *, email: str, role: MemberRole, by: User) -> Invitation:
    """Mail that address a link by which its owner becomes a member. In the merchant's block.

    Raises `AlreadyMember` (409) for an address that the list of members shows, `EmailReserved` (400), `RateLimited`
    (429).
    """
    address, now = given_address(email), timezone.now()
    with unit_of_work():
        if Membership.objects.filter(user__email=address).exists():
            raise AlreadyMember
        # In the transaction: what is refused has mailed nobody and counts nothing.
        limits.take((BY_PERSON, str(by.pk)), (TO_ADDRESS, address))
        token = signing.dumps([merchant.pk, address, role.value, by.pk, now.timestamp()], salt=_SALT, compress=False)
        known = user_by_email(address)
        language = known.language if known is not None else by.language
        with translation.override(language):
            rank = str(role.label)
        send_mail_later(
            to=address,
            template=MAIL,
            context={
                "merchant": merchant.name,
                "rank": rank,
                "link": f"{settings.MERCHANT_INVITATION_URL}?{urlencode({'token': token})}",
                "days": LASTS.days,
            },
            language=language,
            expires_at=now + LASTS,
        )
        member_invited.send(Membership, merchant_id=merchant.pk, email=address, role=role, by=by)
    return Invitation(address, role, now + LASTS)


def accept(token: str, *, by: User) -> Membership:
    """Become a member by such a link. Begins the merchant's block itself.

    Raises `InvalidInvitation` (400) for one that is over, `InvitationForAnother` (403) for another address than the one
    of `by`, `MerchantInactive` (403), `AlreadyMember` (409).
    """
    try:
        merchant_id, address, role, asked_by, asked_at = signing.loads(token, salt=_SALT, max_age=LASTS)
    except (signing.BadSignature, ValueError) as error:
        raise InvalidInvitation from error
    if by.email != address or not by.is_verified:
        raise InvitationForAnother
    with merchant_scope(merchant_id):
        # Under the row's lock: nobody leaves meanwhile.
        merchant = lock_active_merchant()
        is_over = merchant.invited_since is not None and datetime.fromtimestamp(asked_at, UTC) <= merchant.invited_since
        owners = Membership.objects.filter(role=MemberRole.OWNER, user__is_active=True)
        if is_over or not owners.filter(user_id=asked_by).exists():
            raise InvalidInvitation
        return join(merchant, by, MemberRole(role), by=by)
