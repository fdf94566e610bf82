from apps.core.apps import DomainConfig


class WebhooksConfig(DomainConfig):
    name = "apps.webhooks"
    label = "webhooks"
    default = True
