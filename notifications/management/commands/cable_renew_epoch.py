import asyncio
import json
from typing import Any

from ...models import Epoch
from ...operations.orders import OrderReport, announce_epoch
from ...operations.terminal import CableCommand


class Command(CableCommand):
    help = "Renews the epoch after a restore from backup: clients that resume are told to refetch."

    def run(self, **options: Any) -> None:
        epoch = Epoch.renew()
        report = asyncio.run(announce_epoch())
        if options["json"]:
            found = {"epoch": epoch, "told": sorted(report.closed), "listening": report.listening}
            self.stdout.write(json.dumps({**found, "problem": report.problem or None}))
        else:
            self.stdout.write(epoch)
            self.stderr.write(_told(report))


def _told(report: OrderReport) -> str:
    """
    The epoch is in the database, even for processes that were not reached: every hub reads it with each
    reconcile.
    """
    told = f"processes that have adopted it: {len(report.closed)}"
    if report.carried_out:
        return told
    return f"{told}; {report.problem}. The others adopt it with the next reconcile"
