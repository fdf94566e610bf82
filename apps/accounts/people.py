"""Accounts as administrators and provisioning programs keep them: made, changed, disabled.

Whoever provisions manages everybody but administrators and himself, so that nobody raises his own
rights by it.
"""

from collections.abc import Iterable
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from apps.accounts.attributes import require_declared
from apps.accounts.events import AccountSwitched
from apps.accounts.models import About, AccessToken, DisabledElsewhere, User
from apps.accounts.services import require_no_limits
from apps.audit.services import record
from apps.core.errors import AlreadyExists, Conflict, Invalid, NotPermitted
from apps.core.validation import require_valid
from apps.outbox.services import publish

# Members manage people over REST, mostly a service account of the identity provider.
PROVISIONERS = "people-admins"
CHANGEABLE = ("name", "email", "is_active", "attributes")


def may_provision(user: User) -> bool:
    if user.limits is not None:
        return False
    return user.is_superuser or user.groups.filter(name=PROVISIONERS).exists()


def require_provisioning(by: User) -> None:
    require_no_limits(by)
    if not may_provision(by):
        raise NotPermitted(
            f"Only administrators and members of the group “{PROVISIONERS}” manage people."
        )


@transaction.atomic
def create_person(
    *,
    username: str,
    email: str,
    name: str = "",
    attributes: dict[str, Any] | None = None,
    groups: Iterable[str] = (),
    by: User,
) -> User:
    """Make an account without a password: its person sets one by mail, or signs on elsewhere."""
    require_provisioning(by)
    user = User(username=username.strip(), email=email.strip(), name=name.strip())
    user.attributes = attributes or {}
    return _made(user, groups=groups, by=by)


@transaction.atomic
def create_service_account(
    *, username: str, name: str = "", owner: User, groups: Iterable[str] = (), by: User
) -> User:
    """Make an account for a pipeline. Its owner makes its tokens; nobody signs in as it."""
    if not by.is_superuser:
        raise NotPermitted(
            "Only administrators make service accounts, and owners of a project for that project."
        )
    return make_service_account(username=username, name=name, owner=owner, groups=groups, by=by)


@transaction.atomic
def make_service_account(
    *, username: str, name: str = "", owner: User, groups: Iterable[str] = (), by: User
) -> User:
    """The same, for callers who asked themselves whether the person may."""
    require_no_limits(by)
    if owner.is_service_account or not owner.is_active:
        sentence = f"{owner} cannot own a service account. Name an active person."
        raise Invalid(sentence, details={"owner": sentence})
    username = username.strip()
    user = User(username=username, name=name.strip(), is_service_account=True, owner=owner)
    # An address that no mail reaches; each account needs one of its own.
    user.email = f"{username}@service-accounts.invalid".lower()
    return _made(user, groups=groups, by=by)


def _made(user: User, *, groups: Iterable[str], by: User) -> User:
    user.set_unusable_password()
    require_valid(user, "username", "name", "email", "attributes")
    require_declared(user.attributes, about=About.PERSON)
    _require_free_email(user)
    found = _groups_named(groups, by)
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError:
        raise AlreadyExists(
            f"There is an account “{user.username}” already, or one with this address. Choose "
            "another, or change that one."
        ) from None
    user.groups.set(found)
    now = {"name": user.name, "email": user.email, "groups": sorted(g.name for g in found)}
    if user.owner is not None:
        now["owner"] = user.owner.username
    also = [user.owner] if user.owner is not None else []
    record(actor=by, action="user.create", obj=user, also=also, data={"now": now})
    return user


