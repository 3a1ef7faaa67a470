from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("sync_cable", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Cable",
            fields=[],
            options={
                "verbose_name": "cable",
                "verbose_name_plural": "cable",
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("sync_cable.epoch",),
        ),
    ]
