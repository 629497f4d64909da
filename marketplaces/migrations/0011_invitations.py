from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('marketplaces', '0010_item_search_indexes'),
    ]

    operations = [
        migrations.AddField(
            model_name='merchant',
            name='invited_since',
            field=models.DateTimeField(editable=False, null=True, verbose_name='invitations valables depuis'),
        ),
    ]
