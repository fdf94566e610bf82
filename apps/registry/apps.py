from apps.core.apps import DomainConfig


class RegistryConfig(DomainConfig):
    name = "apps.registry"
    label = "registry"
    default = True
