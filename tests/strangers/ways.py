"""Every way to change the columns of an Entry whose bulk changes are announced."""

from .models import Entry


def by_save(entry, **columns):
    for name, value in columns.items():
        setattr(entry, name, value)
    entry.save()


def by_save_of_columns(entry, **columns):
    for name, value in columns.items():
        setattr(entry, name, value)
    entry.save(update_fields=[*columns, "changed_at"])


def by_update(entry, **columns):
    Entry.objects.filter(pk=entry.pk).update(**columns)


def by_bulk_update(entry, **columns):
    for name, value in columns.items():
        setattr(entry, name, value)
    Entry.objects.bulk_update([entry], list(columns))


def by_upsert(entry, **columns):
    """By its code: the key of what is there is found by nothing else."""
    now = {"reader_id": entry.reader_id, "archived_at": entry.archived_at, **columns}
    names = ["reader", "archived_at", "changed_at"]
    options = {"update_conflicts": True, "unique_fields": ["code"], "update_fields": names}
    Entry.objects.bulk_create([Entry(code=entry.code, **now)], **options)


WAYS = [by_save, by_save_of_columns, by_update, by_bulk_update, by_upsert]
