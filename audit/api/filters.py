import django_filters

from audit.enums import Action
from audit.models import Event
from common.api.filters import AwareDateTimeFilter


class EventFilter(django_filters.FilterSet):
    action = django_filters.ChoiceFilter(choices=Action.choices)
    occurred_after = AwareDateTimeFilter(field_name="occurred_at", lookup_expr="gte")
    occurred_before = AwareDateTimeFilter(field_name="occurred_at", lookup_expr="lt")

    class Meta:
        model = Event
        fields = ["action", "entity", "entity_id", "actor_id", "request_id"]
