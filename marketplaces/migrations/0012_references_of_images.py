from django.db import migrations

from marketplaces.tenant_tables import rebuilt_table


class Migration(migrations.Migration):

    dependencies = [
        ('marketplaces', '0011_invitations'),
    ]

    # The column of 0004 made SQLite copy the table, without its triggers.
    operations = [rebuilt_table('marketplaces_itemimage', references={'item_id': 'marketplaces_item'})]
