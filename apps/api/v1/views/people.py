"""The person who asks: himself, his tokens, his notifications; and finding others."""

from django.db.models import Q
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from apps.accounts import services
from apps.accounts.models import AccessToken, User
from apps.api.v1.base import PersonsRequest, Resource, one, shown
from apps.api.v1.serializers import people as shapes
from apps.notifications import queries as notification_queries
from apps.notifications import services as notification_services
from apps.projects import tokens


class MeView(Resource):
    @extend_schema(responses=shapes.Me)
    def get(self, request: PersonsRequest) -> Response:
        """Who you are."""
        return shown(request.user, shapes.Me)


class PeopleView(Resource):
    @extend_schema(parameters=[shapes.PeopleQuery], responses=shapes.Person(many=True))
    def get(self, request: PersonsRequest) -> Response:
        """Find people by a part of their user name or name."""
        text = self.asked(shapes.PeopleQuery)["search"]
        people = User.objects.filter(is_active=True).filter(
            Q(username__icontains=text) | Q(name__icontains=text)
        )
        return self.page(people.order_by("username"), shapes.Person)


class TokensView(Resource):
    @extend_schema(responses=shapes.Token(many=True))
    def get(self, request: PersonsRequest) -> Response:
        """Your tokens that were not revoked."""
        services.require_no_limits(request.user)
        living = AccessToken.objects.filter(user=request.user, revoked_at=None)
        return self.page(living, shapes.Token)

    @extend_schema(request=shapes.NewToken, responses={201: shapes.TokenWithSecret})
    def post(self, request: PersonsRequest) -> Response:
        """Make a token for yourself. Its secret is in this answer and nowhere else."""
        given = self.given(shapes.NewToken)
        token, secret = tokens.create_token(
            request.user,
            name=given["name"],
            expires_at=given.get("expires_at"),
            default_project=given["default_project"],
            actions=given.get("actions"),
            projects=given.get("projects"),
            by=request.user,
        )
        return shown(token, shapes.Token, status=201, secret=secret)


class TokenView(Resource):
    @extend_schema(responses={204: None})
    def delete(self, request: PersonsRequest, pk: int) -> Response:
        """Revoke one of your tokens."""
        services.require_no_limits(request.user)
        token = one(AccessToken.objects.filter(user=request.user), "token", pk=pk)
        services.revoke_token(token, by=request.user)
        return Response(status=204)


class NotificationsView(Resource):
    @extend_schema(parameters=[shapes.NotificationsQuery], responses=shapes.Notification(many=True))
    def get(self, request: PersonsRequest) -> Response:
        """What you were told, newest first. It is of all your projects, so a token needs to be."""
        services.require_no_limits(request.user)
        notifications = notification_queries.notifications_of(request.user)
        if self.asked(shapes.NotificationsQuery)["unread"]:
            notifications = notification_queries.unread_of(request.user)
        return self.page(notifications, shapes.Notification)


class NotificationsReadView(Resource):
    @extend_schema(operation_id="notifications_read_all", request=None, responses=shapes.Count)
    def post(self, request: PersonsRequest) -> Response:
        """Mark all your notifications as read."""
        services.require_no_limits(request.user)
        return Response({"changed": notification_services.mark_read(request.user)})


class NotificationReadView(Resource):
    @extend_schema(request=None, responses=shapes.Count)
    def post(self, request: PersonsRequest, pk: int) -> Response:
        """Mark one of your notifications as read."""
        services.require_no_limits(request.user)
        mine = notification_queries.notifications_of(request.user)
        notification = one(mine, "notification", pk=pk)
        changed = notification_services.mark_read(request.user, notification=notification)
        return Response({"changed": changed})
