import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('marketplaces', '0012_references_of_images'),
    ]

    operations = [
        migrations.CreateModel(
            name='GateRound',
            fields=[
                ('created_at', models.DateTimeField(auto_now_add=True, db_default=django.db.models.functions.datetime.Now(), verbose_name='créé le')),
                ('updated_at', models.DateTimeField(auto_now=True, db_default=django.db.models.functions.datetime.Now(), verbose_name='modifié le')),
                ('id', models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('after_merchant', models.BigIntegerField(default=0)),
                ('after_listing', models.BigIntegerField(default=0)),
            ],
            options={
                'verbose_name': 'contrôle de ce qui est en vente',
                'verbose_name_plural': 'contrôles de ce qui est en vente',
                'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='gateround_single_row')],
            },
        ),
    ]
