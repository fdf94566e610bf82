from importlib import import_module

from django.apps import AppConfig
from django.utils.module_loading import module_has_submodule


class CoreConfig(AppConfig):
    name = "apps.core"
    label = "core"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        for name in ("checks", "door_checks"):
            import_module(f"{self.name}.{name}")


class DomainConfig(AppConfig):
    """An app whose policies, subscribers, runners and gates take effect when Django is ready.

    They need models, and models are loaded after this module: hence by name.
    """

    default = False
    default_auto_field = "django.db.models.BigAutoField"
    registering = (
        "policies", "subscribers", "runners", "gates", "guards", "holders", "checks", "tasks",
    )  # fmt: skip

    def ready(self) -> None:
        for name in self.registering:
            if module_has_submodule(self.module, name):
                import_module(f"{self.name}.{name}")
