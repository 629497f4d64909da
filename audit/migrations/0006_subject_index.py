"""An event is found by what it is about, whatever kind of thing that is, and with all that the same request did.

One index serves an identifier alone and with its kind; built while everybody writes.
"""

from django.db import migrations, models

from common.indexes import AddIndexOnline, RemoveIndexOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("audit", "0005_list_indexes")]

    operations = [
        AddIndexOnline(
            model_name="event",
            index=models.Index(fields=["entity_id", "entity", "-id"], name="event_subject_newest"),
        ),
        AddIndexOnline(
            model_name="event",
            index=models.Index(condition=~models.Q(request_id=""), fields=["request_id"], name="event_request"),
        ),
        RemoveIndexOnline(model_name="event", name="event_entity_newest"),
    ]
