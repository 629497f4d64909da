"""What the simulated marketplaces share: sellers' consent, tokens, call limits, buyers, one list of listings."""

import math
from abc import abstractmethod
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import urlencode

from .callbacks import Scheduler
from .config import SimulatorConfig
from .faults import Fault, FaultKind, answer_instead
from .limits import CallLimit
from .oauth import Grants, OAuthRefusal, Pair, Token
from .pages import consent_page
from .service import Option, Service
from .wire import (
    Answer,
    BadRequest,
    Headers,
    Request,
    Router,
    answer_html,
    answer_json,
    answer_redirect,
    control_object,
    is_web_url,
    whole_number,
)

DEFAULT_ACCOUNT = "1001"
DAY = 24 * 3600


class NotForSale(Exception):
    """Nobody can buy that: there is no live listing of it, or not as many."""


class Marketplace(Service):
    """A service that acts for sellers who have agreed to it. Accounts are made by the first consent of their name,
    which is a number. `live` is every listing that a buyer could buy from."""

    scopes: ClassVar[frozenset[str]]
    option_table: ClassVar[dict[str, Option]] = {
        "access_seconds": Option(3600.0, None, "life of an access token"),
        "refresh_seconds": Option(90 * DAY * 1.0, None, "life of a refresh token"),
        "calls_per_second": Option(0.0, None, "calls a second before 429; 0 is no limit"),
        "calls_per_day": Option(0.0, None, "calls a day before 429; 0 is no limit"),
    }
    control_routes = Router(
        ("POST", r"/grants", "grant_now"),
        ("POST", r"/expire", "expire_now"),
        ("GET", r"/listings", "list_listings"),
        ("GET", r"/orders", "list_orders"),
        ("POST", r"/orders", "order_now"),
    )

    def __init__(self, config: SimulatorConfig, scheduler: Scheduler):
        super().__init__(config, scheduler)
        self.grants = Grants(self.token_prefix)
        self.limit = CallLimit()

    def token_prefix(self, account: str) -> str:
        """What tokens of an account begin with."""
        return ""

    @abstractmethod
    def listings(self) -> list[dict[str, Any]]:
        """`{account, sku, id, state, live, quantity, price, currency}` for every listing ever made, oldest first."""

    @abstractmethod
    def orders(self) -> list[dict[str, Any]]:
        """Every order with its `account`, oldest first."""

    @abstractmethod
    def buy(self, account: str, sku: str, quantity: int) -> dict[str, Any]:
        """A buyer buys from the live listing of that SKU. Raises NotForSale."""

    @abstractmethod
    def limited(self, seconds: float) -> Answer:
        """The refusal of a call that is one too many; `seconds` until the next may come."""

    @abstractmethod
    def failed(self) -> Answer:
        """An internal error, as the service words it."""

    def answer_instead(self, fault: Fault, request: Request) -> Answer:
        match fault.kind:
            case FaultKind.RATE_LIMIT:
                answer = self.limited(fault.seconds)
            case FaultKind.ERROR_500:
                answer = self.failed()
            case FaultKind.EXPIRED_TOKEN if self.is_token_request(request):
                answer = oauth_refusal(OAuthRefusal("invalid_grant", "the grant has expired or was revoked"))
            case _:
                return answer_instead(fault, self.unauthorised)
        return replace(answer, outcome=f"fault {fault.kind}")

    @abstractmethod
    def is_token_request(self, request: Request) -> bool:
        """Whether a call goes to the token endpoint."""

    def lives(self) -> tuple[float, float]:
        return self.options["access_seconds"], self.options["refresh_seconds"]

    def too_many(self) -> Answer | None:
        """Counts a call of the application; the refusal where it is one too many."""
        for name, seconds in (("calls_per_second", 1), ("calls_per_day", DAY)):
            wait = self.limit.take(name, int(self.options[name]), seconds)
            if wait is not None:
                return self.limited(wait)
        return None

    def consent(self, request: Request, *, client_id: str, needs_challenge: bool) -> Answer:
        """The page on which a seller agrees or not: GET shows it, POST `account, decision=agree|refuse` sends the
        browser back with `code` and `state`, or with `error=access_denied`."""
        asked = request.query if request.method == "GET" else {**request.query, **request.form()}
        error = consent_error(asked, client_id=client_id, scopes=self.scopes, needs_challenge=needs_challenge)
        if error:
            return answer_json(
                400, {"error": "invalid_request", "error_description": error}, outcome=f"refused: {error}"
            )
        if request.method == "GET":
            return answer_html(200, consent_page(self.title, asked, sorted(asked["scope"].split()), DEFAULT_ACCOUNT))
        account = asked.get("account") or DEFAULT_ACCOUNT
        if not (account.isascii() and account.isdigit() and len(account) <= 12):
            return oauth_refusal(OAuthRefusal("invalid_request", "account must be a number"))
        if asked.get("decision") == "agree":
            code = self.grants.authorise(
                account,
                scopes=frozenset(asked["scope"].split()),
                redirect_uri=asked["redirect_uri"],
                challenge=asked["code_challenge"] if needs_challenge else "",
            )
            back, outcome = {"code": code, "state": asked["state"]}, f"account {account} agreed"
        else:
            back, outcome = {"error": "access_denied", "state": asked["state"]}, "refused by the seller"
        joint = "&" if "?" in asked["redirect_uri"] else "?"
        return answer_redirect(f"{asked['redirect_uri']}{joint}{urlencode(back)}", outcome=outcome)

    def permitted(self, request: Request, scope: str) -> Token | None:
        """The token of a call, where it may do what `scope` names."""
        token = self.grants.bearer(request.header("Authorization"))
        return token if token and scope in token.scopes else None

    def grant_now(self, request: Request) -> Answer:
        """Tokens without a browser: `{account?, scopes?}`."""
        data = control_object(request, allowed={"account", "scopes"})
        account = str(data.get("account", DEFAULT_ACCOUNT))
        if not (account.isascii() and account.isdigit()):
            raise BadRequest("account: a number is expected")
        scopes = frozenset(map(str, data.get("scopes") or self.scopes))
        return answer_json(201, token_answer(self.grants.pair(account, scopes, lives=self.lives())))

    def expire_now(self, request: Request) -> Answer:
        """End an account's access tokens, with `refresh` its refresh tokens as well."""
        data = control_object(request, allowed={"account", "refresh"})
        account = str(data.get("account", DEFAULT_ACCOUNT))
        return answer_json(200, {"ended": self.grants.expire(account, refresh=data.get("refresh") is True)})

    def list_listings(self, request: Request) -> Answer:
        """All listings; `?live=true` those that can be bought from, `?sku=` those of one SKU."""
        wanted, live = request.query.get("sku"), request.query.get("live") == "true"
        found = [row for row in self.listings() if (not live or row["live"]) and wanted in (None, row["sku"])]
        return answer_json(200, {"listings": found})

    def list_orders(self, request: Request) -> Answer:
        return answer_json(200, {"orders": self.orders()})

    def order_now(self, request: Request) -> Answer:
        """A buyer buys: `{sku, quantity?, account?}`; 409 where that is not for sale."""
        data = control_object(request, allowed={"sku", "quantity", "account"}, required={"sku"})
        quantity = whole_number(data.get("quantity", 1), name="quantity")
        try:
            order = self.buy(str(data.get("account", "")), str(data["sku"]), quantity)
        except NotForSale as error:
            return answer_json(409, {"error": "not_for_sale", "detail": str(error)})
        return answer_json(201, order)

    def reset(self) -> None:
        with self.lock:
            super().reset()
            self.grants.clear()
            self.limit.clear()


