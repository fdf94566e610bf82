"""Model cards."""

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from apps.api.v1.base import PersonsRequest, Resource, shown
from apps.api.v1.serializers import registry as shapes
from apps.api.v1.views.registry import version_of
from apps.cards import queries, services


class CardView(Resource):
    @extend_schema(responses=shapes.Card)
    def get(self, request: PersonsRequest, name: str, number: int) -> Response:
        """The newest revision of what people wrote about a version."""
        return shown(queries.current_card(version_of(request, name, number)), shapes.Card)

    @extend_schema(request=shapes.CardEdit, responses=shapes.Card)
    def put(self, request: PersonsRequest, name: str, number: int) -> Response:
        """Write a new revision on top of the one that you have read."""
        revision = services.edit_card(
            version_of(request, name, number), **self.given(shapes.CardEdit), by=request.user
        )
        return shown(revision, shapes.Card)


class CardRevisionsView(Resource):
    @extend_schema(responses=shapes.Card(many=True))
    def get(self, request: PersonsRequest, name: str, number: int) -> Response:
        """Every revision of a card, newest first."""
        revisions = version_of(request, name, number).card_revisions
        return self.page(revisions.select_related("author").order_by("-number"), shapes.Card)
