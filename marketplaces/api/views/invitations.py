from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.idempotency import idempotent
from marketplaces.api import representations, serializers
from marketplaces.api.entering import MerchantViewSet
from marketplaces.models import Membership
from marketplaces.services.invitations import accept
from marketplaces.tenancy import person_scope


class InvitationViewSet(MerchantViewSet):
    """The link names the merchant: whoever was invited is no member yet."""

    serializer_class = serializers.InvitationAcceptedInputSerializer
    queryset = Membership.objects.none()
    idempotency_headers = ()

    @extend_schema(
        tags=["marketplaces"],
        operation_id="merchants_join",
        request=serializers.InvitationAcceptedInputSerializer,
        responses={200: serializers.MerchantSerializer},
    )
    @idempotent(required=False)
    def create(self, request: Request) -> Response:
        """Become a member by the token of an invitation that was mailed to your address."""
        serializer = serializers.InvitationAcceptedInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        membership = accept(serializer.validated_data["token"], by=self.user)
        with person_scope(self.user.pk):
            mine = Membership.objects.select_related("merchant__plan", "merchant__pharmacy").get(pk=membership.pk)
            return Response(representations.merchant(mine.merchant, mine.role))
