"""A request may be withdrawn by whoever asked. Approvals are few: their constraints are checked at once.

The way back deletes what was withdrawn, for which there was no state: nothing was carried out, and events tell of it.
"""

from django.db import migrations, models


def forget_withdrawn(apps, schema_editor):
    apps.get_model('accounts', 'Approval').objects.filter(status='withdrawn').delete()
    if schema_editor.connection.vendor == 'postgresql':
        # No table is altered while checks of the rows that went are still to come.
        schema_editor.execute('SET CONSTRAINTS ALL IMMEDIATE')


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0013_list_indexes'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='approval',
            name='approval_status_known',
        ),
        migrations.RemoveConstraint(
            model_name='approval',
            name='approval_two_pairs_of_eyes',
        ),
        migrations.AlterField(
            model_name='approval',
            name='status',
            field=models.CharField(choices=[('requested', 'En attente'), ('approved', 'Approuvée'), ('refused', 'Refusée'), ('withdrawn', 'Demande retirée')], default='requested', max_length=16, verbose_name='état'),
        ),
        migrations.AddConstraint(
            model_name='approval',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['requested', 'approved', 'refused', 'withdrawn'])), name='approval_status_known'),
        ),
        migrations.AddConstraint(
            model_name='approval',
            constraint=models.CheckConstraint(condition=models.Q(('decided_by__isnull', True), models.Q(('decided_by', models.F('requested_by')), ('status', 'withdrawn')), models.Q(models.Q(('status', 'withdrawn'), _negated=True), models.Q(('decided_by', models.F('requested_by')), _negated=True), models.Q(('decided_by', models.F('beneficiary')), _negated=True)), _connector='OR'), name='approval_two_pairs_of_eyes'),
        ),
        migrations.RunPython(migrations.RunPython.noop, forget_withdrawn),
    ]
