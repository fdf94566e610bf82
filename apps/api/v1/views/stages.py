"""Stages, what projects ask beyond them, environments, and moves that need no review."""

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from apps.api.v1.base import PersonsRequest, Resource, one, shown
from apps.api.v1.serializers import registry as registry_shapes
from apps.api.v1.serializers import stages as shapes
from apps.api.v1.views.projects import project_of, reviewer_roles_named
from apps.api.v1.views.registry import version_of
from apps.core.errors import NotFound
from apps.projects.models import Project
from apps.stages import policies, queries, services
from apps.stages.models import Stage, StageOverride


class StagesView(Resource):
    @extend_schema(responses=shapes.Stage(many=True))
    def get(self, request: PersonsRequest) -> Response:
        """The stages of all projects, in order. Administrators define them."""
        stages = policies.stages.visible_to(request.user).filter(project=None)
        return self.page(stages.select_related("environment"), shapes.Stage)


class ProjectStagesView(Resource):
    @extend_schema(responses=shapes.StageOfProject(many=True))
    def get(self, request: PersonsRequest, project: str) -> Response:
        """The stages of a project, with what each asks there before a version may enter."""
        found = project_of(request, project)
        return self.page(stages_with_policies(found), shapes.StageOfProject)


class OverrideView(Resource):
    @extend_schema(request=shapes.Override, responses=shapes.StageOfProject)
    def put(self, request: PersonsRequest, project: str, stage: str) -> Response:
        """Ask more of the versions of a project than the stage does everywhere."""
        found = project_of(request, project)
        given = self.given(shapes.Override)
        services.override_stage(
            found,
            stage_of(found, stage),
            approvals_required=given["approvals_required"],
            extra_roles=reviewer_roles_named(given.get("extra_roles", ()), field="extra_roles"),
            by=request.user,
        )
        return shown(_with_policy(found, stage_of(found, stage), True), shapes.StageOfProject)

    @extend_schema(responses={204: None})
    def delete(self, request: PersonsRequest, project: str, stage: str) -> Response:
        """Ask what the stage asks everywhere, and no more."""
        found = project_of(request, project)
        override = one(
            StageOverride.objects.select_related("project", "stage"),
            "override",
            project=found,
            stage=stage_of(found, stage),
        )
        services.remove_override(override, by=request.user)
        return Response(status=204)


class MoveView(Resource):
    @extend_schema(request=shapes.Move, responses=registry_shapes.VersionDetail)
    def post(self, request: PersonsRequest, name: str, number: int) -> Response:
        """Put a version into a stage that asks for no review."""
        version = version_of(request, name, number)
        given = self.given(shapes.Move)
        stage = stage_of(version.model.project, given["stage"])
        services.move(version, stage, by=request.user, reason=given["reason"])
        return shown(version_of(request, name, number), registry_shapes.VersionDetail)


class EnvironmentsView(Resource):
    @extend_schema(responses=shapes.Environment(many=True))
    def get(self, request: PersonsRequest) -> Response:
        """Where deployments run."""
        environments = policies.environments.visible_to(request.user)
        return self.page(environments.prefetch_related("stages"), shapes.Environment)


class EnvironmentView(Resource):
    @extend_schema(responses=shapes.Environment)
    def get(self, request: PersonsRequest, slug: str) -> Response:
        """An environment. Its credentials are never given out."""
        visible = policies.environments.visible_to(request.user)
        return shown(one(visible, "environment", slug=slug), shapes.Environment)


def stage_of(project: Project, name: str) -> Stage:
    stage = queries.stage_named(project, name)
    if stage is None:
        raise NotFound(f"There is no stage “{name}” in this project.")
    return stage


def stages_with_policies(project: Project) -> list[dict[str, Any]]:
    overridden = set(StageOverride.objects.filter(project=project).values_list("stage", flat=True))
    stages = queries.stages_of(project)
    return [_with_policy(project, stage, stage.pk in overridden) for stage in stages]


def _with_policy(project: Project, stage: Stage, is_overridden: bool) -> dict[str, Any]:
    policy = queries.policy_for(stage, project)
    fields = shapes.Stage(stage).data
    return {
        **fields,
        "environment": stage.environment,
        "is_global": stage.project_id is None,
        "is_overridden": is_overridden,
        "policy": {**asdict(policy), "roles": policy.roles, "needs_review": policy.needs_review},
    }
