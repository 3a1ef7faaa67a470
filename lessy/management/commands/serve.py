from notifications.management.commands.cable_serve import Command as CableServe


class Command(CableServe):
    """The app's own, under the name and with the log of requests that this project always had."""

    help = "Serves HTTP and the cable on daphne, for production."
    access_logger = "lessy.access"
    # Every line is JSON.
    announces = False
