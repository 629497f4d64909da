import django.db.models.deletion
import django.db.models.functions.datetime
import uuid
from django.conf import settings
from django.db import migrations, models

from marketplaces.tenant_tables import tenant_table


class Migration(migrations.Migration):

    dependencies = [
        ('marketplaces', '0004_image_digest'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ChannelAuthorization',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(auto_now_add=True, db_default=django.db.models.functions.datetime.Now(), verbose_name='créé le')),
                ('updated_at', models.DateTimeField(auto_now=True, db_default=django.db.models.functions.datetime.Now(), verbose_name='modifié le')),
                ('channel', models.CharField(choices=[('ebay', 'eBay'), ('etsy', 'Etsy'), ('vinted', 'Vinted')], max_length=8, verbose_name='canal')),
                ('digest', models.CharField(editable=False, max_length=64, verbose_name='empreinte')),
                ('verifier', models.BinaryField(verbose_name='secret')),
                ('expires_at', models.DateTimeField(verbose_name="valable jusqu'au")),
                ('merchant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='marketplaces.merchant', verbose_name='marchand')),
                ('user', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='demandé par')),
            ],
            options={
                'verbose_name': 'autorisation demandée',
                'verbose_name_plural': 'autorisations demandées',
                'abstract': False,
                'base_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('merchant', 'user', 'channel'), name='authorization_latest')],
            },
        ),
        migrations.CreateModel(
            name='ChannelConnection',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(auto_now_add=True, db_default=django.db.models.functions.datetime.Now(), verbose_name='créé le')),
                ('updated_at', models.DateTimeField(auto_now=True, db_default=django.db.models.functions.datetime.Now(), verbose_name='modifié le')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, verbose_name='identifiant')),
                ('channel', models.CharField(choices=[('ebay', 'eBay'), ('etsy', 'Etsy'), ('vinted', 'Vinted')], max_length=8, verbose_name='canal')),
                ('state', models.CharField(choices=[('connected', 'Connecté'), ('expired', 'À reconnecter'), ('stopped', 'Arrêté')], max_length=12, verbose_name='état')),
                ('reason', models.CharField(blank=True, max_length=40, verbose_name='raison')),
                ('account_id', models.CharField(blank=True, max_length=40, verbose_name='compte ou boutique')),
                ('settings', models.JSONField(blank=True, default=dict, verbose_name='réglages')),
                ('tokens', models.BinaryField(default=bytes, verbose_name='jetons')),
                ('version', models.PositiveIntegerField(default=0, editable=False, verbose_name='version')),
                ('expires_at', models.DateTimeField(editable=False, null=True, verbose_name="jeton d'accès valable jusqu'au")),
                ('refresh_expires_at', models.DateTimeField(editable=False, null=True, verbose_name="accès valable jusqu'au")),
                ('lease_until', models.DateTimeField(editable=False, null=True, verbose_name="renouvellement réservé jusqu'au")),
                ('connected_at', models.DateTimeField(editable=False, null=True, verbose_name='connecté le')),
                ('connected_by', models.ForeignKey(db_index=False, editable=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='connecté par')),
                ('merchant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='marketplaces.merchant', verbose_name='marchand')),
            ],
            options={
                'verbose_name': 'connexion à un canal',
                'verbose_name_plural': 'connexions aux canaux',
                'abstract': False,
                'base_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('merchant', 'channel'), name='connection_channel'), models.CheckConstraint(condition=models.Q(('channel__in', ['ebay', 'etsy', 'vinted']), ('state__in', ['connected', 'expired', 'stopped'])), name='connection_valid'), models.CheckConstraint(condition=models.Q(('state', 'connected'), ('tokens', b''), _connector='OR'), name='connection_over_has_no_tokens')],
            },
        ),
        tenant_table('marketplaces_channelauthorization'),
        tenant_table('marketplaces_channelconnection'),
    ]
