from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from legacy import schema
from legacy.views.base import ANYONE, LegacyView, message


class HomeView(LegacyView):
    """The old service's sign of life."""

    who = {"get": ANYONE}
    successor = "/health"

    @extend_schema(operation_id="legacy_home", responses={200: schema.OldMessageSerializer})
    def get(self, request: Request) -> Response:
        return message("Serveur démarré")
