"""The tables of the jobs are tenants', too: see `marketplaces/tenant_tables.py`."""

from django.db import migrations

from marketplaces.tenant_tables import tenant_table

LISTING, JOB = "marketplaces_listing", "marketplaces_job"


class Migration(migrations.Migration):
    dependencies = [("marketplaces", "0006_jobs")]

    operations = [
        tenant_table(JOB, references={"listing_id": LISTING}),
        tenant_table("marketplaces_jobturn"),
        tenant_table("marketplaces_channelqueue"),
        tenant_table("marketplaces_channelcall", references={"job_id": JOB}),
        tenant_table("marketplaces_plugindevice"),
        tenant_table(
            "marketplaces_plugintask", references={"job_id": JOB, "device_id": "marketplaces_plugindevice"}
        ),
        tenant_table("marketplaces_foreignlisting", references={"listing_id": LISTING}),
        tenant_table("marketplaces_buyermessage"),
    ]
