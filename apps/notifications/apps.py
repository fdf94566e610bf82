from apps.core.apps import DomainConfig


class NotificationsConfig(DomainConfig):
    name = "apps.notifications"
    label = "notifications"
    default = True
