import django_filters

from audit.enums import Action
from audit.models import Event


class EventFilter(django_filters.FilterSet):
    action = django_filters.ChoiceFilter(choices=Action.choices)
    occurred_after = django_filters.IsoDateTimeFilter(field_name="occurred_at", lookup_expr="gte")
    occurred_before = django_filters.IsoDateTimeFilter(field_name="occurred_at", lookup_expr="lt")

    class Meta:
        model = Event
        fields = ["action", "entity", "entity_id", "actor_id", "request_id"]
