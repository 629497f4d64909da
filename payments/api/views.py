import hmac
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.parsers import BaseParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.serializers import ApprovalSerializer
from accounts.models import Approval, User
from common.api.idempotency import CallOutside, idempotent
from common.api.negotiation import AnyContent
from common.api.parsers import MAX_BYTES, TooLarge
from common.api.permissions import NamedPermissions
from common.api.serializers import NoBodySerializer
from common.api.throttling import count_anonymous
from common.context import acting, current
from common.errors import NotFound
from common.unit_of_work import unit_of_work
from payments.api import serializers
from payments.models import CallbackMessage, Payment, Refund
from payments.services import asking, counter, refunds, sending, starting
from payments.services.receiving import store_callback
from payments.signals import callback_refused


@extend_schema_view(
    list=extend_schema(tags=["payments"]),
    retrieve=extend_schema(tags=["payments"]),
)
class PaymentViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Payment]):
    """One's own payments."""

    serializer_class = serializers.PaymentSerializer
    lookup_field = "public_id"
    lookup_url_kwarg = "id"
    lookup_value_converter = "uuid"
    queryset = Payment.objects.none()

    def get_queryset(self) -> Any:
        return Payment.objects.filter(user_id=self.request.user.pk)

    @extend_schema(
        tags=["payments"],
        request=serializers.PaymentInputSerializer,
        responses={202: serializers.PaymentSerializer},
        description="Ask the customer for the money. The answer is where to look; the outcome comes later.",
    )
    @idempotent(required=True)
    def create(self, request: Request) -> CallOutside:
        serializer = serializers.PaymentInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        assert isinstance(request.user, User)
        payment = starting.create_payment(
            request.user,
            purpose=given["purpose"],
            purpose_id=given["purpose_id"],
            provider=given["provider"],
            phone=given.get("phone", ""),
            network=given.get("network"),
        )
        return CallOutside(provisional=self._accepted(payment), finish=lambda: self._accepted(sending.send(payment)))

    @extend_schema(
        tags=["payments"],
        request=None,
        responses={200: serializers.PaymentSerializer},
        description="Ask the provider now.",
    )
    @action(detail=True, methods=["post"])
    @idempotent(required=False)
    def refresh(self, request: Request, id: Any) -> CallOutside:
        payment = self.get_object()
        _refuse_body(request)
        return CallOutside(
            provisional=Response(self.get_serializer(payment).data),
            finish=lambda: Response(self.get_serializer(asking.ask(payment.pk)).data),
        )

    @extend_schema(
        tags=["payments"],
        request=None,
        responses={200: serializers.PaymentSerializer},
        description="The money is in the till (provider `counter`): for staff and the pharmacists of that pharmacy.",
    )
    @action(detail=True, methods=["post"])
    @idempotent(required=False)
    def confirm(self, request: Request, id: Any) -> Response:
        payment = Payment.objects.filter(public_id=id).first()
        user = _user(request)
        # Whoever may neither see nor confirm it learns nothing of it.
        if payment is None or not (payment.user_id == user.pk or counter.may_confirm(payment, user)):
            raise NotFound
        _refuse_body(request)
        return Response(self.get_serializer(counter.confirm(payment, by=user)).data)

    def _accepted(self, payment: Payment) -> Response:
        return Response(self.get_serializer(payment).data, status=202)


