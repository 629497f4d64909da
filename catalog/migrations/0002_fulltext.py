from django.db import migrations

from catalog import fulltext


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_initial")]

    operations = [migrations.RunPython(fulltext.create, fulltext.drop)]
