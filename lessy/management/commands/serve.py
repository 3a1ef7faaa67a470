from notifications.management.commands.cable_serve import Command as CableServe


class Command(CableServe):
    """The cable's cable_serve, with the name and the access log that this project has always had."""

    help = "Serves HTTP and the cable on daphne, for production."
    access_logger = "lessy.access"
    # Every line of the output must be JSON, and an announcement is not.
    announces = False
