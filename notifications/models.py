"""
What the cable stores: the epoch of its positions; and, for resources that need it, what the tables of the
rows cannot show (deletions, and users who lost or got a row).
"""

import secrets

from django.db import models


def new_epoch() -> str:
    return secrets.token_urlsafe(9)


class Epoch(models.Model):
    """
    A single row. It changes when positions could go back (a restored backup), and never otherwise: clients
    that resume with another epoch are told to refetch.
    """

    value = models.CharField(max_length=32, default=new_epoch)
    renewed_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.value

    @classmethod
    def current(cls) -> str:
        """One query."""
        epoch, _ = cls.objects.get_or_create(pk=1)
        return epoch.value

    @classmethod
    def renew(cls) -> str:
        epoch, _ = cls.objects.update_or_create(pk=1, defaults={"value": new_epoch()})
        return epoch.value


class Notice(models.Model):
    """
    A user lost a row, or got one: written in the transaction in which that happened. resource: its name on
    the wire. key, user: primary keys as JSON, so that 7 and "7" stay apart. at: the clock of the process that
    wrote it. Kept for CABLE["DELETIONS_KEPT"].
    """

    resource = models.CharField(max_length=200)
    # As long as a row's key may be: a row whose notice cannot be written could never be deleted. It has no
    # index.
    key = models.TextField()
    user = models.CharField(max_length=300)
    is_destroy = models.BooleanField()
    at = models.DateTimeField(db_index=True)

    class Meta:
        indexes = (models.Index(fields=["user", "at"], name="sync_cable_notice_user_at"),)

    def __str__(self) -> str:
        return f"{'destroy' if self.is_destroy else 'create'}#{self.resource} {self.key} of {self.user}"


class Cable(Epoch):
    """For the admin: users who may view it see the state of the processes."""

    class Meta:
        proxy = True
        verbose_name = verbose_name_plural = "cable"
