"""Reading the trail."""

from django.db import models

from apps.audit.models import AuditEvent


def activity_of(obj: models.Model) -> models.QuerySet[AuditEvent]:
    """What happened to an object, newest first."""
    return AuditEvent.objects.filter(
        links__object_type=obj._meta.label_lower, links__object_id=str(obj.pk)
    ).order_by("-id")
