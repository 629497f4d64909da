"""People, as staff see them."""

from typing import Any

import django_filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.serializers import ProfileSerializer, UserSerializer
from accounts.enums import Role
from accounts.models import User
from accounts.searching import person_condition
from accounts.services.anonymisation import anonymise_user
from accounts.services.profiles import correct_profile
from accounts.services.roles import change_role, switch_user
from common.api.permissions import NamedPermissions
from common.unit_of_work import unit_of_work


class UserFilter(django_filters.FilterSet):
    search = django_filters.CharFilter(
        method="by_search", label="a phone number in any spelling, or the beginning of a name or an e-mail address"
    )
    role = django_filters.ChoiceFilter(choices=Role.choices)
    is_verified = django_filters.BooleanFilter()
    is_active = django_filters.BooleanFilter()

    class Meta:
        model = User
        fields = ["search", "role", "is_verified", "is_active"]

    def by_search(self, queryset: Any, name: str, value: str) -> Any:
        return queryset.filter(person_condition(value.strip()))


class PersonSerializer(UserSerializer):
    """What staff see beside the person's own profile."""

    class Meta(UserSerializer.Meta):
        fields = [*UserSerializer.Meta.fields, "is_active", "last_login"]
        read_only_fields = fields


class PersonChangeSerializer(ProfileSerializer):
    """Role and access need `accounts.manage_access`; the rest `accounts.change_user`."""

    role = serializers.ChoiceField(choices=Role.choices, required=False)
    is_active = serializers.BooleanField(required=False)


@extend_schema_view(
    list=extend_schema(tags=["users"]), retrieve=extend_schema(tags=["users"], responses={200: PersonSerializer})
)
class UserViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[User]):
    """People: found, corrected, given a role, erased."""

    permission_classes = [NamedPermissions]
    permission_names = {
        "list": "accounts.view_user",
        "retrieve": "accounts.view_user",
        "partial_update": "accounts.change_user",
        "destroy": "accounts.anonymise_user",
    }
    serializer_class = PersonSerializer
    filterset_class = UserFilter
    queryset = User.objects.all()
    lookup_url_kwarg = "id"
    lookup_value_converter = "int"

    @extend_schema(tags=["users"], request=PersonChangeSerializer, responses={200: PersonSerializer})
    def partial_update(self, request: Request, id: int) -> Response:
        user, by = self.get_object(), request.user
        assert isinstance(by, User)
        serializer = PersonChangeSerializer(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        given = dict(serializer.validated_data)
        role, is_active = given.pop("role", None), given.pop("is_active", None)
        with unit_of_work():
            if given:
                user = correct_profile(user, by=by, **given)
            if role is not None and role != user.role:
                user = change_role(user, Role(role), by=by)
            if is_active is not None and is_active != user.is_active:
                user = switch_user(user, is_active=is_active, by=by)
        return Response(PersonSerializer(user).data)

    @extend_schema(tags=["users"], responses={204: None})
    def destroy(self, request: Request, id: int) -> Response:
        assert isinstance(request.user, User)
        anonymise_user(self.get_object(), by=request.user)
        return Response(status=204)
