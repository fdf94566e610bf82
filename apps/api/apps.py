from apps.core.apps import DomainConfig


class ApiConfig(DomainConfig):
    name = "apps.api"
    label = "api"
    default = True
