"""Projects and the people in them."""

from collections.abc import Iterable

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from apps.api.v1.base import PersonsRequest, Resource, one, people_named, shown
from apps.api.v1.serializers import projects as shapes
from apps.core.errors import Invalid
from apps.projects import policies, services
from apps.projects.models import Membership, Project, ReviewerRole


class ProjectsView(Resource):
    @extend_schema(responses=shapes.Project(many=True))
    def get(self, request: PersonsRequest) -> Response:
        """The projects that you see."""
        return self.page(policies.projects.visible_to(request.user), shapes.Project)

    @extend_schema(request=shapes.NewProject, responses={201: shapes.Project})
    def post(self, request: PersonsRequest) -> Response:
        """Make a project. You become its owner."""
        project = services.create_project(**self.given(shapes.NewProject), by=request.user)
        return shown(project, shapes.Project, status=201)


class ProjectView(Resource):
    @extend_schema(responses=shapes.Project)
    def get(self, request: PersonsRequest, project: str) -> Response:
        """A project."""
        return shown(project_of(request, project), shapes.Project)

    @extend_schema(request=shapes.ProjectDescription, responses=shapes.Project)
    def patch(self, request: PersonsRequest, project: str) -> Response:
        """Change what a project is called, who sees it, and when its access is reviewed."""
        found = project_of(request, project)
        given = self.given(shapes.ProjectDescription)
        described = services.describe_project(
            found,
            name=given.get("name", found.name),
            description=given.get("description", found.description),
            visibility=given.get("visibility"),
            access_review_days=given.get("access_review_days", ...),
            by=request.user,
        )
        return shown(described, shapes.Project)


class MembersView(Resource):
    @extend_schema(responses=shapes.Member(many=True))
    def get(self, request: PersonsRequest, project: str) -> Response:
        """Who is in a project, and as what."""
        return self.page(_members(project_of(request, project)), shapes.Member)


class MemberView(Resource):
    @extend_schema(request=shapes.MemberRole, responses=shapes.Member)
    def put(self, request: PersonsRequest, project: str, username: str) -> Response:
        """Let somebody into a project, or change what he is there."""
        found = project_of(request, project)
        given = self.given(shapes.MemberRole)
        membership = services.set_member(
            found,
            user=people_named([username], field="username")[0],
            role=given["role"],
            reviewer_roles=reviewer_roles_named(
                given.get("reviewer_roles", ()), field="reviewer_roles"
            ),
            by=request.user,
        )
        return shown(membership, shapes.Member)

    @extend_schema(responses={204: None})
    def delete(self, request: PersonsRequest, project: str, username: str) -> Response:
        """Take somebody out of a project."""
        members = _members(project_of(request, project))
        services.remove_member(one(members, "member", user__username=username), by=request.user)
        return Response(status=204)


class ProjectServiceAccountsView(Resource):
    @extend_schema(request=shapes.NewProjectServiceAccount, responses={201: shapes.Member})
    def post(self, request: PersonsRequest, project: str) -> Response:
        """Make an account for a pipeline of the project. You own it, and make its tokens."""
        membership = services.create_service_account(
            project_of(request, project),
            **self.given(shapes.NewProjectServiceAccount),
            by=request.user,
        )
        return shown(membership, shapes.Member, status=201)


class ReviewerRolesView(Resource):
    @extend_schema(responses=shapes.ReviewerRole(many=True))
    def get(self, request: PersonsRequest) -> Response:
        """The capacities in which people review. Administrators define them."""
        return self.page(ReviewerRole.objects.all(), shapes.ReviewerRole)


def project_of(request: PersonsRequest, slug: str) -> Project:
    return one(policies.projects.visible_to(request.user), "project", slug=slug)


def reviewer_roles_named(slugs: Iterable[str], *, field: str) -> list[ReviewerRole]:
    wanted = set(slugs)
    found = list(ReviewerRole.objects.filter(slug__in=wanted))
    unknown = sorted(wanted - {role.slug for role in found})
    if unknown:
        sentence = f"There is no reviewer role {', '.join(unknown)}."
        raise Invalid.at(field, sentence)
    return found


def _members(project: Project) -> QuerySet[Membership]:
    return (
        Membership.objects.filter(project=project)
        .select_related("user")
        .prefetch_related("reviewer_roles")
    )
