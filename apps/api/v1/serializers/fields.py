from typing import Any

from django.conf import settings
from django.urls import reverse
from rest_framework import serializers


class Attribute(serializers.CharField):
    """One attribute of an object, where the object itself would say too much."""

    def __init__(self, attribute: str, **options: Any) -> None:
        super().__init__(read_only=True, **options)
        self.attribute = attribute

    def to_representation(self, value: Any) -> str:
        return str(getattr(value, self.attribute))


def page_of(view: str, *arguments: Any) -> str:
    """The address of a page, as a person opens it."""
    return f"{settings.MLGOV_ORIGIN}{reverse(view, args=arguments)}"
