"""Buying a rate by MyPayGa, and the address that it called back."""

from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.idempotency import CallOutside
from common.api.parsers import MAX_BYTES
from common.context import acting, current
from common.errors import DomainError, NotFound, TooLarge
from common.strict_json import MalformedJson, loads
from common.unit_of_work import unit_of_work
from legacy.errors import detail_of
from legacy.inputs import body
from legacy.repeats import once
from legacy.views.base import ANYONE, SIGNED_IN, LegacyView, caller
from payments.enums import Network, Status
from payments.models import CallbackMessage, Payment
from payments.services import sending, starting
from payments.services.receiving import store_callback
from payments.signals import callback_refused

PROVIDER = "mypayga"
STARTED = "Confirmez le paiement sur votre téléphone"
FAILED = "Le paiement n'a pas pu être lancé"
_NETWORKS = {"AM": Network.AIRTEL, "MM": Network.MOOV, "MC": Network.MOOV}
_MOST_ID = 10**15


class SubscribeView(LegacyView):
    """Ask for the price of a rate, whatever amount the body names. A double click is one payment."""

    who = {"post": SIGNED_IN}
    successor = "/api/v1/payments/"

    @extend_schema(operation_id="legacy_rate_buy", request=None, responses={200: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        given = body(request)
        phone = given.text("client_phone", required=True, most=32)
        rate_id = given.integer("rate_id", required=True, most=_MOST_ID)
        network = given.text("network", most=16)
        given.check()
        user = caller(request)

        def work() -> CallOutside:
            payment = starting.create_payment(
                user,
                purpose="rate",
                purpose_id=str(rate_id),
                provider=PROVIDER,
                phone=phone or "",
                network=_NETWORKS.get((network or "").strip().upper()),
            )
            return CallOutside(provisional=_started(payment), finish=lambda: _started(sending.send(payment)))

        try:
            return once(request, user, work)
        except DomainError as error:
            answer = {"detail": detail_of(error), "message": detail_of(error), "fail_url": _site()}
            headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
            return Response(answer, status=error.status, headers=headers)


def _started(payment: Payment) -> Response:
    """`request_status` is exactly "200" where it is on its way, and missing where it was refused."""
    if payment.status == Status.FAILED:
        return Response({"fail_url": _site(), "message": FAILED})
    return Response(
        {
            "success_url": _site(),
            "message": STARTED,
            "transaction": str(payment.public_id),
            "request_status": "200",
        }
    )


def _site() -> str:
    return str(settings.LEGACY_SITE_URL)


class CallbackView(LegacyView):
    """Where MyPayGa called the old service: taken in like any callback, a hint whom to ask about."""

    who = {"post": ANYONE}
    authentication_classes: list[Any] = []
    successor = "/docs"

    @extend_schema(operation_id="legacy_callback", request=OpenApiTypes.OBJECT, responses={200: OpenApiTypes.OBJECT})
    def post(self, request: Request, rest: str = "") -> Response:
        _require_known()
        raw = request.stream.read(MAX_BYTES + 1) if request.stream is not None else b""
        content_type = request.content_type or ""
        with acting("gateway", PROVIDER, request_id=current().request_id, ip=current().ip):
            if len(raw) > MAX_BYTES:
                _refuse("too_large")
                raise TooLarge
            store_callback(PROVIDER, body=raw, content_type=content_type)
        return _received(_fields(raw, content_type))

    @extend_schema(exclude=True)
    def get(self, request: Request, rest: str = "") -> Response:
        _require_known()
        with acting("gateway", PROVIDER, request_id=current().request_id, ip=current().ip):
            _refuse("get_on_callback")
        raise MethodNotAllowed("GET")

    @property
    def allowed_methods(self) -> list[str]:
        return ["POST", "OPTIONS"]


class ReturnView(CallbackView):
    """Where a browser comes back to; a gateway may post there as well. Nothing is granted for it."""

    who = {"post": ANYONE, "get": ANYONE}

    @extend_schema(exclude=True)
    def get(self, request: Request, rest: str = "") -> Response:
        return _received(request.query_params.dict())

    @extend_schema(exclude=True)
    def post(self, request: Request, rest: str = "") -> Response:
        return super().post(request, rest)

    @property
    def allowed_methods(self) -> list[str]:
        return ["GET", "HEAD", "POST", "OPTIONS"]


def _received(fields: dict[str, Any]) -> Response:
    named = ("request_status", "order_status", "status_request")
    status = next((fields[name] for name in named if fields.get(name) is not None), None)
    return Response({"message": "received", "request_status": status if isinstance(status, str | int) else None})


def _fields(raw: bytes, content_type: str) -> dict[str, Any]:
    """What the answer repeats of a message; one that cannot be read has nothing to repeat."""
    try:
        if content_type.lower().startswith("application/x-www-form-urlencoded"):
            return dict(parse_qsl(raw.decode(), max_num_fields=50))
        value = loads(raw)
    except (MalformedJson, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _refuse(reason: str) -> None:
    with unit_of_work():
        callback_refused.send(CallbackMessage, provider=PROVIDER, reason=reason, message=None)


def _require_known() -> None:
    if PROVIDER not in settings.PAYMENT_PROVIDERS:
        raise NotFound
