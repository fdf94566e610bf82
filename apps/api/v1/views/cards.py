"""Model cards, and the discussion beside them."""

from typing import Any

from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from apps.accounts.models import User
from apps.api.v1.base import PersonsRequest, Resource, one, shown
from apps.api.v1.serializers import registry as shapes
from apps.api.v1.views.registry import version_of
from apps.cards import (
    catalogues,
    comments,
    completeness,
    exchange,
    policies,
    queries,
    schema,
    sections,
    services,
)
from apps.cards.formats import registry
from apps.cards.models import CardRevision, VersionComment


class CardView(Resource):
    @extend_schema(responses=shapes.Card)
    def get(self, request: PersonsRequest, name: str, number: int) -> Response:
        """The newest revision of what people wrote about a version."""
        return shown(queries.card_for(version_of(request, name, number), request.user), shapes.Card)

    @extend_schema(request=shapes.CardEdit, responses=shapes.Card)
    def put(self, request: PersonsRequest, name: str, number: int) -> Response:
        """Write a new revision on top of the one that you have read."""
        given = self.given(shapes.CardEdit)
        version = version_of(request, name, number)
        whole = given.get("content")
        changes = dict(given.get("changes", {}))
        if whole is not None:
            catalogue = catalogues.asked(queries.current_card(version))
            hidden = sections.hidden_sections(request.user, version)
            changes = {**services.typed_values(whole, catalogue, hidden=hidden), **changes}
        if "description" in given:
            changes["/overview/description"] = given["description"]
        revision = services.edit_card(
            version,
            by=request.user,
            changes=changes,
            confirm=given.get("confirm", []),
            base_revision=given["base_revision"],
            reason=given["reason"],
        )
        return _seen(revision, request.user)


class CardFillView(Resource):
    @extend_schema(request=None, responses=shapes.Card)
    def post(self, request: PersonsRequest, name: str, number: int) -> Response:
        """Read the run again, and put what it says on the card beside what people wrote."""
        version = version_of(request, name, number)
        return _seen(services.refill_card(version, by=request.user), request.user)


class CardMissingView(Resource):
    @extend_schema(responses=shapes.MissingField(many=True))
    def get(self, request: PersonsRequest, name: str, number: int) -> Response:
        """Fields that a review needs and that say nothing yet, or wait for somebody's yes."""
        card = queries.card_for(version_of(request, name, number), request.user)
        found = [
            {
                "pointer": item.field.pointer,
                "title": item.field.title,
                "reason": item.reason,
                "filled_by": item.field.source.value,
            }
            for item in completeness.missing(card)
        ]
        return Response(shapes.MissingField(found, many=True).data)


class CardSchemaView(Resource):
    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: PersonsRequest) -> Response:
        """The JSON Schema (2020-12) of cards: who fills each field, and when it is needed."""
        return Response(schema.DOCUMENT)


class CardExportsView(Resource):
    @extend_schema(responses=shapes.CardFormat(many=True))
    def get(self, request: PersonsRequest, name: str, number: int) -> Response:
        """The formats of cards, and how far a worker is with those that it writes."""
        revision = queries.current_card(version_of(request, name, number))
        rows = [_format_of(revision, key) for key in registry.FORMATS]
        return Response(shapes.CardFormat(rows, many=True).data)


