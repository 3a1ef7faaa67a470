from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone

from projects.admin import OwnedAdmin
from tasks.models import Task


@admin.register(Task)
class TaskAdmin(OwnedAdmin):
    """State and order are read-only: only the services change them."""

    list_display = ("label", "user", "project", "state", "order", "updated_at")
    list_filter = ("state",)
    list_select_related = ("user", "project")
    search_fields = ("label", "user__username", "user__email", "project__name")
    raw_id_fields = ("user", "project")
    date_hierarchy = "updated_at"
    fields = (
        *("user", "project", "label", "order", "state", "planned_count"),
        *("started_at", "planned_at", "finished_at", "abandoned_at", "created_at", "updated_at"),
    )
    readonly_fields = (
        *("order", "state", "planned_count", "started_at", "planned_at", "finished_at", "abandoned_at"),
        *("created_at", "updated_at"),
    )

    def save_model(self, request: HttpRequest, obj: Task, form: "ModelForm[Task]", change: bool) -> None:
        obj.follow_project(timezone.now())
        super().save_model(request, obj, form, change)
