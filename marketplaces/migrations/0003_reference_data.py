"""Attributes, their ids on the channels, and plans to begin with. Undoing removes nothing: items may point at them."""

from django.db import migrations

from marketplaces.seeds import plant


class Migration(migrations.Migration):
    dependencies = [("marketplaces", "0002_tenant_tables")]

    operations = [migrations.RunPython(plant, migrations.RunPython.noop)]
