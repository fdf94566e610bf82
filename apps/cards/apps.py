from apps.core.apps import DomainConfig


class CardsConfig(DomainConfig):
    name = "apps.cards"
    label = "cards"
    default = True
