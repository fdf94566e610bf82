from apps.core.apps import DomainConfig


class AccountsConfig(DomainConfig):
    name = "apps.accounts"
    label = "accounts"
    default = True
