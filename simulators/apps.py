from django.apps import AppConfig


class SimulatorsConfig(AppConfig):
    """The outside services as real HTTP servers; the app only brings `manage.py simulators`."""

    name = "simulators"
    verbose_name = "Simulateurs"
