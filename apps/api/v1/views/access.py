"""Access rules, grants on single objects, and what decides about whom."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from apps.access import dry_run, explanations, rulebook, services
from apps.access.models import Rule
from apps.api.v1.base import PersonsRequest, Resource, one, shown
from apps.api.v1.serializers import access as shapes
from apps.core.errors import NotPermitted


class RulesView(Resource):
    @extend_schema(responses=shapes.AccessRule(many=True))
    def get(self, request: PersonsRequest) -> Response:
        """All access rules, for auditors and administrators."""
        page = self.paginate_queryset(_rules(request).order_by("name"))
        context = {"declared": rulebook.declarations()}
        found = shapes.AccessRule(page, many=True, context=context)
        return self.get_paginated_response(found.data)

    @extend_schema(request=shapes.RuleContent, responses={201: shapes.AccessRule})
    def post(self, request: PersonsRequest) -> Response:
        """Write a rule down, as an administrator. It holds from the next request on."""
        services.require_rule_maker(request.user)
        rule = services.create_rule(by=request.user, **self.given(shapes.RuleContent))
        return shown(rule, shapes.AccessRule, status=201)


class RuleTrialView(Resource):
    @extend_schema(operation_id="rules_dry_run", request=shapes.Trial, responses=shapes.Comparison)
    def post(self, request: PersonsRequest) -> Response:
        """Who would gain or lose what, and on how many objects, without saving the rule."""
        services.require_rule_maker(request.user)
        given = self.given(shapes.Trial)
        replaced = given.pop("replaces")
        before = one(_rules(request), "rule", pk=replaced) if replaced else None
        rule = Rule(author=request.user, **given)
        services.require_sound(rule)
        return shown(dry_run.compare(before, rule), shapes.Comparison)


class RuleView(Resource):
    @extend_schema(responses=shapes.AccessRule)
    def get(self, request: PersonsRequest, pk: int) -> Response:
        """An access rule, for auditors and administrators."""
        return shown(one(_rules(request), "rule", pk=pk), shapes.AccessRule)

    @extend_schema(request=shapes.RuleChanges, responses=shapes.AccessRule)
    def patch(self, request: PersonsRequest, pk: int) -> Response:
        """Change what is given; `is_active: false` switches it off at once."""
        services.require_rule_maker(request.user)
        rule = one(_rules(request), "rule", pk=pk)
        given = self.given(shapes.RuleChanges)
        return shown(services.change_rule(rule, by=request.user, **given), shapes.AccessRule)

    @extend_schema(responses={204: None})
    def delete(self, request: PersonsRequest, pk: int) -> Response:
        """Delete a rule. The audit trail keeps it."""
        services.require_rule_maker(request.user)
        services.delete_rule(one(_rules(request), "rule", pk=pk), by=request.user)
        return Response(status=204)


def _rules(request: PersonsRequest) -> QuerySet[Rule]:
    if not explanations.reads_all(request.user):
        raise NotPermitted("Access rules are read by auditors and administrators.")
    return Rule.objects.select_related("author")
