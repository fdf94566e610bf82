"""Tells the declarations of attributes which objects may hold one. What was deleted does not."""

from apps.accounts.declarations import register_holders
from apps.accounts.models import About
from apps.registry.models import ModelVersion, RegisteredModel

register_holders(About.MODEL, lambda: RegisteredModel.objects.filter(deleted_at=None))
register_holders(About.VERSION, lambda: ModelVersion.objects.filter(deleted_at=None))
