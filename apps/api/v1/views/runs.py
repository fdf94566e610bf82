"""Runs and their logs."""

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from apps.api.v1.base import PersonsRequest, Resource, one, shown
from apps.api.v1.serializers import deployments as shapes
from apps.deployments import policies
from apps.runs.models import Run

MOST_LINES = 1_000


class RunsView(Resource):
    @extend_schema(parameters=[shapes.RunsQuery], responses=shapes.Run(many=True))
    def get(self, request: PersonsRequest) -> Response:
        """Registrations, builds and rollouts that you see, newest first."""
        runs = policies.runs.visible_to(request.user).order_by("-id")
        asked = self.asked(shapes.RunsQuery)
        return self.page(runs.filter(**asked), shapes.Run)


class RunView(Resource):
    @extend_schema(responses=shapes.RunDetail)
    def get(self, request: PersonsRequest, pk: int) -> Response:
        """A run with its steps."""
        return shown(_run_of(request, pk), shapes.RunDetail)


class RunLogView(Resource):
    @extend_schema(parameters=[shapes.LogQuery], responses=shapes.Log)
    def get(self, request: PersonsRequest, pk: int) -> Response:
        """The log of a run from a line on. Ask again with `after` until it is complete."""
        run = _run_of(request, pk)
        after = self.asked(shapes.LogQuery)["after"]
        # One more than is given out says whether there are more.
        lines = list(run.log.filter(pk__gt=after).select_related("step")[: MOST_LINES + 1])
        given = lines[:MOST_LINES]
        return Response(
            {
                "lines": shapes.LogLine(given, many=True).data,
                "after": given[-1].pk if given else after,
                "is_complete": run.is_finished and len(lines) <= MOST_LINES,
            }
        )


def _run_of(request: PersonsRequest, pk: int) -> Run:
    visible = policies.runs.visible_to(request.user)
    return one(visible.select_related("requested_by").prefetch_related("steps"), "run", pk=pk)
