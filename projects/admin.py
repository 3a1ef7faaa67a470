from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from lessy.ground.locks import owner_locked
from projects.models import Project


class OwnedAdmin(admin.ModelAdmin):  # generic in the stubs alone
    """Of rows that belong to a user: what is written is written as services do, under the owner's lock."""

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Model | None:
        """On a POST, inside the admin's own transaction, which then holds the lock to its end."""
        found = super().get_object(request, object_id, from_field)
        if found is not None and request.method == "POST":
            with owner_locked(found.user_id):
                found.refresh_from_db()
        return found

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        # Nobody would tell the former owner's clients that the row is gone.
        fixed = tuple(super().get_readonly_fields(request, obj))
        return fixed if obj is None else ("user", *fixed)


@admin.register(Project)
class ProjectAdmin(OwnedAdmin):
    """The state is not edited here: starting and pausing move tasks too, which is work of the services."""

    list_display = ("name", "user", "state", "due_at", "updated_at")
    list_filter = ("state",)
    list_select_related = ("user",)
    search_fields = ("name", "slug", "user__username", "user__email")
    raw_id_fields = ("user",)
    date_hierarchy = "updated_at"
    fields = (
        *("user", "name", "slug", "description", "state"),
        *("started_at", "due_at", "paused_at", "finished_at", "created_at", "updated_at"),
    )
    readonly_fields = ("slug", "state", "started_at", "paused_at", "finished_at", "created_at", "updated_at")

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Project]) -> None:
        for project in queryset:  # one by one: deleting a query would not tell of the tasks
            project.delete()
