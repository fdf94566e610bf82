from django.apps import AppConfig


class MlgovConfig(AppConfig):
    """The project itself: commands that start and show the whole."""

    name = "mlgov"
    label = "mlgov"