@transaction.atomic
def update_person(
    user: User, *, by: User, groups: Iterable[str] | None = None, **changes: Any
) -> User:
    """Change what is given: name, email, is_active, attributes, groups.

    Who is disabled loses sessions and tokens for good: they stay lost if he is enabled again.
    """
    require_no_limits(by)
    user = User.objects.select_for_update().get(pk=user.pk)
    _require_may_change(user, by, set(changes) | ({"groups"} if groups is not None else set()))
    unknown = set(changes) - set(CHANGEABLE)
    assert not unknown, unknown
    before = {name: getattr(user, name) for name in changes}
    for name, value in changes.items():
        setattr(user, name, value.strip() if isinstance(value, str) else value)
    require_valid(user, *changes)
    if "attributes" in changes:
        require_declared(user.attributes, about=About.PERSON, before=before["attributes"])
    if "email" in changes:
        _require_free_email(user)
    changed = {name for name in changes if getattr(user, name) != before[name]}
    data: dict[str, Any] = {
        "before": {name: before[name] for name in sorted(changed)},
        "now": {name: getattr(user, name) for name in sorted(changed)},
    }
    if changed:
        user.save(update_fields=sorted(changed))
    if groups is not None:
        was, found = sorted(user.groups.values_list("name", flat=True)), _groups_named(groups, by)
        if was != (now := sorted(group.name for group in found)):
            user.groups.set(found)
            data["before"]["groups"], data["now"]["groups"] = was, now
    if data["now"]:
        record(actor=by, action="user.edit", obj=user, data=data)
    if "is_active" in changed:
        switched(user, by=by)
    return user


def service_accounts_of(user: User) -> QuerySet[User]:
    """Those that the person owns; all for administrators. A limited token manages none."""
    require_no_limits(user)
    accounts = User.objects.filter(is_service_account=True).order_by("username")
    return accounts if user.is_superuser else accounts.filter(owner=user)


def switched(user: User, *, by: Any) -> None:
    """An account was disabled or enabled just now: end what it had, and tell the others."""
    if not user.is_active:
        end_access(user, by=by)
        for account in User.objects.filter(owner=user, is_service_account=True, is_active=True):
            # Nobody answers for them any more.
            end_access(account, by=by)
    else:
        # Who enables an account answers for it, whatever providers said before.
        DisabledElsewhere.objects.filter(user=user).delete()
    publish(AccountSwitched(user.pk))


def end_access(user: User, *, by: Any) -> None:
    """End all sessions and tokens."""
    end_sessions(user)
    revoke_tokens(user, by=by)


def end_sessions(user: User) -> int:
    found = list(UserSession.objects.filter(user=user))
    for session in found:
        session.end()
    return len(found)


def revoke_tokens(user: User, *, by: Any) -> None:
    for token in AccessToken.objects.select_for_update().filter(user=user, revoked_at=None):
        token.revoked_at = timezone.now()
        token.save(update_fields=["revoked_at"])
        record(actor=by, action="token.revoke", obj=token, also=[user])


def _require_may_change(user: User, by: User, changes: set[str]) -> None:
    if by.is_superuser:
        if user == by and "is_active" in changes:
            raise Conflict("Another administrator has to disable your account.")
        return
    if user.is_service_account and user.owner_id == by.pk and changes <= {"name", "is_active"}:
        return
    require_provisioning(by)
    if user == by or user.is_superuser or user.is_staff:
        raise NotPermitted("Only administrators change this account.")


def _groups_named(names: Iterable[str], by: User) -> list[Group]:
    wanted = sorted({name.strip() for name in names})
    if PROVISIONERS in wanted and not by.is_superuser:
        sentence = f"Only administrators put somebody into “{PROVISIONERS}”."
        raise NotPermitted(sentence, details={"groups": sentence})
    found = list(Group.objects.filter(name__in=wanted))
    if missing := sorted(set(wanted) - {group.name for group in found}):
        sentence = f"There is no group “{missing[0]}”. An administrator makes groups."
        raise Invalid(sentence, details={"groups": sentence})
    return found


def _require_free_email(user: User) -> None:
    # People sign in with any spelling of their address.
    if User.objects.filter(email__iexact=user.email).exclude(pk=user.pk).exists():
        sentence = "Another account has this address."
        raise AlreadyExists(sentence, details={"email": sentence})
