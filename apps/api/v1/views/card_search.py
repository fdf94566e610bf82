"""Cards that are found by what they say."""

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from apps.api.v1.base import PersonsRequest, Resource
from apps.api.v1.serializers import card_search as shapes
from apps.cards.search import finding
from apps.cards.search.asking import question
from apps.cards.search.finding import Hidden
from apps.cards.search.results import results


class CardSearchView(Resource):
    @extend_schema(parameters=[shapes.CardSearchQuery], responses=shapes.FoundCard(many=True))
    def get(self, request: PersonsRequest) -> Response:
        """Search the newest cards, in the sections that you may read."""
        asked = question(self.asked(shapes.CardSearchQuery))
        hidden = Hidden.to(request.user)
        found = finding.Answer(finding.versions_of(request.user, asked), asked, hidden)
        page = self.paginate_queryset(found)
        shown = shapes.FoundCard(results(page or [], asked, hidden), many=True)
        return self.get_paginated_response(shown.data)
