from rest_framework import serializers

from audit.enums import Action
from audit.models import Event


class EventSerializer(serializers.ModelSerializer[Event]):
    action = serializers.ChoiceField(choices=Action.choices)

    class Meta:
        model = Event
        fields = "id occurred_at action entity entity_id actor_id actor_kind request_id amount changes".split()
        read_only_fields = fields
