"""Beginnings of names that a project keeps, and rules for its aliases and tags."""

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from apps.api.v1.base import PersonsRequest, Resource, one, shown
from apps.api.v1.serializers import naming as shapes
from apps.api.v1.views.projects import project_of
from apps.projects.models import NamePrefix
from apps.registry import rules, services
from apps.registry.models import LabelRule


class NamePrefixesView(Resource):
    @extend_schema(responses=shapes.NamePrefix(many=True))
    def get(self, request: PersonsRequest, project: str) -> Response:
        """Beginnings of names that are kept for a project."""
        found = project_of(request, project)
        return self.page(NamePrefix.objects.filter(project=found), shapes.NamePrefix)

    @extend_schema(request=shapes.NewNamePrefix, responses={201: shapes.NamePrefix})
    def post(self, request: PersonsRequest, project: str) -> Response:
        """Keep a beginning of names: new models and experiments that have it go to the project."""
        found = project_of(request, project)
        given = self.given(shapes.NewNamePrefix)
        row = services.reserve_prefix(found, prefix=given["prefix"], by=request.user)
        return shown(row, shapes.NamePrefix, status=201)


class NamePrefixView(Resource):
    @extend_schema(responses={204: None})
    def delete(self, request: PersonsRequest, project: str, pk: int) -> Response:
        """Let names that begin so be taken by everybody."""
        kept = NamePrefix.objects.filter(project=project_of(request, project))
        services.release_prefix(one(kept, "name prefix", pk=pk), by=request.user)
        return Response(status=204)


class LabelRulesView(Resource):
    @extend_schema(responses=shapes.Rule(many=True))
    def get(self, request: PersonsRequest, project: str) -> Response:
        """Who sets which aliases and tags: the rules of all projects, and those of this one."""
        return self.page(rules.rules_of(project_of(request, project)), shapes.Rule)

    @extend_schema(request=shapes.NewRule, responses={201: shapes.Rule})
    def post(self, request: PersonsRequest, project: str) -> Response:
        """Keep aliases or tags that fit a pattern to some roles, or to mlgov alone."""
        found = project_of(request, project)
        rule = services.add_rule(found, **self.given(shapes.NewRule), by=request.user)
        return shown(rule, shapes.Rule, status=201)


class LabelRuleView(Resource):
    @extend_schema(responses={204: None})
    def delete(self, request: PersonsRequest, project: str, pk: int) -> Response:
        """Take a rule of the project back. Those of all projects stay."""
        own = LabelRule.objects.filter(project=project_of(request, project))
        services.remove_rule(one(own, "rule of this project", pk=pk), by=request.user)
        return Response(status=204)
