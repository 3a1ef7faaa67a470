from django.db import migrations, models


def forget_tokens(apps, schema_editor):
    """They stood here in clear; from now on their digests do. Each can be asked for again."""
    users = apps.get_model("accounts", "User").objects.using(schema_editor.connection.alias)
    users.update(activation_token=None, reset_token=None)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_rules_and_flags")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="activation_sent_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.RunPython(forget_tokens, migrations.RunPython.noop),
    ]
