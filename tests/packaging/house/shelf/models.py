from typing import ClassVar

from django.conf import settings
from django.db import models


class Book(models.Model):
    reader = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    title = models.CharField(max_length=100)
    made = models.DateTimeField(auto_now_add=True)
    changed = models.DateTimeField(auto_now=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["reader", "changed"])]

    def __str__(self) -> str:
        return self.title
