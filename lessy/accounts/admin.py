"""Users and their tokens. The admin cannot show a token itself, because tokens are not stored."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm, AdminUserCreationForm, UserChangeForm
from django.contrib.auth.hashers import make_password
from django.db.models import QuerySet
from django.http import Http404, HttpRequest

from lessy.accounts import services
from lessy.accounts.models import AccessToken, TermsOfService, User
from lessy.ground.locks import owner_locked


class NewUserForm(AdminUserCreationForm):
    class Meta(AdminUserCreationForm.Meta):
        model = User
        fields = ("username", "email")
        field_classes: ClassVar = {}  # Django's fails on a user without a name, and pending users have none


class UserForm(UserChangeForm):
    class Meta(UserChangeForm.Meta):
        model = User
        field_classes: ClassVar = {}


class PasswordForm(AdminPasswordChangeForm):
    """Saves only the password: Django's form saves every column as it was before the slow hashing."""

    def save(self, commit: bool = True) -> User:
        user: User = self.user
        usable = self.cleaned_data["set_usable_password"]
        hashed = make_password(self.cleaned_data["password1"] if usable else None)
        if not commit:
            user.set_hash(hashed)
        elif not services.set_hash(user=user, hashed=hashed):
            raise Http404("The user was deleted meanwhile.")
        return user


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    form = UserForm
    add_form = NewUserForm
    change_password_form = PasswordForm
    list_display = ("username", "email", "activated_at", "is_active", "is_staff", "created_at")
    list_filter = ("is_active", "is_staff", "is_superuser", "activated_at")
    search_fields = ("username", "email")
    ordering = ("username",)
    readonly_fields = ("created_at", "last_login")
    fieldsets = (
        (None, {"fields": ("username", "email", "password", "time_zone")}),
        ("Account", {"fields": ("is_active", "activated_at", "accepted_terms", "created_at", "last_login")}),
        ("Permissions", {"fields": ("is_staff", "is_superuser", "groups", "user_permissions")}),
    )
    add_fieldsets = ((None, {"fields": ("username", "email", "usable_password", "password1", "password2")}),)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> User | None:
        """On a POST, the current row under the owner's lock, held until the admin's transaction ends."""
        found = super().get_object(request, object_id, from_field)
        if found is not None and request.method == "POST":
            with owner_locked(found.pk) as there:
                if not there:
                    return None
                found.refresh_from_db()
        return found


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("valid", "Valid"), ("revoked", "Revoked"), ("expired", "Expired")]

    def queryset(self, request: HttpRequest, tokens: QuerySet[AccessToken]) -> QuerySet[AccessToken]:
        match self.value():
            case "valid":
                return AccessToken.objects.valid() & tokens
            case "revoked":
                return tokens.exclude(revoked_at=None)
            case "expired":
                return tokens.exclude(pk__in=AccessToken.objects.unexpired())
        return tokens


@admin.register(AccessToken)
class AccessTokenAdmin(admin.ModelAdmin):
    list_display = ("__str__", "user", "sudo", "created_at", "last_used_at", "expires_at", "revoked_at")
    list_filter = (StateFilter, "sudo", "created_at")
    list_select_related = ("user",)
    search_fields = ("user__username", "user__email")
    ordering = ("-created_at",)
    actions = ("revoke",)
    readonly_fields = ("user", "sudo", "created_at", "last_used_at", "expires_at", "revoked_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.action(description="Revoke, and close the sockets opened with them", permissions=["change"])
    def revoke(self, request: HttpRequest, tokens: QuerySet[AccessToken]) -> None:
        valid = AccessToken.objects.filter(pk__in=tokens, revoked_at=None)
        count = valid.count()
        valid.revoke()
        messages.success(request, f"Revoked {count} tokens.")

    change_form_template = "admin/accounts/accesstoken/change_form.html"

    def response_change(self, request: HttpRequest, obj: AccessToken) -> Any:
        if "_revoke" in request.POST:
            self.revoke(request, AccessToken.objects.filter(pk=obj.pk))
        return super().response_change(request, obj)


@admin.register(TermsOfService)
class TermsOfServiceAdmin(admin.ModelAdmin):
    list_display = ("version", "effective_at")
    ordering = ("-effective_at",)
