from apps.core.apps import DomainConfig


class RunsConfig(DomainConfig):
    name = "apps.runs"
    label = "runs"
    default = True
