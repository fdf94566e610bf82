from apps.core.apps import DomainConfig


class OutboxConfig(DomainConfig):
    name = "apps.outbox"
    label = "outbox"
    default = True
