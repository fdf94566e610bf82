"""Model cards, and the discussion beside them."""

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from apps.api.v1.base import PersonsRequest, Resource, one, shown
from apps.api.v1.serializers import registry as shapes
from apps.api.v1.views.registry import version_of
from apps.cards import comments, policies, queries, services
from apps.cards.models import VersionComment


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


class CommentsOnVersionView(Resource):
    @extend_schema(responses=shapes.VersionComment(many=True))
    def get(self, request: PersonsRequest, name: str, number: int) -> Response:
        """What was said about a version outside of its reviews, oldest first."""
        found = queries.comments_on(version_of(request, name, number))
        return self.page(found, shapes.VersionComment)

    @extend_schema(request=shapes.NewVersionComment, responses={201: shapes.VersionComment})
    def post(self, request: PersonsRequest, name: str, number: int) -> Response:
        """Say something about a version."""
        comment = comments.add_comment(
            version_of(request, name, number),
            **self.given(shapes.NewVersionComment),
            by=request.user,
        )
        return shown(comment, shapes.VersionComment, status=201)


class CommentOnVersionView(Resource):
    @extend_schema(request=shapes.NewVersionComment, responses=shapes.VersionComment)
    def put(self, request: PersonsRequest, name: str, number: int, pk: int) -> Response:
        """Say it in other words: your own comments only."""
        comment = comments.edit_comment(
            _comment_of(request, name, number, pk),
            **self.given(shapes.NewVersionComment),
            by=request.user,
        )
        return shown(comment, shapes.VersionComment)

    @extend_schema(responses={204: None})
    def delete(self, request: PersonsRequest, name: str, number: int, pk: int) -> Response:
        """Take a comment back: your own, or any as an owner of the project."""
        comments.delete_comment(_comment_of(request, name, number, pk), by=request.user)
        return Response(status=204)


def _comment_of(request: PersonsRequest, name: str, number: int, pk: int) -> VersionComment:
    visible = policies.comments.visible_to(request.user).select_related("by")
    return one(visible.filter(version=version_of(request, name, number)), "comment", pk=pk)
