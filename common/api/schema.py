"""OpenAPI: every operation documents its problem answers and, where it reads one, the Idempotency-Key."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers
from rest_framework.permissions import AllowAny

from common.api.problems import CONTENT_TYPE
from common.api.serializers import StrictSerializer


class FieldProblemSerializer(serializers.Serializer[Any]):
    field = serializers.CharField()
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField()
    request_id = serializers.CharField()
    errors = FieldProblemSerializer(many=True, required=False)


class Schema(AutoSchema):
    """Adds what all views share, so that a view only says what is its own."""

    def _handler(self) -> Any:
        return getattr(self.view, getattr(self.view, "action", None) or self.method.lower(), None)

    def get_override_parameters(self) -> list[Any]:
        parameters = [*super().get_override_parameters(), *getattr(self._handler(), "header_parameters", ())]
        required = getattr(self._handler(), "idempotency_required", None)
        if required is not None:
            parameters.append(
                OpenApiParameter(
                    "Idempotency-Key",
                    str,
                    OpenApiParameter.HEADER,
                    required=required,
                    description="1 to 255 visible characters, one per action: a repeat gets the stored answer.",
                )
            )
        return parameters

    def _map_basic_serializer(self, serializer: Any, direction: str) -> dict[str, Any]:
        schema: dict[str, Any] = super()._map_basic_serializer(serializer, direction)
        if isinstance(serializer, StrictSerializer):
            schema["additionalProperties"] = False
        return schema

    def _get_response_bodies(self, direction: str = "response") -> dict[str, Any]:
        responses: dict[str, Any] = super()._get_response_bodies(direction)
        for status in self._problem_statuses():
            responses.setdefault(
                status,
                self._get_response_for_code(
                    OpenApiResponse(ProblemSerializer, description="Problem details (RFC 9457)"),
                    status,
                    media_types=[CONTENT_TYPE],
                ),
            )
        return responses

    def _problem_statuses(self) -> list[str]:
        """What any route of this kind may refuse with: a new one keeps its contract without saying anything."""
        is_unsafe = self.method in ("POST", "PUT", "PATCH", "DELETE")
        is_public = any(isinstance(permission, AllowAny) for permission in self.view.get_permissions())
        statuses = {"400", "406"}
        # A token that is given is read, also where none is needed; and signing in is refused like any other right.
        if self.view.get_authenticators() or is_unsafe:
            statuses |= {"401"}
        if not is_public or is_unsafe:
            statuses |= {"403"}
        # Where secrets can be guessed or phones lit up, whoever is signed in is limited as well.
        if is_public or (is_unsafe and {"auth", "payments"} & set(self.get_tags())):
            statuses |= {"429"}
        if is_unsafe:
            statuses |= {"409", "413", "415"}
        if is_unsafe or "{" in self.path or self._get_paginator() is not None:
            statuses |= {"404"}
        if getattr(self._handler(), "header_parameters", ()):
            statuses |= {"404"}
        if getattr(self._handler(), "idempotency_required", None) is not None:
            statuses |= {"402", "422"}
        # Planned only where passwords are hashed, and where the catalogue may have its own database.
        if (is_unsafe and "auth" in self.get_tags()) or "catalogue" in self.get_tags():
            statuses |= {"503"}
        return sorted(statuses)
