from apps.core.apps import DomainConfig


class DeploymentsConfig(DomainConfig):
    name = "apps.deployments"
    label = "deployments"
    default = True