def consent_error(asked: Any, *, client_id: str, scopes: frozenset[str], needs_challenge: bool) -> str | None:
    """Why an authorisation request cannot be shown, None when it can."""
    if asked.get("client_id") != client_id:
        return "client_id is unknown"
    if asked.get("response_type") != "code":
        return "response_type must be code"
    if not is_web_url(asked.get("redirect_uri")):
        return "redirect_uri is missing"
    if not asked.get("state"):
        return "state is missing"
    wanted = set(asked.get("scope", "").split())
    if not wanted or not wanted <= scopes:
        return "scope is missing or unknown"
    if needs_challenge and (asked.get("code_challenge_method") != "S256" or len(asked.get("code_challenge", "")) != 43):
        return "code_challenge with code_challenge_method=S256 is expected"
    return None


def token_answer(pair: Pair) -> dict[str, Any]:
    return {
        "access_token": pair.access_token,
        "expires_in": pair.expires_in,
        "token_type": "Bearer",
        "refresh_token": pair.refresh_token,
    }


def oauth_refusal(refusal: OAuthRefusal, status: int = 400) -> Answer:
    return answer_json(
        status,
        {"error": refusal.error, "error_description": refusal.description},
        outcome=f"refused: {refusal.description}",
    )


def retry_after(seconds: float) -> Headers:
    return (("Retry-After", str(max(1, math.ceil(seconds)))),)
