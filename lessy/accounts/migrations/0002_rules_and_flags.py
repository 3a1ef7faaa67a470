from django.db import migrations, models

import lessy.accounts.rules


def open_registration(apps, schema_editor):
    flags = apps.get_model("waffle", "Flag").objects.using(schema_editor.connection.alias)
    note = "Who may register: everyone, or, if it is off, nobody."
    flags.get_or_create(name="feature_registration", defaults={"everyone": True, "note": note})


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("waffle", "0004_update_everyone_nullbooleanfield"),
    ]

    operations = [
        migrations.AlterField(
            model_name="user",
            name="email",
            field=models.CharField(max_length=254, validators=[lessy.accounts.rules.validate_email]),
        ),
        migrations.AlterField(
            model_name="user",
            name="time_zone",
            field=models.CharField(
                default="UTC", max_length=64, validators=[lessy.accounts.rules.validate_time_zone]
            ),
        ),
        migrations.AlterField(
            model_name="user",
            name="username",
            field=models.CharField(
                blank=True,
                help_text="Small letters, hyphens and underscores. None until the account is activated.",
                max_length=25,
                null=True,
                unique=True,
                validators=[lessy.accounts.rules.validate_username],
            ),
        ),
        migrations.RunPython(open_registration, migrations.RunPython.noop),
    ]
