from apps.core.apps import DomainConfig


class WebConfig(DomainConfig):
    name = "apps.web"
    label = "web"
    default = True
