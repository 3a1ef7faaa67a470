from typing import Any

from django.core.management.base import BaseCommand

from notifications.models import Epoch
from notifications.publisher import publish_epoch


class Command(BaseCommand):
    help = "Renumber positions after a restore from backup: clients that resume are told to refetch."

    def handle(self, *args: Any, **options: Any) -> None:
        epoch = Epoch.renew()
        publish_epoch()
        self.stdout.write(epoch)
