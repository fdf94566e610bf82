"""Registered models, their versions, artifacts and lineage. Versions are registered by MLflow."""

from typing import Any

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.response import Response

from apps.api.v1.base import PersonsRequest, Resource, one, shown
from apps.api.v1.serializers import registry as shapes
from apps.api.v1.serializers.deployments import Run
from apps.api.v1.views.projects import project_of
from apps.core.errors import NotFound
from apps.registry import policies, services, storage
from apps.registry.models import Lineage, ModelVersion, RegisteredModel


class ModelsView(Resource):
    @extend_schema(parameters=[shapes.ModelsQuery], responses=shapes.Model(many=True))
    def get(self, request: PersonsRequest) -> Response:
        """The registered models that you see."""
        asked = self.asked(shapes.ModelsQuery)
        models = policies.models.visible_to(request.user).select_related("project")
        if "project" in asked:
            models = models.filter(project__slug=asked["project"])
        if "search" in asked:
            models = models.filter(name__icontains=asked["search"])
        return self.page(models.order_by("name"), shapes.Model)

    @extend_schema(request=shapes.NewModel, responses={201: shapes.ModelDetail})
    def post(self, request: PersonsRequest) -> Response:
        """Make a model in a project. MLflow's client registers the versions."""
        given = self.given(shapes.NewModel)
        model = services.create_model(
            name=given["name"],
            project=project_of(request, given["project"]),
            description=given["description"],
            by=request.user,
        )
        return shown(model, shapes.ModelDetail, status=201)


class ModelView(Resource):
    @extend_schema(responses=shapes.ModelDetail)
    def get(self, request: PersonsRequest, name: str) -> Response:
        """A registered model with its tags and aliases."""
        return shown(model_of(request, name), shapes.ModelDetail)

    @extend_schema(request=shapes.ModelDescription, responses=shapes.ModelDetail)
    def patch(self, request: PersonsRequest, name: str) -> Response:
        """Describe a model."""
        model = services.describe_model(
            model_of(request, name), **self.given(shapes.ModelDescription), by=request.user
        )
        return shown(model, shapes.ModelDetail)

    @extend_schema(responses={204: None})
    def delete(self, request: PersonsRequest, name: str) -> Response:
        """Delete a model with its versions. What is deployed has to be retired first."""
        services.delete_model(model_of(request, name), by=request.user)
        return Response(status=204)


class VersionsView(Resource):
    @extend_schema(responses=shapes.Version(many=True))
    def get(self, request: PersonsRequest, name: str) -> Response:
        """The versions of a model, newest first."""
        model = model_of(request, name)
        versions = policies.versions.visible_to(request.user).filter(model=model)
        return self.page(
            versions.select_related("model__project", "registered_by", "placement__stage").order_by(
                "-number"
            ),
            shapes.Version,
        )


class VersionView(Resource):
    @extend_schema(responses=shapes.VersionDetail)
    def get(self, request: PersonsRequest, name: str, number: int) -> Response:
        """A version: what it is, where it comes from, in which stage it is."""
        return shown(version_of(request, name, number), shapes.VersionDetail)

    @extend_schema(responses={204: None})
    def delete(self, request: PersonsRequest, name: str, number: int) -> Response:
        """Delete a version."""
        services.delete_version(version_of(request, name, number), by=request.user)
        return Response(status=204)


class VersionRetryView(Resource):
    @extend_schema(request=None, responses={202: Run})
    def post(self, request: PersonsRequest, name: str, number: int) -> Response:
        """Try again to take over the artifacts of a version whose registration failed."""
        ingest = services.retry_ingest(version_of(request, name, number), by=request.user)
        return shown(ingest.run, Run, status=202)


class ArtifactsView(Resource):
    @extend_schema(responses=shapes.Artifact(many=True))
    def get(self, request: PersonsRequest, name: str, number: int) -> Response:
        """The files of a version, with their digests."""
        version = version_of(request, name, number)
        return self.page(version.artifacts.order_by("path"), shapes.Artifact)


class AnyBytes(BaseRenderer):
    """Lets a client ask for bytes; a refusal comes as JSON all the same."""

    media_type = "application/octet-stream"
    format = "binary"
    charset = None

    def render(self, data: Any, *args: Any, **kwargs: Any) -> bytes:
        return JSONRenderer().render(data)


class ArtifactFileView(Resource):
    renderer_classes = (JSONRenderer, AnyBytes)

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: PersonsRequest, name: str, number: int, path: str) -> FileResponse:
        """Download a file of a version from mlgov's own storage."""
        version = version_of(request, name, number)
        artifact = one(version.artifacts.all(), "file", path=path)
        response = FileResponse(
            storage.open_blob(artifact.sha256),
            as_attachment=True,
            filename=artifact.path.rpartition("/")[2],
            content_type="application/octet-stream",
        )
        response["Content-Length"] = str(artifact.size)
        response["ETag"] = f'"{artifact.sha256}"'
        # Whatever somebody registered: a browser must not take it for a page of ours.
        response["X-Content-Type-Options"] = "nosniff"
        response["Content-Security-Policy"] = "default-src 'none'; sandbox"
        return response


class LineageView(Resource):
    @extend_schema(responses=shapes.Lineage)
    def get(self, request: PersonsRequest, name: str, number: int) -> Response:
        """Where a version comes from, as the tracking server said at registration."""
        version = version_of(request, name, number)
        lineage = Lineage.objects.filter(version=version).first()
        if lineage is None:
            raise NotFound(f"The lineage of {version} has not been read yet.")
        return shown(lineage, shapes.Lineage)


def model_of(request: PersonsRequest, name: str) -> RegisteredModel:
    visible = policies.models.visible_to(request.user)
    return one(visible.select_related("project", "created_by"), "model", name=name)


def version_of(request: PersonsRequest, name: str, number: int) -> ModelVersion:
    visible = policies.versions.visible_to(request.user).select_related(
        "model__project", "registered_by", "placement__stage"
    )
    return one(visible, "version", model__name=name, model__deleted_at=None, number=number)
