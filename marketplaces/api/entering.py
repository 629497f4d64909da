"""A view's method inside one merchant's block: whoever asks is a member, and of sufficient rank."""

import functools
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from common.errors import Invalid, NotFound
from marketplaces.entrance import entering
from marketplaces.enums import MemberRole
from marketplaces.exceptions import MerchantRequired, NotForSale
from marketplaces.models import Membership
from marketplaces.services import refusals

HEADER = "X-Merchant"
_PARAMETER = OpenApiParameter(
    HEADER,
    uuid.UUID,
    OpenApiParameter.HEADER,
    required=True,
    description="Whose rows are meant: the `id` of one of your merchants (`GET /api/v1/merchants/`).",
)

ViewMethod = Callable[..., Any]


def for_merchant(needed: MemberRole, *, by_path: bool = False) -> Callable[[ViewMethod], Callable[..., Response]]:
    """Run a view's method in the block of the merchant of `X-Merchant`, or of the path's `id`.

    The view then has `membership`. Below `@idempotent`, whose transaction it joins.
    """

    def decorate(method: ViewMethod) -> Callable[..., Response]:
        @functools.wraps(method)
        def wrapper(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
            merchant_id = kwargs["id"] if by_path else _named(request)
            with entering(view.user, merchant_id, needed=needed) as membership:
                view.membership = membership
                response: Response = method(view, request, *args, **kwargs)
                return response

        return wrapper if by_path else names_merchant(wrapper)

    return decorate


def names_merchant(method: ViewMethod) -> ViewMethod:
    """A view's method that reads `X-Merchant`, and enters the block by itself (`MerchantViewSet.block`) where it has
    something to do outside of any."""
    method.header_parameters = (_PARAMETER,)  # type: ignore[attr-defined]
    return method


def _named(request: Request) -> uuid.UUID:
    given = request.headers.get(HEADER, "").strip()
    if not given:
        raise MerchantRequired
    try:
        return uuid.UUID(given)
    except ValueError as error:
        raise Invalid(MerchantRequired.detail, code="invalid_merchant") from error


class MerchantViewSet(viewsets.GenericViewSet[Any]):
    """What the views of a merchant's rows share."""

    idempotency_headers = (HEADER,)
    filter_backends: list[Any] = []
    lookup_field = "public_id"
    lookup_url_kwarg = "id"
    lookup_value_converter = "uuid"
    membership: Membership | None = None

    @property
    def user(self) -> User:
        assert isinstance(self.request.user, User)
        return self.request.user

    @contextmanager
    def block(self, request: Request, needed: MemberRole) -> Iterator[None]:
        """The block of the merchant of `X-Merchant`; raises as `entering` does."""
        with entering(self.user, _named(request), needed=needed) as membership:
            self.membership = membership
            yield

    def handle_exception(self, exc: Exception) -> Response:
        """What the medicine gate refused is an event, which the transaction that tried cannot hold."""
        if isinstance(exc, NotForSale):
            merchant_id = self.membership.merchant_id if self.membership else None
            refusals.announce(exc, merchant_id=merchant_id, by=self.user)
        return super().handle_exception(exc)


def found(rows: Any, public_id: uuid.UUID) -> Any:
    """The row of that public id. Raises `NotFound` (404)."""
    row = rows.filter(public_id=public_id).first()
    if row is None:
        raise NotFound
    return row
