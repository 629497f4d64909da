import uuid

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.idempotency import idempotent
from common.api.problems import CONTENT_TYPE
from common.api.schema import ProblemSerializer
from common.api.serializers import NoBodySerializer
from common.errors import NotFound
from marketplaces.api import representations, serializers
from marketplaces.api.entering import MerchantViewSet, for_merchant
from marketplaces.enums import MemberRole
from marketplaces.exceptions import RoleInsufficient
from marketplaces.models import Membership
from marketplaces.services.invitations import invite
from marketplaces.services.members import change_role, remove_member


class MemberViewSet(MerchantViewSet):
    """Who may act for a merchant. Every member sees them; owners change them; everybody may leave."""

    serializer_class = serializers.MemberSerializer
    queryset = Membership.objects.none()
    idempotency_headers = ()

    @extend_schema(tags=["marketplaces"], operation_id="members_list")
    @for_merchant(MemberRole.VIEWER, by_path=True)
    def list(self, request: Request, id: uuid.UUID) -> Response:
        page = self.paginate_queryset(Membership.objects.select_related("user"))
        return self.get_paginated_response([representations.member(row) for row in page or ()])

    @extend_schema(
        tags=["marketplaces"],
        operation_id="members_invite",
        request=serializers.MemberInputSerializer,
        responses={202: serializers.InvitationSerializer, (429, CONTENT_TYPE): ProblemSerializer},
    )
    @idempotent(required=False)
    @for_merchant(MemberRole.OWNER, by_path=True)
    def create(self, request: Request, id: uuid.UUID) -> Response:
        """Invite whoever has that address, by mail; the answer is the same for every address."""
        assert self.membership is not None
        serializer = serializers.MemberInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        made = invite(self.membership.merchant, email=given["email"], role=MemberRole(given["role"]), by=self.user)
        return Response(representations.invitation(made), status=202)

    @extend_schema(
        tags=["marketplaces"],
        operation_id="members_change",
        request=serializers.MemberChangeSerializer,
        responses={200: serializers.MemberSerializer},
    )
    @idempotent(required=False)
    @for_merchant(MemberRole.OWNER, by_path=True)
    def partial_update(self, request: Request, id: uuid.UUID, member: int) -> Response:
        serializer = serializers.MemberChangeSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        role = MemberRole(serializer.validated_data["role"])
        return Response(representations.member(change_role(_member(member), role, by=self.user)))

    @extend_schema(tags=["marketplaces"], operation_id="members_remove", request=None, responses={204: None})
    @idempotent(required=False)
    @for_merchant(MemberRole.VIEWER, by_path=True)
    def destroy(self, request: Request, id: uuid.UUID, member: int) -> Response:
        """An owner removes anybody; everybody else only themselves."""
        assert self.membership is not None
        NoBodySerializer(data=request.data).is_valid(raise_exception=True)
        if member != self.user.pk and self.membership.role != MemberRole.OWNER:
            raise RoleInsufficient
        remove_member(_member(member), by=self.user)
        return Response(status=204)


def _member(user_id: int) -> Membership:
    membership: Membership | None = Membership.objects.select_related("user").filter(user_id=user_id).first()
    if membership is None:
        raise NotFound
    return membership
