from apps.core.apps import DomainConfig


class AccessConfig(DomainConfig):
    name = "apps.access"
    label = "access"
    default = True
