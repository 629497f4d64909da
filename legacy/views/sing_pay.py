"""Where a browser came back to from SingPay's page: sent on to the site, and given nothing."""

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from legacy import refusals
from legacy.views.base import ANYONE, LegacyView


class RedirectView(LegacyView):
    """307 to the site. The old service gave the credits of the rate to whoever opened this address."""

    who = {"get": ANYONE}
    authentication_classes: list[Any] = []
    successor = "/api/v1/payments/"

    @extend_schema(exclude=True)
    def get(self, request: Request, rate_id: str, **named: Any) -> HttpResponse:
        refusals.note(request, refusals.SINGPAY_REDIRECT)
        return HttpResponse(status=307, headers={"Location": settings.LEGACY_SITE_URL})
