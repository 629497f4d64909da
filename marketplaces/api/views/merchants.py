import uuid
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.selectors import user_by_email
from catalog.models import Pharmacy
from common.api.idempotency import idempotent
from common.errors import FieldError, Invalid
from marketplaces.api import representations, serializers
from marketplaces.api.entering import MerchantViewSet, for_merchant
from marketplaces.enums import MemberRole
from marketplaces.exceptions import UnknownPerson
from marketplaces.models import Membership, Plan
from marketplaces.services.merchants import create_merchant, update_merchant
from marketplaces.tenancy import person_scope


class MerchantListViewSet(MerchantViewSet):
    """The merchants that one is a member of."""

    serializer_class = serializers.MerchantSerializer
    queryset = Membership.objects.none()
    idempotency_headers = ()

    @extend_schema(tags=["marketplaces"], operation_id="merchants_list")
    def list(self, request: Request) -> Response:
        """Yours, newest first; an empty list says in `meta.hint` what to do."""
        with person_scope(self.user.pk):
            rows = Membership.objects.select_related("merchant__plan", "merchant__pharmacy")
            page = self.paginate_queryset(rows) or []
            response = self.get_paginated_response([representations.merchant(row.merchant, row.role) for row in page])
        if not page:
            response.data["meta"]["hint"] = _(
                "Vous n'êtes membre d'aucun marchand : un propriétaire vous ajoute, ou, pharmacien, ouvrez celui de "
                "votre pharmacie par POST /api/v1/merchants/."
            )
        return response

    @extend_schema(
        tags=["marketplaces"],
        operation_id="merchants_open",
        request=serializers.MerchantInputSerializer,
        responses={201: serializers.MerchantSerializer},
    )
    @idempotent(required=False)
    def create(self, request: Request) -> Response:
        """Open a merchant: staff for anybody, a pharmacist for a pharmacy of theirs."""
        serializer = serializers.MerchantInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        pharmacy = _found(Pharmacy.objects.filter(is_active=True), "pharmacy", given.get("pharmacy"))
        plan = _found(Plan.objects.all(), "plan", given.get("plan"))
        owner = None
        if "owner" in given:
            may_name = self.user.has_perm("marketplaces.add_merchant")
            owner = user_by_email(given["owner"]) if may_name else self.user
            if owner is None or not owner.is_active or not owner.is_verified:
                raise UnknownPerson
        merchant = create_merchant(
            name=given["name"],
            owner=owner,
            pharmacy=pharmacy,
            plan=plan,
            currency=given.get("currency", ""),
            by=self.user,
        )
        role = MemberRole.OWNER.value if (owner or self.user) == self.user else None
        return Response(representations.merchant(merchant, role), status=201)

    @extend_schema(tags=["marketplaces"], operation_id="merchants_retrieve")
    @for_merchant(MemberRole.VIEWER, by_path=True)
    def retrieve(self, request: Request, id: uuid.UUID) -> Response:
        assert self.membership is not None
        return Response(representations.merchant(self.membership.merchant, self.membership.role))

    @extend_schema(
        tags=["marketplaces"],
        operation_id="merchants_rename",
        request=serializers.MerchantChangeSerializer,
        responses={200: serializers.MerchantSerializer},
    )
    @idempotent(required=False)
    @for_merchant(MemberRole.OWNER, by_path=True)
    def partial_update(self, request: Request, id: uuid.UUID) -> Response:
        assert self.membership is not None
        serializer = serializers.MerchantChangeSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        merchant = update_merchant(self.membership.merchant, by=self.user, **serializer.validated_data)
        return Response(representations.merchant(merchant, self.membership.role))


def _found(rows: Any, field: str, code: str | None) -> Any:
    """The row of that code, None where none is named. Raises `Invalid` (400)."""
    row = rows.filter(code=code).first() if code is not None else None
    if row is None and code is not None:
        raise Invalid(errors=[FieldError(field, "unknown", _("Inconnu."))])
    return row
