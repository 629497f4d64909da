"""Prepaid accounts: shown, spent from, switched, given a rate."""

import uuid
from collections.abc import Iterable

from django.conf import settings
from django.db.models import BigIntegerField, QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.emails import NOBODY
from accounts.exceptions import InsufficientCredits
from accounts.models import Account, Rate, User
from accounts.services import ledger
from accounts.services.accounts import switch_account
from accounts.services.corrections import give_rate, spend_for
from legacy import refusals, schema, shapes
from legacy.errors import Malformed, Refused, not_allowed
from legacy.inputs import query
from legacy.views.base import ANYONE, SIGNED_IN, LegacyView, caller, require_self_or

UNKNOWN = "Compte inexistant"
# With its leading blank.
NONE_OF_THEIRS = " Cet utilisateur n'a pas de compte"
NOT_ENOUGH = "Ce compte n'a pas assez de crédit"
UNKNOWN_RATE = "Tarification inexistante"
WAITS = "Ce montant demande l'accord d'une seconde personne : la demande attend dans le back-office"
SPEND_FOR_OTHERS = "accounts.adjust_credits"
_MOST = 10**15
# Of a larger number a statement written by hand, or SQLite of any reference, makes an error.
_MOST_ID = BigIntegerField.MAX_BIGINT


def _accounts() -> QuerySet[Account]:
    return Account.objects.select_related("user", "rate")


def _find(account_id: int) -> Account:
    account = _accounts().filter(pk=account_id).first()
    if account is None:
        raise Refused(404, UNKNOWN)
    return account


def _answer(account: Account) -> Response:
    return Response(shapes.account(account))


class AccountsView(LegacyView):
    """Everybody's accounts, or those of one old role."""

    who = {"get": "accounts.view_account"}
    successor = "/api/v1/accounts/"
    staff: bool | None = None

    @extend_schema(operation_id="legacy_accounts", responses={200: schema.OldAccountSerializer(many=True)})
    def get(self, request: Request) -> Response:
        found = _accounts().exclude(user__email__endswith=f"@{NOBODY}").order_by("pk")
        if self.staff is not None:
            of_staff: Iterable[str] = shapes.STAFF_ROLES
            found = found.filter(user__role__in=of_staff) if self.staff else found.exclude(user__role__in=of_staff)
        return Response([shapes.account(account) for account in found])


class AdminAccountsView(AccountsView):
    staff = True

    @extend_schema(operation_id="legacy_accounts_of_admins", responses={200: schema.OldAccountSerializer(many=True)})
    def get(self, request: Request) -> Response:
        return super().get(request)


class UserAccountsView(AccountsView):
    staff = False

    @extend_schema(operation_id="legacy_accounts_of_users", responses={200: schema.OldAccountSerializer(many=True)})
    def get(self, request: Request) -> Response:
        return super().get(request)


class AccountOfUserView(LegacyView):
    """One person's account. Without a token only under `LEGACY_ANONYMOUS_ACCOUNTS`, and then without a name."""

    who = {"get": SIGNED_IN}
    successor = "/api/v1/account/"

    def needs(self, method: str | None) -> str | None:
        needed = super().needs(method)
        return ANYONE if needed and settings.LEGACY_ANONYMOUS_ACCOUNTS else needed

    @extend_schema(operation_id="legacy_account_of_user", responses={200: schema.OldAccountSerializer})
    def get(self, request: Request, user_id: int) -> Response:
        is_nameless = not request.user.is_authenticated
        if is_nameless and "Authorization" in request.headers:
            raise NotAuthenticated
        if not is_nameless:
            require_self_or(request, user_id, "accounts.view_account")
        account = _accounts().filter(user_id=user_id).first() if user_id <= _MOST_ID else None
        if account is None:
            raise Refused(404, NONE_OF_THEIRS)
        return Response(shapes.account(account, is_nameless=is_nameless))


class SpendView(LegacyView):
    """Take credits: each call counts, two that look the same are two.

    Of somebody else's at most what one member of staff moves alone; above it the approval waits.
    """

    who = {"put": SIGNED_IN}
    successor = "/api/v1/availability/"

    @extend_schema(operation_id="legacy_spend", request=None, responses={200: schema.OldAccountSerializer})
    def put(self, request: Request, account_id: int) -> Response:
        by = caller(request)
        credits = _credits(request, account_id)
        reference, label = f"legacy:{uuid.uuid4()}", _("Consommation de crédits")
        try:
            account = None
            if account_id <= _MOST_ID:
                account = ledger.spend_from(account_id, by.pk, credits, reference=reference, label=label, by=by)
            if account is None:
                other = _other(request, account_id, by)
                if spend_for(other, credits=credits, label=label, by=by) is not None:
                    raise Refused(403, WAITS)
                return _answer(_find(account_id))
        except InsufficientCredits as error:
            refusals.note(request, refusals.INSUFFICIENT, entity="account", entity_id=account_id)
            raise Refused(404, NOT_ENOUGH) from error
        account.user = by
        return _answer(account)


def _other(request: Request, account_id: int, by: User) -> Account:
    """Somebody else's account, for who may spend from it; anybody else is refused, and that is an event."""
    if not by.has_perm(SPEND_FOR_OTHERS):
        refusals.note(request, refusals.NOT_THEIRS, entity="account", entity_id=account_id)
        raise not_allowed()
    return _find(account_id)


def _credits(request: Request, account_id: int) -> int:
    """How many, at least one; an attempt at fewer is an event."""
    given = query(request)
    credits = given.integer("credit", required=True, least=1, most=_MOST)
    try:
        given.check()
    except Malformed:
        refusals.note(request, refusals.NOT_A_SPEND, entity="account", entity_id=account_id)
        raise
    return credits or 0


class GiveRateView(LegacyView):
    """The credits of a rate, given by staff; above the amount for two people the approval waits."""

    who = {"put": "accounts.grant_credits"}
    successor = "/api/v1/accounts/"

    @extend_schema(operation_id="legacy_rate_subscribe", request=None, responses={200: schema.OldAccountSerializer})
    def put(self, request: Request, account_id: int) -> Response:
        given = query(request)
        rate_id = given.integer("rate_id", required=True, most=_MOST)
        given.check()
        account = _find(account_id)
        rate = Rate.objects.filter(pk=rate_id or 0, is_active=True).first()
        if rate is None:
            raise Refused(404, UNKNOWN_RATE)
        if give_rate(account, rate, by=caller(request)) is not None:
            raise Refused(403, WAITS)
        return _answer(_find(account_id))


class SwitchView(LegacyView):
    """Disable or enable an account; what the body says does not matter."""

    who = {"put": "accounts.change_account"}
    successor = "/api/v1/accounts/"
    is_active = False

    @extend_schema(operation_id="legacy_account_disable", request=None, responses={200: schema.OldAccountSerializer})
    def put(self, request: Request, account_id: int) -> Response:
        switch_account(_find(account_id), is_active=self.is_active, by=caller(request))
        return _answer(_find(account_id))


class EnableView(SwitchView):
    is_active = True

    @extend_schema(operation_id="legacy_account_enable", request=None, responses={200: schema.OldAccountSerializer})
    def put(self, request: Request, account_id: int) -> Response:
        return super().put(request, account_id)
