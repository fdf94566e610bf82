from apps.core.apps import DomainConfig


class TrackingConfig(DomainConfig):
    name = "apps.tracking"
    label = "tracking"
    default = True
