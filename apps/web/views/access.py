"""Why somebody may or may not do something, who may, and what: for objects of all kinds."""

from collections.abc import Callable, Iterator
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from apps.access import asking, explanations, naming, who
from apps.access.policies import Policy
from apps.accounts.models import User
from apps.core.errors import Invalid, NotFound
from apps.core.pages import answer, asked_part, put_on_form
from apps.web.access_forms import WhatForm, WhoForm, WhyForm
from apps.web.exports import csv_lines, download
from apps.web.objects import page_of

PAGE = 50
ICONS = {
    "account": "user",
    "token": "key-round",
    "administrator": "shield-check",
    "role": "users",
    "grant": "key-round",
    "rule": "lock",
}
# What a field suggests -> what is called like what was typed.
SUGGESTED: dict[str, Callable[[str, User], list[naming.Suggestion]]] = {
    "person": lambda text, by: naming.people(text),
    "object": lambda text, by: naming.objects(text, by=by),
}


@login_required
@require_safe
def why(request: HttpRequest) -> HttpResponse:
    """Why a person may or may not do something: a question in the address, answered below."""
    user: Any = request.user
    form = WhyForm(request.GET if "object" in request.GET else None)
    found, refusal, url = None, None, None
    if form.is_bound and form.is_valid():
        given = form.cleaned_data
        try:
            found = asking.why(
                user,
                person=given["person"],
                action=given["action"],
                named=given["object"],
                wanted=form.wanted,
            )
        except (Invalid, NotFound) as error:
            # What somebody may not ask has no page: only what is wrong stands here.
            refusal = error
            put_on_form(form, error)
        else:
            url = page_of(found.obj._meta.label_lower, str(found.obj.pk), user=user)
    context = {
        "section": "access",
        "form": form,
        "found": found,
        "object_url": url,
        "reasons": _told(found) if found else [],
        "reads_all": explanations.reads_all(user),
        "kinds": asking.kinds(),
    }
    status = 422 if form.is_bound and found is None else 200
    return answer(request, "access/why.html", context, refusal=refusal, status=status)


def _told(found: asking.Answer) -> list[dict[str, Any]]:
    return [
        {
            "reason": reason,
            "icon": ICONS.get(reason.kind, "info"),
            "tone": "green" if reason.allows else "red",
        }
        for reason in found.explanation.reasons
    ]


@login_required
@require_safe
def who_may(request: HttpRequest) -> HttpResponse:
    """All people who may do something with one object, and what lets them."""
    user: Any = request.user
    form = WhoForm(request.GET if "object" in request.GET else None)
    context: dict[str, Any] = {
        "section": "access",
        "form": form,
        "reads_all": explanations.reads_all(user),
    }
    refusal = None
    if form.is_bound and form.is_valid():
        try:
            policy, obj = _asked(user, form)
        except (Invalid, NotFound) as error:
            refusal = error
            put_on_form(form, error)
        else:
            given = form.cleaned_data
            people = who.People(policy, given["action"], obj, form.wanted)
            page = Paginator(people.who_may(), PAGE)
            shown = page.get_page(request.GET.get("page"))
            context |= {
                "page": shown,
                "rows": list(people.reasons(shown.object_list)),
                "object": obj,
                "name": asking.name_of(obj),
                "object_url": page_of(obj._meta.label_lower, str(obj.pk), user=user),
                "kind": policy.noun,
                "export": urlencode({key: value for key, value in given.items() if value}),
            }
    status = 422 if form.errors else 200
    return answer(request, "access/who.html", context, refusal=refusal, status=status)


@login_required
@require_safe
def who_export(request: HttpRequest) -> StreamingHttpResponse:
    user: Any = request.user
    form = WhoForm(request.GET)
    if not form.is_valid():
        raise Invalid("Ask on the page first, and export what it answers.")
    policy, obj = _asked(user, form)
    action, wanted = form.cleaned_data["action"], form.wanted

    def rows() -> Iterator[list[str]]:
        people = who.People(policy, action, obj, wanted)
        for found in people.reasons(people.who_may()):
            person = found.person
            yield [
                person.username, str(person), action, asking.name_of(obj),
                who.told(found.reasons),
            ]  # fmt: skip

    columns = ["username", "name", "action", "object", "because"]
    return download(csv_lines(columns, rows()), "mlgov-who-may")


def _asked(user: User, form: WhoForm) -> tuple[Policy[Any], Model]:
    """The object that the form names, if the asker may know who else may do something with it."""
    policy, obj = asking.object_named(form.cleaned_data["object"], by=user)
    who.require_reader_of_all(user, obj)
    asking.require_action(policy, form.cleaned_data["action"])
    return policy, obj


@login_required
@require_safe
def what_may(request: HttpRequest) -> HttpResponse:
    """What a person may: of each kind and action, on how many objects."""
    user: Any = request.user
    form = WhatForm(request.GET or None)
    refusal, person = None, user
    if form.is_bound and form.is_valid():
        try:
            person = asking.person_asked_about(user, form.cleaned_data["person"], None)
        except Invalid as error:
            refusal = error
            put_on_form(form, error)
    context = {
        "section": "access",
        "form": form,
        "person": person,
        "rows": _allowances(who.what_may(person), reader=user),
        "reads_all": explanations.reads_all(user),
    }
    status = 422 if form.errors else 200
    return answer(request, "access/what.html", context, refusal=refusal, status=status)


@login_required
@require_safe
def what_export(request: HttpRequest) -> StreamingHttpResponse:
    """Every action on every object that a person may do. Auditors take it away for their work."""
    user: Any = request.user
    form = WhatForm(request.GET)
    named = form.cleaned_data["person"] if form.is_valid() else ""
    person = asking.person_asked_about(user, named, None)
    rows = ([person.username, *row] for row in who.everything(person))
    columns = ["username", "kind", "action", "object"]
    return download(csv_lines(columns, rows), f"mlgov-what-{person.pk}-may")


@login_required
@require_safe
def names(request: HttpRequest) -> HttpResponse:
    """Names for a field, of one kind; without a kind, conditions of rules that name something."""
    user: Any = request.user
    kind, field = request.GET.get("kind", ""), request.GET.get("field", "q")
    text = request.GET.get(field, "")
    if kind in SUGGESTED:
        found = SUGGESTED[kind](text, user)
        return answer(request, "access/name_options.html", {"suggestions": found})
    shown = text[: naming.LONGEST].replace("\x00", "")
    context = {
        "section": "access",
        "text": shown,
        "suggestions": naming.lines(text, by=user) if explanations.reads_all(user) else [],
    }
    is_part = asked_part(request) == "names"
    return answer(request, "access/names_panel.html" if is_part else "access/names.html", context)


def _allowances(found: list[who.Allowance], *, reader: User) -> list[dict[str, Any]]:
    """The same with the kinds together, and a page for each example that has one."""
    kinds: dict[str, list[dict[str, Any]]] = {}
    for allowance in found:
        examples = [
            (obj, page_of(obj._meta.label_lower, str(obj.pk), user=reader))
            for obj in allowance.examples
        ]
        kinds.setdefault(allowance.noun, []).append({"of": allowance, "examples": examples})
    return [{"kind": noun, "actions": actions} for noun, actions in kinds.items()]
