from typing import Any

from django.db.models import Q
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, viewsets

from audit.api.filters import EventFilter
from audit.api.serializers import EventSerializer
from audit.models import Event
from common.api.permissions import NamedPermissions


@extend_schema_view(list=extend_schema(tags=["audit"]))
class EventViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Event]):
    """The whole event log, for those who may read it."""

    serializer_class = EventSerializer
    filterset_class = EventFilter
    permission_classes = [NamedPermissions]
    permission_names = {"list": "audit.view_event"}
    queryset = Event.objects.all()


@extend_schema_view(list=extend_schema(tags=["audit"]))
class MyEventViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Event]):
    """One's own trail: what one did, and what happened to one's user and account."""

    serializer_class = EventSerializer
    filterset_class = EventFilter
    queryset = Event.objects.none()

    def get_queryset(self) -> Any:
        user = self.request.user
        if not user.is_authenticated:
            return Event.objects.none()
        account_id = getattr(getattr(user, "account", None), "pk", None)
        return Event.objects.filter(
            Q(actor_kind="user", actor_id=str(user.pk))
            | Q(entity="user", entity_id=str(user.pk))
            | Q(entity="account", entity_id=str(account_id))
        )
