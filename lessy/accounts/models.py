"""Users, their access tokens, and the terms of service that they accept."""

from collections import defaultdict
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models, transaction
from django.db.models.functions import Lower
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.utils import timezone

from lessy.accounts import rules
from lessy.accounts.signals import announce_end

RULES = {
    "email": rules.broken_email,
    "username": rules.broken_username,
    "time_zone": rules.broken_time_zone,
}
UNIQUE = ("email", "username")


class TermsQuerySet(models.QuerySet["TermsOfService"]):
    def current(self) -> "TermsOfService | None":
        return self.filter(effective_at__lte=timezone.now()).order_by("-effective_at", "-pk").first()


class TermsOfService(models.Model):
    version = models.CharField(max_length=50)
    content = models.TextField(help_text="HTML")
    effective_at = models.DateTimeField()

    objects = TermsQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "terms of service"
        constraints: ClassVar = [models.UniqueConstraint(Lower("version"), name="terms_version_unique")]

    def __str__(self) -> str:
        return self.version


class UserManager(BaseUserManager["User"]):
    def create_user(
        self, username: str | None = None, email: str = "", password: str | None = None, **fields: Any
    ) -> "User":
        """An activated user, unless `activated_at` is given."""
        fields.setdefault("activated_at", timezone.now())
        user = self.model(username=username, email=email, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(
        self, username: str, email: str = "", password: str | None = None, **fields: Any
    ) -> "User":
        return self.create_user(username, email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    username = models.CharField(
        max_length=rules.NAME_LENGTH,
        null=True,
        blank=True,
        unique=True,
        validators=[rules.validate_username],
        help_text="Small letters, hyphens and underscores. None until the account is activated.",
    )
    email = models.CharField(max_length=rules.ADDRESS_LENGTH, validators=[rules.validate_email])
    time_zone = models.CharField(max_length=64, default="UTC", validators=[rules.validate_time_zone])
    activated_at = models.DateTimeField(null=True, blank=True)
    # Digests. The tokens themselves are not stored; mail_tokens derives them.
    activation_token = models.CharField(max_length=40, null=True, blank=True, unique=True, editable=False)
    activation_sent_at = models.DateTimeField(null=True, blank=True, editable=False)
    reset_token = models.CharField(max_length=40, null=True, blank=True, unique=True, editable=False)
    reset_sent_at = models.DateTimeField(null=True, blank=True, editable=False)
    accepted_terms = models.ForeignKey(TermsOfService, null=True, blank=True, on_delete=models.SET_NULL)
    is_active = models.BooleanField("may sign in", default=True)
    is_staff = models.BooleanField("admin", default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = UserManager()
    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar = ["email"]

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(Lower("email"), name="user_email_unique"),
            models.UniqueConstraint(Lower("username"), name="user_username_unique"),
        ]

    def __str__(self) -> str:
        return self.username or self.email

    def save(self, *args: Any, keep: "AccessToken | None" = None, **kwargs: Any) -> None:
        """A new password, or is_active off, revokes every token of the user except `keep`."""
        # set_password() keeps the raw password in _password until save().
        renewed = self._takes_hash or getattr(self, "_password", None) is not None
        ends = self.pk is not None and (renewed or not self.is_active)
        with transaction.atomic():
            super().save(*args, **kwargs)
            self._takes_hash = False
            if ends:
                self.access_tokens.others(keep).revoke()

    _takes_hash = False

    def set_hash(self, hashed: str) -> None:
        """As set_password(), with a hash of make_password(), which is slow and must not run under a lock."""
        self.password = hashed
        self._takes_hash = True

    def broken_rules(self, *fields: str) -> list[tuple[str, str]]:
        """The validation errors of these fields, each as (field, code)."""
        errors = []
        for field in fields:
            value = getattr(self, field)
            codes = RULES[field](value)
            errors += [(field, code) for code in codes]
            # A value too long to be stored cannot be taken, and lowering it would cost the database much.
            if field in UNIQUE and "too_long" not in codes and self._is_taken(field, value):
                errors.append((field, "taken"))
        return errors

    def _is_taken(self, field: str, value: str) -> bool:
        """Compares as the unique constraints do, by LOWER in the database."""
        folded = User.objects.annotate(folded=Lower(field)).exclude(pk=self.pk)
        return folded.filter(folded=Lower(models.Value(value))).exists()


class AccessTokenQuerySet(models.QuerySet["AccessToken"]):
    def valid(self) -> "AccessTokenQuerySet":
        return self.unrevoked().unexpired()

    def unrevoked(self) -> "AccessTokenQuerySet":
        return self.filter(revoked_at=None, user__is_active=True)

    def unexpired(self) -> "AccessTokenQuerySet":
        return self.filter(expires_at__gt=timezone.now())

    def others(self, keep: "AccessToken | None") -> "AccessTokenQuerySet":
        return self.all() if keep is None else self.exclude(pk=keep.pk)

    def revoke(self) -> None:
        """Sockets that were opened with these tokens are closed after the commit."""
        keys = defaultdict(list)
        with transaction.atomic():
            for user_id, key in self.filter(revoked_at=None).values_list("user_id", "key"):
                keys[user_id].append(key)
            found = [key for mine in keys.values() for key in mine]
            AccessToken.objects.filter(key__in=found).update(revoked_at=timezone.now())
            for user_id, mine in keys.items():
                announce_end(AccessToken, user_id, mine)


class AccessToken(models.Model):
    """One row per token. The token itself, which is signed with the secret key, is not stored."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="access_tokens")
    key = models.CharField("jti", max_length=32, unique=True, editable=False)
    sudo = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = AccessTokenQuerySet.as_manager()

    def __str__(self) -> str:
        kind = "sudo token" if self.sudo else "token"
        return f"{kind} of {self.user}, {self.created_at:%-d %b %Y %H:%M} UTC"


@receiver(post_delete, sender=User)
def _end_access(instance: User, **_: Any) -> None:
    """Called for users deleted in bulk too: Django sends the signal for each."""
    announce_end(User, instance.pk)


@receiver(post_delete, sender=AccessToken)
def _end_token(instance: AccessToken, **_: Any) -> None:
    announce_end(AccessToken, instance.user_id, [instance.key])
