"""The person who asks: himself, his tokens, his notifications; and finding others."""

from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.authentication import SessionAuthentication
from rest_framework.response import Response

from apps.accounts import people, services
from apps.accounts.models import AccessToken, User
from apps.accounts.recent import require_recent
from apps.api.v1.base import PersonsRequest, Resource, one, people_named, shown
from apps.api.v1.serializers import people as shapes
from apps.core.errors import Invalid
from apps.notifications import queries as notification_queries
from apps.notifications import services as notification_services
from apps.projects import tokens


class MeView(Resource):
    @extend_schema(responses=shapes.Me)
    def get(self, request: PersonsRequest) -> Response:
        """Who you are."""
        return shown(request.user, shapes.Me)


class PeopleView(Resource):
    @extend_schema(parameters=[shapes.PeopleQuery], responses=shapes.Account(many=True))
    def get(self, request: PersonsRequest) -> Response:
        """Find active people by a part of their user name or name.

        Whoever manages people sees everybody, also disabled ones, with all that is known of them.
        """
        asked = self.asked(shapes.PeopleQuery)
        manages = people.may_provision(request.user)
        if not manages and "search" not in asked:
            sentence = "Say whom you look for. Only those who manage people list everybody."
            raise Invalid(sentence, details={"search": sentence})
        if not manages and "email" in asked:
            people.require_provisioning(request.user)
        found = User.objects.order_by("username")
        if not manages:
            found = found.filter(is_active=True)
        if "search" in asked:
            text = asked["search"]
            found = found.filter(Q(username__icontains=text) | Q(name__icontains=text))
        if "username" in asked:
            found = found.filter(username=asked["username"])
        if "email" in asked:
            found = found.filter(email__iexact=asked["email"])
        if not manages:
            return self.page(found, shapes.Person)
        return self.page(_whole(found), shapes.Account)

    @extend_schema(request=shapes.NewPerson, responses={201: shapes.Account})
    def post(self, request: PersonsRequest) -> Response:
        """Make an account, for those who manage people."""
        user = people.create_person(**self.given(shapes.NewPerson), by=request.user)
        return shown(user, shapes.Account, status=201)


class PersonView(Resource):
    @extend_schema(responses=shapes.Account)
    def get(self, request: PersonsRequest, username: str) -> Response:
        """A person, for those who manage people."""
        people.require_provisioning(request.user)
        return shown(one(_whole(User.objects.all()), "person", username=username), shapes.Account)

    @extend_schema(request=shapes.Changes, responses=shapes.Account)
    def patch(self, request: PersonsRequest, username: str) -> Response:
        """Change what is given; `is_active: false` ends sessions and tokens at once."""
        people.require_provisioning(request.user)
        user = one(User.objects.all(), "person", username=username)
        changed = people.update_person(user, by=request.user, **self.given(shapes.Changes))
        return shown(changed, shapes.Account)


class ServiceAccountsView(Resource):
    @extend_schema(responses=shapes.Account(many=True))
    def get(self, request: PersonsRequest) -> Response:
        """The service accounts that you own; administrators see all."""
        return self.page(_whole(people.service_accounts_of(request.user)), shapes.Account)

    @extend_schema(request=shapes.NewServiceAccount, responses={201: shapes.Account})
    def post(self, request: PersonsRequest) -> Response:
        """Make an account for a pipeline, as an administrator."""
        given = self.given(shapes.NewServiceAccount)
        named = given.pop("owner", None)
        owner = people_named([named], field="owner")[0] if named else request.user
        user = people.create_service_account(**given, owner=owner, by=request.user)
        return shown(user, shapes.Account, status=201)


class ServiceAccountView(Resource):
    @extend_schema(request=shapes.ServiceAccountChanges, responses=shapes.Account)
    def patch(self, request: PersonsRequest, username: str) -> Response:
        """Rename, disable or enable a service account of yours."""
        given = self.given(shapes.ServiceAccountChanges)
        account = _service_account(request, username)
        return shown(people.update_person(account, by=request.user, **given), shapes.Account)


class ServiceAccountTokensView(Resource):
    @extend_schema(responses=shapes.Token(many=True))
    def get(self, request: PersonsRequest, username: str) -> Response:
        """The tokens of a service account of yours that were not revoked."""
        living = AccessToken.objects.filter(
            user=_service_account(request, username), revoked_at=None
        )
        return self.page(living, shapes.Token)

    @extend_schema(request=shapes.NewToken, responses={201: shapes.TokenWithSecret})
    def post(self, request: PersonsRequest, username: str) -> Response:
        """Make a token for a service account of yours."""
        _require_confirmed(request)
        account = _service_account(request, username)
        token, secret = tokens.create_token(account, **self.given(shapes.NewToken), by=request.user)
        return shown(token, shapes.Token, status=201, secret=secret)


class ServiceAccountTokenView(Resource):
    @extend_schema(responses={204: None})
    def delete(self, request: PersonsRequest, username: str, pk: int) -> Response:
        """Revoke a token of a service account of yours."""
        account = _service_account(request, username)
        token = one(AccessToken.objects.filter(user=account), "token", pk=pk)
        services.revoke_token(token, by=request.user)
        return Response(status=204)


def _require_confirmed(request: PersonsRequest) -> None:
    """A session that lies open must not become a token, which lasts longer than it."""
    if isinstance(request.successful_authenticator, SessionAuthentication):
        require_recent(request._request)


def _service_account(request: PersonsRequest, username: str) -> User:
    return one(people.service_accounts_of(request.user), "service account", username=username)


def _whole(users: QuerySet[User]) -> QuerySet[User]:
    return users.select_related("owner").prefetch_related("groups")


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
        _require_confirmed(request)
        given = self.given(shapes.NewToken)
        token, secret = tokens.create_token(request.user, **given, by=request.user)
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