class CardExportView(Resource):
    @extend_schema(responses=OpenApiTypes.BINARY)
    def get(
        self, request: PersonsRequest, name: str, number: int, format_name: str
    ) -> HttpResponseBase:
        """The newest revision in another format: huggingface, cyclonedx, mct, sagemaker, html, …

        `X-Card-Lost` names fields for which the format has no place, `X-Card-Withheld` sections
        that are for others to read. A PDF is written by a worker: start it by a POST.
        """
        revision = queries.card_for(version_of(request, name, number), request.user)
        found = registry.named(format_name)
        response: HttpResponseBase
        if found.in_worker:
            file = exchange.file_of(revision, format_name)
            response = FileResponse(file, content_type=found.media_type)
        else:
            exported = exchange.export(revision, format_name)
            response = HttpResponse(exported.content, content_type=exported.media_type)
            response["X-Card-Lost"] = ",".join(exported.lost)
        response["X-Card-Withheld"] = ",".join(sorted(revision.withheld))
        wanted = exchange.file_name(revision, found.suffix)
        response["Content-Disposition"] = content_disposition_header(True, wanted) or "attachment"
        return response

    @extend_schema(request=None, responses={201: shapes.CardFormat})
    def post(self, request: PersonsRequest, name: str, number: int, format_name: str) -> Response:
        """Let a worker write the newest revision, where it does not do so already."""
        revision = services.open_card(version_of(request, name, number))
        revision = queries.card_for(revision.version, request.user)
        exchange.start_export(revision, format_name, by=request.user)
        return shown(_format_of(revision, format_name), shapes.CardFormat, status=201)


class CardImportView(Resource):
    @extend_schema(request=shapes.CardImport, responses=shapes.Card)
    def post(self, request: PersonsRequest, name: str, number: int) -> Response:
        """Put what a file says on the card. Its values wait in `unconfirmed` for a yes.

        `X-Card-Refused` names sections that stay as they are, because others edit them.
        """
        given = self.given(shapes.CardImport)
        taken = exchange.import_card(
            version_of(request, name, number),
            by=request.user,
            key=given["format"],
            content=given["content"].encode(),
            replace=given["replace"],
        )
        response = shown(taken.revision, shapes.Card)
        response["X-Card-Refused"] = ",".join(sorted(taken.refused))
        return response


class CardRevisionsView(Resource):
    @extend_schema(responses=shapes.Card(many=True))
    def get(self, request: PersonsRequest, name: str, number: int) -> Response:
        """Every revision of a card, newest first."""
        version = version_of(request, name, number)
        found = version.card_revisions.select_related("author", "reading").order_by("-number")
        page = queries.seen_by(request.user, version, self.paginate_queryset(found) or [])
        return self.get_paginated_response(shapes.Card(page, many=True).data)


class CommentsOnVersionView(Resource):
    @extend_schema(responses=shapes.VersionComment(many=True))
    def get(self, request: PersonsRequest, name: str, number: int) -> Response:
        """What was said about a version outside of its reviews, oldest first."""
        found = queries.comments_on(version_of(request, name, number), request.user)
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
    @extend_schema(request=shapes.ChangedVersionComment, responses=shapes.VersionComment)
    def put(self, request: PersonsRequest, name: str, number: int, pk: int) -> Response:
        """Say it in other words: your own comments only."""
        comment = comments.edit_comment(
            _comment_of(request, name, number, pk),
            **self.given(shapes.ChangedVersionComment),
            by=request.user,
        )
        return shown(comment, shapes.VersionComment)

    @extend_schema(responses={204: None})
    def delete(self, request: PersonsRequest, name: str, number: int, pk: int) -> Response:
        """Take a comment back: your own, or any as an owner of the project."""
        comments.delete_comment(_comment_of(request, name, number, pk), by=request.user)
        return Response(status=204)


def _seen(revision: CardRevision, user: User) -> Response:
    return shown(queries.seen_by(user, revision.version, [revision])[0], shapes.Card)


def _format_of(revision: CardRevision, key: str) -> dict[str, Any]:
    found = registry.named(key)
    started = exchange.started(revision, key) if found.in_worker else None
    return {
        "format": key,
        "title": found.title,
        "suffix": found.suffix,
        "media_type": found.media_type,
        "revision": revision.number,
        "is_written": not found.in_worker or bool(started and started.sha256),
        "can_be_imported": found.read is not None,
        "run": started.run if started else None,
    }


def _comment_of(request: PersonsRequest, name: str, number: int, pk: int) -> VersionComment:
    visible = policies.comments.visible_to(request.user).select_related("by")
    return one(visible.filter(version=version_of(request, name, number)), "comment", pk=pk)
