"""What happened."""

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from apps.accounts.models import User
from apps.api.v1.base import PersonsRequest, Resource
from apps.api.v1.serializers import activity as shapes
from apps.api.v1.views.projects import project_of
from apps.core.errors import Invalid
from apps.projects.queries import events_visible_to


class ActivityView(Resource):
    pagination_class = None

    @extend_schema(parameters=[shapes.ActivityQuery], responses=shapes.EventPage)
    def get(self, request: PersonsRequest) -> Response:
        """Who did what, newest first: of the projects that you see; all of it for auditors.

        With `object_type` and `object_id` together, the activity of one object.
        """
        asked = self.asked(shapes.ActivityQuery)
        events = events_visible_to(request.user)
        if "project" in asked:
            events = events.filter(project_id=project_of(request, asked["project"]).pk)
        if "actor" in asked:
            actors = User.objects.filter(username=asked["actor"]).values("pk")
            events = events.filter(actor_id__in=actors)
        if "action" in asked:
            exact = "." in asked["action"]
            events = events.filter(
                **({"action": asked["action"]} if exact else _all_of(asked["action"]))
            )
        if ("object_type" in asked) != ("object_id" in asked):
            raise Invalid("Name an object by object_type and object_id together.")
        if "object_type" in asked:
            events = events.filter(
                links__object_type=asked["object_type"], links__object_id=asked["object_id"]
            )
        for name, lookup in (("since", "at__gte"), ("until", "at__lt"), ("before", "pk__lt")):
            if name in asked:
                events = events.filter(**{lookup: asked[name]})
        # By key and not by number: the page a reader is on does not move under him.
        found = list(events.order_by("-id")[: asked["limit"] + 1])
        given = found[: asked["limit"]]
        here = request.build_absolute_uri()
        following = len(found) > len(given)
        return Response(
            {
                "next": replace_query_param(here, "before", given[-1].pk) if following else None,
                "results": shapes.Event(given, many=True).data,
            }
        )


def _all_of(area: str) -> dict[str, str]:
    return {"action__startswith": f"{area}."}
