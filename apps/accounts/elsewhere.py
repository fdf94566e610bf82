"""What a sign-on provider says of people, carried out here.

mlgov itself is the actor, and the provider is named: it is believed about its own people only.
"""

from django.db import transaction

from apps.accounts import people
from apps.accounts.models import DisabledElsewhere, User
from apps.audit.services import record


@transaction.atomic
def signed_out(user: User, *, provider: str, tokens_too: bool, event: str = "") -> None:
    """The person is not signed in over there any more, or should be nowhere."""
    data = {"provider": provider, "sessions": people.end_sessions(user)}
    if event:
        data["event"] = event
    record(actor=None, action="user.sign_out", obj=user, data=data)
    if tokens_too:
        people.revoke_tokens(user, by=None)


@transaction.atomic
def disabled(
    user: User, *, provider: str, event: str, reason: str = "", for_good: bool = False
) -> None:
    """The account over there is disabled, or gone `for_good`: so is the one here.

    Whoever he is: an administrator or the last owner of a project, too. He signs on through this
    provider, so that whoever has his account there would have this one.
    """
    user = User.objects.select_for_update().get(pk=user.pk)
    noted = DisabledElsewhere.objects.filter(user=user)
    if for_good:
        noted.delete()
    elif user.is_active or noted.exists():
        # Not of an account that was disabled here: no provider gives that back.
        DisabledElsewhere.objects.get_or_create(user=user, provider=provider)
    if not user.is_active:
        return
    user.is_active = False
    user.save(update_fields=["is_active"])
    data = {"provider": provider, "event": event} | ({"reason": reason} if reason else {})
    record(actor=None, action="user.disable", obj=user, data=data)
    people.switched(user, by=None)


@transaction.atomic
def enabled(user: User, *, provider: str, event: str) -> None:
    """The account over there works again: so does the one here that was disabled for it alone."""
    user = User.objects.select_for_update().get(pk=user.pk)
    noted = DisabledElsewhere.objects.filter(user=user)
    if not noted.filter(provider=provider).delete()[0] or noted.exists():
        return
    user.is_active = True
    user.save(update_fields=["is_active"])
    record(actor=None, action="user.enable", obj=user, data={"provider": provider, "event": event})
    people.switched(user, by=None)
