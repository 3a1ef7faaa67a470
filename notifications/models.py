"""
The one thing the cable stores: which numbering its positions belong to.
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


class Cable(Epoch):
    """For the admin: who may view it sees what the processes hold."""

    class Meta:
        proxy = True
        verbose_name = verbose_name_plural = "cable"
