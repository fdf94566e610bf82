"""Whose the sections of cards are: in all projects, and in one."""

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from apps.api.v1.base import PersonsRequest, Resource, one, shown
from apps.api.v1.serializers import sections as shapes
from apps.api.v1.views.projects import project_of
from apps.cards import section_rules
from apps.cards.models import SectionRule
from apps.core.errors import NotPermitted
from apps.projects.queries import is_auditor


class SectionRulesView(Resource):
    @extend_schema(responses=shapes.SectionRule(many=True))
    def get(self, request: PersonsRequest, project: str) -> Response:
        """Who reads and edits which section: the rules of all projects, and those of this one."""
        return self.page(section_rules.rules_in(project_of(request, project)), shapes.SectionRule)

    @extend_schema(
        request=shapes.NewSectionRule, responses={200: shapes.SectionRule, 201: shapes.SectionRule}
    )
    def post(self, request: PersonsRequest, project: str) -> Response:
        """Name those who alone read or edit a section, or whose it is in a review.

        It takes the place of what the project said about the same before.
        """
        found = project_of(request, project)
        rule, is_new = section_rules.set_rule(
            found, **self.given(shapes.NewSectionRule), by=request.user
        )
        return shown(rule, shapes.SectionRule, status=201 if is_new else 200)


class SectionRuleView(Resource):
    @extend_schema(responses={204: None})
    def delete(self, request: PersonsRequest, project: str, pk: int) -> Response:
        """Take back what the project said. What holds in all projects stays."""
        own = SectionRule.objects.filter(project=project_of(request, project))
        rule = one(own.select_related("project"), "rule of this project", pk=pk)
        section_rules.remove_rule(rule, by=request.user)
        return Response(status=204)


class SectionRulesEverywhereView(Resource):
    @extend_schema(responses=shapes.SectionRule(many=True))
    def get(self, request: PersonsRequest) -> Response:
        """What holds in all projects, for administrators and auditors."""
        if not is_auditor(request.user):
            raise NotPermitted(
                "The rules of all projects are listed for auditors and administrators. Ask for "
                "those of your project: they stand among them."
            )
        return self.page(SectionRule.objects.filter(project=None), shapes.SectionRule)

    @extend_schema(
        request=shapes.NewSectionRule, responses={200: shapes.SectionRule, 201: shapes.SectionRule}
    )
    def post(self, request: PersonsRequest) -> Response:
        """Lay down for all projects whose a section is. Administrators alone do."""
        rule, is_new = section_rules.set_rule(
            None, **self.given(shapes.NewSectionRule), by=request.user
        )
        return shown(rule, shapes.SectionRule, status=201 if is_new else 200)


class SectionRuleEverywhereView(Resource):
    @extend_schema(responses={204: None})
    def delete(self, request: PersonsRequest, pk: int) -> Response:
        """Take it back. What single projects say stays."""
        section_rules.require_rule_maker(request.user, None)
        everywhere = SectionRule.objects.filter(project=None)
        section_rules.remove_rule(one(everywhere, "rule of all projects", pk=pk), by=request.user)
        return Response(status=204)
