"""EPG's identifiers as EPG writes them, each of one pharmacy; a ceiling for the prices of stock.

Nothing is changed, and the migration stops, while rows are there that nobody but staff can put right: it names them.
"""

import django.core.validators
from django.db import migrations, models
from django.db.models import Count
from django.db.models.functions import Lower, Trim

from common.constraints import AddCheckOnline, AddUniqueOnline


def tidy(apps, schema_editor):
    pharmacies = apps.get_model('catalog', 'Pharmacy').objects.using(schema_editor.connection.alias)
    stocks = apps.get_model('catalog', 'Stock').objects.using(schema_editor.connection.alias)
    given = pharmacies.exclude(epg_id='').annotate(tidied=Lower(Trim('epg_id'))).order_by('code')
    unknown = given.exclude(tidied='').exclude(tidied__regex='^[0-9a-f]{24}$')
    twice = given.order_by().values('tidied').annotate(times=Count('pk')).filter(times__gt=1).values('tidied')
    shared = given.exclude(tidied='').filter(tidied__in=list(twice.values_list('tidied', flat=True)))
    dear = stocks.filter(price__gt=1_000_000_000).order_by('pharmacy__code', 'product_code')
    problems = [
        *(f'{code}: EPG identifier {epg_id!r} has not 24 hexadecimal digits' for code, epg_id in unknown.values_list('code', 'epg_id')),
        *(f'{code}: EPG identifier {epg_id!r} belongs to another pharmacy, too' for code, epg_id in shared.values_list('code', 'epg_id')),
        *(f'{code}: the price of {product} is above 1,000,000,000' for code, product in dear.values_list('pharmacy__code', 'product_code')),
    ]
    if problems:
        raise ValueError('Correct these pharmacies in the admin, then migrate again. ' + '; '.join(problems))
    given.exclude(epg_id=Lower(Trim('epg_id'))).update(epg_id=Lower(Trim('epg_id')))


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('catalog', '0008_list_indexes'),
    ]

    operations = [
        migrations.RunPython(tidy, migrations.RunPython.noop, atomic=True),
        migrations.AlterField(
            model_name='pharmacy',
            name='epg_id',
            field=models.CharField(blank=True, max_length=64, validators=[django.core.validators.RegexValidator('\\A[0-9a-fA-F]{24}\\Z', 'Un identifiant EPG a 24 chiffres hexadécimaux (0 à 9, a à f).', code='epg_id')], verbose_name='identifiant EPG'),
        ),
        AddCheckOnline(
            model_name='pharmacy',
            constraint=models.CheckConstraint(condition=models.Q(('epg_id', ''), ('epg_id__regex', '^[0-9a-f]{24}$'), _connector='OR'), name='pharmacy_epg_id_valid', violation_error_message='Un identifiant EPG a 24 chiffres hexadécimaux (0 à 9, a à f).'),
        ),
        AddUniqueOnline(
            model_name='pharmacy',
            constraint=models.UniqueConstraint(condition=models.Q(('epg_id', ''), _negated=True), fields=('epg_id',), name='pharmacy_epg_id_once', violation_error_message='Une autre pharmacie a déjà cet identifiant EPG.'),
        ),
        AddCheckOnline(
            model_name='stock',
            constraint=models.CheckConstraint(condition=models.Q(('price', None), ('price__lte', 1000000000), _connector='OR'), name='stock_price_ceiling', violation_error_message='Un prix ne dépasse pas un milliard.'),
        ),
    ]
