from django.db.models.signals import post_migrate

from apps.audit import triggers
from apps.core.apps import DomainConfig


class AuditConfig(DomainConfig):
    name = "apps.audit"
    label = "audit"
    default = True

    def ready(self) -> None:
        super().ready()
        post_migrate.connect(triggers.follow_the_setting, sender=self)
