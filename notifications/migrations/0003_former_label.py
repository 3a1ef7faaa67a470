"""
Until version 1.0 the app had the label "notifications", which many projects have an app of. What it stored
under that label is taken over: the epoch, without which every client would be told to refetch, and the
permissions that were given for its page of the admin.
"""

from django.apps import apps as installed
from django.db import migrations
from django.db.migrations.recorder import MigrationRecorder

FORMER_LABEL = "notifications"
FORMER_TABLE = "notifications_epoch"
FORMER_COLUMNS = {"id", "value", "renewed_at"}
FORMER_MIGRATIONS = ("0001_initial", "0002_cable")
CONTENT_TYPES = "django_content_type"


def take_over(apps, schema_editor):
    connection = schema_editor.connection
    tables = connection.introspection.table_names()
    if FORMER_TABLE not in tables or _columns(connection) != FORMER_COLUMNS:
        return
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT value FROM {FORMER_TABLE} WHERE id = 1")  # noqa: S608 a constant
        former = cursor.fetchone()
    if former is not None:
        epoch = apps.get_model("sync_cable", "Epoch").objects.using(connection.alias)
        epoch.update_or_create(pk=1, defaults={"value": former[0]})
    schema_editor.execute(f"DROP TABLE {FORMER_TABLE}")
    MigrationRecorder(connection).migration_qs.filter(app=FORMER_LABEL, name__in=FORMER_MIGRATIONS).delete()
    if CONTENT_TYPES in tables and installed.is_installed("django.contrib.contenttypes"):
        _rename_content_types(connection.alias)


def _columns(connection):
    with connection.cursor() as cursor:
        return {
            column.name for column in connection.introspection.get_table_description(cursor, FORMER_TABLE)
        }


def _rename_content_types(alias):
    """Permissions hang on them. Those of the new label are made after this migration."""
    from django.contrib.contenttypes.models import ContentType

    for model in ("epoch", "cable"):
        if not ContentType.objects.using(alias).filter(app_label="sync_cable", model=model).exists():
            former = ContentType.objects.using(alias).filter(app_label=FORMER_LABEL, model=model)
            former.update(app_label="sync_cable")


class Migration(migrations.Migration):
    dependencies = [("sync_cable", "0002_cable")]

    operations = [migrations.RunPython(take_over, migrations.RunPython.noop)]
