"""What all resources share: input is checked for types, output has a shape, lists have pages."""

from collections.abc import Iterable
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from apps.accounts.models import User
from apps.core.errors import Invalid, NotFound

M = TypeVar("M", bound=Model)


class PersonsRequest(Request):
    """A request of somebody who is signed in, as every resource demands."""

    user: User


class Resource(GenericAPIView):
    """A view converses; services and policies decide."""

    request: PersonsRequest
    filter_backends = ()

    def given(self, serializer_class: type[BaseSerializer]) -> dict[str, Any]:
        """The body of the request. Raises for wrong types and missing fields."""
        serializer = serializer_class(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data

    def asked(self, serializer_class: type[BaseSerializer]) -> dict[str, Any]:
        """The parameters of the query."""
        serializer = serializer_class(data=self.request.query_params)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data

    def page(
        self, objects: QuerySet[Any] | list[Any], serializer_class: type[BaseSerializer]
    ) -> Response:
        page = self.paginate_queryset(objects)
        return self.get_paginated_response(serializer_class(page, many=True).data)


def shown(
    obj: Any, serializer_class: type[BaseSerializer], *, status: int = 200, **more: Any
) -> Response:
    data: dict[str, Any] = {**serializer_class(obj).data, **more}
    return Response(data, status=status)


def one(objects: QuerySet[M], noun: str, **lookup: Any) -> M:
    found = objects.filter(**lookup).first()
    if found is None:
        raise NotFound(f"There is no such {noun}.")
    return found


def people_named(usernames: Iterable[str], *, field: str) -> list[User]:
    """Active people in the order of their names in the request."""
    wanted = list(dict.fromkeys(usernames))
    found = {u.username: u for u in User.objects.filter(username__in=wanted, is_active=True)}
    unknown = [name for name in wanted if name not in found]
    if unknown:
        sentence = f"Nobody here is called {', '.join(unknown)}."
        raise Invalid.at(field, sentence)
    return [found[name] for name in wanted]