class RawParser(BaseParser):
    """The body as it came: it is stored before anybody tries to understand it."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> bytes:
        raw: bytes = stream.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise TooLarge
        return raw


class CallbackView(APIView):
    """Where gateways call. Always 200 once stored, whatever it says: refusing means granting nothing."""

    permission_classes = [AllowAny]
    authentication_classes: list[Any] = []
    # Whoever knows the secret is always heard.
    throttle_classes: list[Any] = []
    parser_classes = [RawParser]
    content_negotiation_class = AnyContent

    @property
    def allowed_methods(self) -> list[str]:
        """A GET has a handler only to be noted as an event."""
        return ["POST", "OPTIONS"]

    @extend_schema(
        tags=["payments"],
        operation_id="payments_callback",
        request={"application/json": {"type": "object"}, "application/x-www-form-urlencoded": {"type": "object"}},
        responses={200: serializers.CallbackAnswerSerializer},
    )
    def post(self, request: Request, provider: str, secret: str) -> Response:
        self._require_known(provider, secret)
        with acting("gateway", provider, request_id=current().request_id, ip=current().ip):
            try:
                body = request.data if isinstance(request.data, bytes) else b""
            except TooLarge:
                self._refuse(provider, "too_large")
                raise
            store_callback(provider, body=body, content_type=request.content_type or "")
        return Response({"message": "received"})

    @extend_schema(exclude=True)
    def get(self, request: Request, provider: str, secret: str) -> Response:
        self._require_known(provider, secret)
        with acting("gateway", provider, request_id=current().request_id, ip=current().ip):
            self._refuse(provider, "get_on_callback")
        raise MethodNotAllowed("GET")

    def _refuse(self, provider: str, reason: str) -> None:
        """Nothing is stored, but noted."""
        with unit_of_work():
            callback_refused.send(CallbackMessage, provider=provider, reason=reason, message=None)

    def _require_known(self, provider: str, secret: str) -> None:
        fits = hmac.compare_digest(secret.encode(), settings.PAYMENTS_CALLBACK_TOKEN.encode())
        if provider not in settings.PAYMENT_PROVIDERS or not fits:
            count_anonymous()
            raise NotFound(_("Cette adresse n'existe pas."))


_WAITS = OpenApiResponse(ApprovalSerializer, description="Waits for a second person")


@extend_schema_view(list=extend_schema(tags=["refunds"]), retrieve=extend_schema(tags=["refunds"]))
class RefundViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Refund]):
    """Money to give back, for staff."""

    serializer_class = serializers.RefundSerializer
    permission_classes = [NamedPermissions]
    permission_names = {
        "list": "payments.view_refund",
        "retrieve": "payments.view_refund",
        "create": "payments.add_refund",
        "approve": "payments.change_refund",
        "sent": "payments.change_refund",
        "done": "payments.change_refund",
        "failed": "payments.change_refund",
    }
    lookup_field = "public_id"
    lookup_url_kwarg = "id"
    lookup_value_converter = "uuid"
    queryset = Refund.objects.select_related("payment")

    @extend_schema(
        tags=["refunds"],
        request=serializers.RefundInputSerializer,
        responses={201: serializers.RefundSerializer, 202: _WAITS},
    )
    @idempotent(required=True)
    def create(self, request: Request) -> Response:
        serializer = serializers.RefundInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        payment = Payment.objects.filter(public_id=given["payment"]).first()
        if payment is None:
            raise NotFound
        made = refunds.request_refund(payment, amount=given["amount"], reason=given["reason"], by=_user(request))
        return self._answer(made, status=201)

    @extend_schema(tags=["refunds"], request=None, responses={200: serializers.RefundSerializer, 202: _WAITS})
    @action(detail=True, methods=["post"])
    @idempotent(required=False)
    def approve(self, request: Request, id: Any) -> Response:
        refund = self.get_object()
        _refuse_body(request)
        return self._answer(refunds.approve(refund, by=_user(request)))

    @extend_schema(tags=["refunds"], request=serializers.RefundSentSerializer)
    @action(detail=True, methods=["post"])
    @idempotent(required=False)
    def sent(self, request: Request, id: Any) -> Response:
        refund = self.get_object()
        serializer = serializers.RefundSentSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return self._answer(refunds.mark_sent(refund, by=_user(request), **serializer.validated_data))

    @extend_schema(tags=["refunds"], request=None)
    @action(detail=True, methods=["post"])
    @idempotent(required=False)
    def done(self, request: Request, id: Any) -> Response:
        refund = self.get_object()
        _refuse_body(request)
        return self._answer(refunds.mark_done(refund, by=_user(request)))

    @extend_schema(tags=["refunds"], request=None)
    @action(detail=True, methods=["post"])
    @idempotent(required=False)
    def failed(self, request: Request, id: Any) -> Response:
        refund = self.get_object()
        _refuse_body(request)
        return self._answer(refunds.mark_failed(refund, by=_user(request)))

    def _answer(self, made: Refund | Approval, *, status: int = 200) -> Response:
        if isinstance(made, Approval):
            return Response(ApprovalSerializer(made).data, status=202)
        return Response(self.get_serializer(made).data, status=status)


def _refuse_body(request: Request) -> None:
    """An action without a body refuses every field."""
    NoBodySerializer(data=request.data).is_valid(raise_exception=True)


def _user(request: Request) -> User:
    assert isinstance(request.user, User)
    return request.user
