"""No two active appointments of one practitioner overlap with their buffers, nor two of one patient.

PostgreSQL: exclusion constraints, the practitioner's over the generated column `blocked`. btree_gist is a trusted
extension: the owner of the database may create it. SQLite: triggers that say the same; whoever lets Django rebuild this
table in a later migration creates them again.
"""

from django.db import migrations

_ACTIVE = "('held', 'booked', 'confirmed')"

_POSTGRES = f"""
CREATE EXTENSION IF NOT EXISTS btree_gist;
ALTER TABLE appointments_appointment
    ADD COLUMN blocked tstzrange GENERATED ALWAYS AS (tstzrange(blocked_from, blocked_until)) STORED;
ALTER TABLE appointments_appointment
    ADD CONSTRAINT appointment_practitioner_overlap
    EXCLUDE USING gist (practitioner_id WITH =, blocked WITH &&)
    WHERE (status IN {_ACTIVE} AND NOT overbooked);
ALTER TABLE appointments_appointment
    ADD CONSTRAINT appointment_patient_overlap
    EXCLUDE USING gist (patient_id WITH =, tstzrange(starts_at, ends_at) WITH &&)
    WHERE (status IN {_ACTIVE});
"""
_POSTGRES_UNDO = """
ALTER TABLE appointments_appointment DROP CONSTRAINT appointment_practitioner_overlap;
ALTER TABLE appointments_appointment DROP CONSTRAINT appointment_patient_overlap;
ALTER TABLE appointments_appointment DROP COLUMN blocked;
"""

_RULES = {
    "appointment_practitioner_overlap": (
        "NOT NEW.overbooked",
        "practitioner_id = NEW.practitioner_id AND NOT overbooked "
        "AND blocked_from < NEW.blocked_until AND blocked_until > NEW.blocked_from",
    ),
    "appointment_patient_overlap": (
        "1",
        "patient_id = NEW.patient_id AND starts_at < NEW.ends_at AND ends_at > NEW.starts_at",
    ),
}
_SQLITE = """
CREATE TRIGGER {rule}_{event} BEFORE {event} ON appointments_appointment
WHEN NEW.status IN {active} AND {applies} AND EXISTS (
    SELECT 1 FROM appointments_appointment
    WHERE {same} AND status IN {active} AND {conflict}
)
BEGIN SELECT RAISE(ABORT, '{rule}'); END
"""
# An update must not collide with the row itself.
_SAME = {"insert": "1", "update": "id <> OLD.id"}


def forwards(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(_POSTGRES, params=None)
        return
    for rule, (applies, conflict) in _RULES.items():
        for event, same in _SAME.items():
            schema_editor.execute(
                _SQLITE.format(rule=rule, event=event, same=same, active=_ACTIVE, applies=applies, conflict=conflict),
                params=None,
            )


def backwards(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(_POSTGRES_UNDO, params=None)
        return
    for rule in _RULES:
        for event in _SAME:
            schema_editor.execute(f"DROP TRIGGER {rule}_{event}", params=None)


class Migration(migrations.Migration):

    dependencies = [
        ('appointments', '0001_initial'),
    ]

    operations = [migrations.RunPython(forwards, backwards)]
