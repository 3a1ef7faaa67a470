from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from lessy.ground.locks import owner_locked
from projects.models import Project


class OwnedAdmin(admin.ModelAdmin):  # generic in the stubs alone
    """The admin of rows that belong to a user. It writes under the owner's lock, as the services do."""

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Model | None:
        """On a POST, takes the lock inside the admin's transaction, which holds it until it ends."""
        found = super().get_object(request, object_id, from_field)
        if found is not None and request.method == "POST":
            with owner_locked(found.user_id):
                found.refresh_from_db()
        return found

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        # The owner is fixed: the former owner's clients would not be notified that the row is gone.
        fixed = tuple(super().get_readonly_fields(request, obj))
        return fixed if obj is None else ("user", *fixed)


@admin.register(Project)
class ProjectAdmin(OwnedAdmin):
    """The state is read-only: starting and pausing also change tasks, which only the services do."""

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
        for project in queryset:  # one by one: QuerySet.delete() would not announce the tasks
            project.delete()
