from apps.core.apps import DomainConfig


class StagesConfig(DomainConfig):
    name = "apps.stages"
    label = "stages"
    default = True
