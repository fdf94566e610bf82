"""What is granted on one object: to whom, until when, by whom and why."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import Group
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from apps.access import asking, explanations, listing, services, vocabulary
from apps.accounts.models import User
from apps.core.errors import DomainError
from apps.core.pages import answer, put_on_form
from apps.web.access_forms import GrantForm, TakeForm
from apps.web.objects import page_of


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def grants(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """The grants on an object; a POST gives more. Read by auditors, too."""
    user: Any = request.user
    obj, entity = _object(user, kind, pk)
    may_give, posted = services.may_give(user, obj), request.method == "POST"
    if posted or not explanations.reads_all(user):
        services.require_giver(user, obj)
    form = GrantForm(request.POST if posted else None, actions=_offered(entity))
    refusal = None
    if posted and form.is_valid():
        given = form.cleaned_data
        try:
            services.give(
                obj,
                to=given["to"],
                actions=given["actions"],
                expires_at=given["expires_at"],
                reason=given["reason"],
                by=user,
            )
            messages.success(request, f"{given['to']} may do this from now on.")
            return redirect("access:grants", kind, pk)
        except DomainError as error:
            refusal = error
            _put_on(form, error)
    context = {
        "section": "access",
        "object": obj,
        "kind": kind,
        "name": asking.name_of(obj),
        "object_url": page_of(obj._meta.label_lower, str(obj.pk), user=user),
        "held": listing.held_on(obj),
        "form": form if may_give else None,
        "giving": services.giving(obj),
    }
    status = 422 if posted else 200
    return answer(request, "access/grants.html", context, refusal=refusal, status=status)


@login_required
@require_POST
def take(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """Take back what a row of the list says."""
    user: Any = request.user
    obj, _ = _object(user, kind, pk)
    services.require_giver(user, obj)
    form = TakeForm(request.POST)
    holder = _holder(form) if form.is_valid() else None
    if holder is None:
        raise Http404("There is no such grant.")
    taken = services.take(obj, of=holder, actions=form.wanted, by=user)
    if taken:
        messages.success(request, f"Taken back from {holder}.")
    else:
        messages.info(request, f"{holder} holds nothing like this any more.")
    return redirect("access:grants", kind, pk)


def _object(user: User, kind: str, pk: int) -> tuple[Model, vocabulary.Entity]:
    entity = vocabulary.ENTITIES.get(kind)
    if entity is None or not entity.grantable:
        raise Http404("Nothing is granted on objects of this kind.")
    _, obj = asking.object_named(f"{kind}:{pk}", by=user)
    return obj, entity


def _offered(entity: vocabulary.Entity) -> list[str]:
    return [action for action in entity.grantable if action != "view"] + ["view"]


def _holder(form: TakeForm) -> User | Group | None:
    given = form.cleaned_data
    if given["person"]:
        return User.objects.filter(username=given["person"]).first()
    return Group.objects.filter(name=given["group"]).first()


def _put_on(form: GrantForm, refusal: DomainError) -> None:
    """The service speaks of `to` and `expires_at`, which have other names here."""
    here = {"to": "person", "expires_at": "expires_on"}
    refusal.details = {here.get(name, name): told for name, told in refusal.details.items()}
    put_on_form(form, refusal)
