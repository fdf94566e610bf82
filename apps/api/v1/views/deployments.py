"""Endpoints, their keys, and what serves behind them."""

from django.db.models import Prefetch, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from apps.api.v1.base import PersonsRequest, Resource, one, shown
from apps.api.v1.serializers import deployments as shapes
from apps.api.v1.serializers.people import NewSecret
from apps.api.v1.serializers.reviews import Reason
from apps.deployments import policies, services
from apps.deployments.models import ApiKey, Deployment, Endpoint, Rollout


class EndpointsView(Resource):
    @extend_schema(responses=shapes.Endpoint(many=True))
    def get(self, request: PersonsRequest) -> Response:
        """The endpoints that you see."""
        endpoints = policies.endpoints.visible_to(request.user)
        return self.page(
            endpoints.select_related("project", "model", "environment").order_by(
                "project__slug", "slug"
            ),
            shapes.Endpoint,
        )


class EndpointView(Resource):
    @extend_schema(responses=shapes.Endpoint)
    def get(self, request: PersonsRequest, project: str, slug: str) -> Response:
        """An endpoint."""
        return shown(endpoint_of(request, project, slug), shapes.Endpoint)


class ApiKeysView(Resource):
    @extend_schema(responses=shapes.ApiKey(many=True))
    def get(self, request: PersonsRequest, project: str, slug: str) -> Response:
        """The keys of an endpoint, also those that were revoked."""
        endpoint = endpoint_of(request, project, slug)
        policies.endpoints.require(request.user, "manage_keys", endpoint)
        keys = ApiKey.objects.filter(endpoint=endpoint).select_related("created_by")
        return self.page(keys, shapes.ApiKey)

    @extend_schema(request=NewSecret, responses={201: shapes.ApiKeyWithSecret})
    def post(self, request: PersonsRequest, project: str, slug: str) -> Response:
        """Make a key for callers. Its secret is in this answer and nowhere else."""
        endpoint = endpoint_of(request, project, slug)
        given = self.given(NewSecret)
        key, secret = services.create_api_key(
            endpoint, name=given["name"], expires_at=given.get("expires_at"), by=request.user
        )
        return shown(key, shapes.ApiKey, status=201, secret=secret)


class ApiKeyView(Resource):
    @extend_schema(responses={204: None})
    def delete(self, request: PersonsRequest, project: str, slug: str, pk: int) -> Response:
        """Revoke a key. Callers who use it are refused from now on."""
        endpoint = endpoint_of(request, project, slug)
        keys = policies.api_keys.visible_to(request.user).filter(endpoint=endpoint)
        services.revoke_api_key(one(keys, "key", pk=pk), by=request.user)
        return Response(status=204)


class DeploymentsView(Resource):
    @extend_schema(parameters=[shapes.DeploymentsQuery], responses=shapes.Deployment(many=True))
    def get(self, request: PersonsRequest) -> Response:
        """The deployments that you see, newest first."""
        paths = {
            "state": "state",
            "project": "endpoint__project__slug",
            "environment": "endpoint__environment__slug",
            "model": "version__model__name",
            "version": "version__number",
        }
        asked = self.asked(shapes.DeploymentsQuery)
        deployments = policies.deployments.visible_to(request.user).filter(
            **{paths[name]: value for name, value in asked.items()}
        )
        return self.page(_with_names(deployments).order_by("-id"), shapes.Deployment)


class DeploymentView(Resource):
    @extend_schema(responses=shapes.DeploymentDetail)
    def get(self, request: PersonsRequest, pk: int) -> Response:
        """A deployment with its build, rollouts and replicas."""
        return _detail(request, pk)


class RetryView(Resource):
    @extend_schema(request=None, responses={202: shapes.DeploymentDetail})
    def post(self, request: PersonsRequest, pk: int) -> Response:
        """Take a failed deployment up again where it failed."""
        services.retry(deployment_of(request, pk), by=request.user)
        return _detail(request, pk, status=202)


class CancelView(Resource):
    @extend_schema(request=None, responses={202: shapes.DeploymentDetail})
    def post(self, request: PersonsRequest, pk: int) -> Response:
        """End the build or rollout that is on its way."""
        services.cancel(deployment_of(request, pk), by=request.user)
        return _detail(request, pk, status=202)


class RollBackView(Resource):
    @extend_schema(request=shapes.ReasonWanted, responses={202: shapes.DeploymentDetail})
    def post(self, request: PersonsRequest, pk: int) -> Response:
        """Give this earlier deployment the traffic again."""
        deployment = deployment_of(request, pk)
        services.roll_back(deployment, **self.given(shapes.ReasonWanted), by=request.user)
        return _detail(request, pk, status=202)


class RetireView(Resource):
    @extend_schema(request=Reason, responses=shapes.DeploymentDetail)
    def post(self, request: PersonsRequest, pk: int) -> Response:
        """End a deployment. Its endpoint stays."""
        deployment = deployment_of(request, pk)
        services.retire(deployment, **self.given(Reason), by=request.user)
        return _detail(request, pk)


def endpoint_of(request: PersonsRequest, project: str, slug: str) -> Endpoint:
    visible = policies.endpoints.visible_to(request.user).select_related(
        "project", "model", "environment"
    )
    return one(visible, "endpoint", project__slug=project, slug=slug)


def deployment_of(request: PersonsRequest, pk: int) -> Deployment:
    return one(_with_names(policies.deployments.visible_to(request.user)), "deployment", pk=pk)


def _with_names(deployments: QuerySet[Deployment]) -> QuerySet[Deployment]:
    return deployments.select_related(
        "endpoint__project", "endpoint__environment", "version__model"
    )


def _detail(request: PersonsRequest, pk: int, *, status: int = 200) -> Response:
    visible = _with_names(policies.deployments.visible_to(request.user))
    rollouts = Prefetch("rollouts", Rollout.objects.select_related("run").order_by("-id"))
    whole = visible.select_related("move", "image", "build__run").prefetch_related(
        rollouts, "copies"
    )
    return shown(one(whole, "deployment", pk=pk), shapes.DeploymentDetail, status=status)
