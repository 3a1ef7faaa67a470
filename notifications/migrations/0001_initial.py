from django.db import migrations, models

from ..models import new_epoch


def make_epoch(apps, schema_editor):
    apps.get_model("sync_cable", "Epoch").objects.using(schema_editor.connection.alias).create(pk=1)


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Epoch",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("value", models.CharField(default=new_epoch, max_length=32)),
                ("renewed_at", models.DateTimeField(auto_now=True)),
            ],
        ),
        migrations.RunPython(make_epoch, migrations.RunPython.noop),
    ]
