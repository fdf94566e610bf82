from apps.core.apps import DomainConfig


class BuildsConfig(DomainConfig):
    name = "apps.builds"
    label = "builds"
    default = True
