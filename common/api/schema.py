"""OpenAPI: every operation documents its problem answers and, where it reads one, the Idempotency-Key."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from common.api.problems import CONTENT_TYPE


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
        parameters = list(super().get_override_parameters())
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
        statuses = {"400", "406"}
        if self.get_auth() and {} not in self.get_auth():
            statuses |= {"401", "403"}
        if self.method in ("POST", "PUT", "PATCH", "DELETE"):
            statuses |= {"409", "413", "415"}
        if "{" in self.path or self.method != "GET":
            statuses.add("404")
        if getattr(self._handler(), "idempotency_required", None) is not None:
            statuses |= {"402", "422"}
        return sorted(statuses)
