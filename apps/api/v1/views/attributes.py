"""Attributes: which are declared, and what a project, a model and a version hold."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from apps.accounts import declarations
from apps.accounts.models import Attribute
from apps.api.v1.base import PersonsRequest, Resource, one, shown
from apps.api.v1.serializers import attributes as shapes
from apps.api.v1.views.projects import project_of
from apps.api.v1.views.registry import model_of, version_of
from apps.core.errors import Invalid
from apps.projects import services as project_services
from apps.registry import services as registry_services

# An object of names with values; which ones there are, administrators say.
ATTRIBUTES: Any = {"request": OpenApiTypes.OBJECT, "responses": OpenApiTypes.OBJECT}


class AttributesView(Resource):
    @extend_schema(parameters=[shapes.AttributesQuery], responses=shapes.Attribute(many=True))
    def get(self, request: PersonsRequest) -> Response:
        """The attributes of people, projects, models and versions that are declared."""
        found = Attribute.objects.filter(**self.asked(shapes.AttributesQuery))
        return self.page(found, shapes.Attribute)

    @extend_schema(request=shapes.NewAttribute, responses={201: shapes.Attribute})
    def post(self, request: PersonsRequest) -> Response:
        """Declare an attribute, as an administrator."""
        made = declarations.declare(**self.given(shapes.NewAttribute), by=request.user)
        return shown(made, shapes.Attribute, status=201)


class AttributeView(Resource):
    @extend_schema(responses=shapes.Attribute)
    def get(self, request: PersonsRequest, about: str, name: str) -> Response:
        """A declared attribute."""
        return shown(_attribute(about, name), shapes.Attribute)

    @extend_schema(request=shapes.AttributeChanges, responses=shapes.Attribute)
    def patch(self, request: PersonsRequest, about: str, name: str) -> Response:
        """Change a declaration, as an administrator. What is held has to fit it."""
        given = self.given(shapes.AttributeChanges)
        changed = declarations.change(_attribute(about, name), **given, by=request.user)
        return shown(changed, shapes.Attribute)

    @extend_schema(responses={204: None})
    def delete(self, request: PersonsRequest, about: str, name: str) -> Response:
        """Delete a declaration that nobody and nothing holds a value of, as an administrator."""
        declarations.delete(_attribute(about, name), by=request.user)
        return Response(status=204)


class ProjectAttributesView(Resource):
    @extend_schema(**ATTRIBUTES)
    def patch(self, request: PersonsRequest, project: str) -> Response:
        """Set attributes of a project; null takes one away. Answers with all of them."""
        found = project_of(request, project)
        saved = project_services.set_attributes(found, changes=_changes(request), by=request.user)
        return Response(saved.attributes)


class ModelAttributesView(Resource):
    @extend_schema(**ATTRIBUTES)
    def patch(self, request: PersonsRequest, name: str) -> Response:
        """Set attributes of a model; null takes one away. Answers with all of them."""
        found = model_of(request, name)
        saved = registry_services.set_model_attributes(
            found, changes=_changes(request), by=request.user
        )
        return Response(saved.attributes)


class VersionAttributesView(Resource):
    @extend_schema(**ATTRIBUTES)
    def patch(self, request: PersonsRequest, name: str, number: int) -> Response:
        """Set attributes of a version; null takes one away. Answers with all of them."""
        found = version_of(request, name, number)
        saved = registry_services.set_version_attributes(
            found, changes=_changes(request), by=request.user
        )
        return Response(saved.attributes)


def _changes(request: PersonsRequest) -> dict[str, Any]:
    if not isinstance(request.data, dict):
        raise Invalid("Send an object: names of attributes with their values.")
    return request.data


def _attribute(about: str, name: str) -> Attribute:
    return one(Attribute.objects.all(), "attribute", about=about, name=name)
