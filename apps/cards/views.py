"""Writing on a model card, and reading what it said before."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.models import User
from apps.cards import (
    catalogues,
    completeness,
    diffs,
    documents,
    drafts,
    queries,
    reading,
    sections,
    services,
)
from apps.cards.forms import SectionForm
from apps.cards.models import CardDraft, CardRevision
from apps.cards.schema import Section
from apps.core.errors import DomainError
from apps.core.pages import answer, whole
from apps.registry import policies
from apps.registry.models import ModelVersion


@login_required
@require_safe
def edit(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """To the first section in which something that is needed can be written."""
    user: Any = request.user
    version, current = _to_edit(request, name, number)
    rights = sections.rights(user, version.model.project_id)
    open_ones = [key for key in catalogues.asked(current).typed if not rights.why_not_edit(key)]
    lacking = {item.field.section for item in completeness.missing(current) if item.field.is_typed}
    first = next((key for key in open_ones if key in lacking), (*open_ones, "overview")[0])
    return redirect("cards:section", name, number, first)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def section(request: HttpRequest, name: str, number: int, part: str) -> HttpResponse:
    """The form of a section; with `preview` or `add` it is shown anew and saves nothing."""
    user: Any = request.user
    version, current = _to_edit(request, name, number)
    asked = _section_or_404(current, part, user)
    draft = drafts.of(version, by=user, section=asked)
    if request.method != "POST":
        form = _form(asked, current, draft)
        return answer(request, "cards/edit.html", _page(user, version, current, asked, form, draft))
    form = _form(asked, current, request.POST)
    refusal: DomainError | None = None
    further: dict[str, Any] = {}
    valid = form.is_valid()
    if "preview" in request.POST:
        if valid:
            further["preview"] = _preview(asked, form)
    elif "add" not in request.POST and valid:
        try:
            services.edit_card(
                version,
                by=user,
                changes=form.changes(),
                base_revision=form.cleaned_data["base_revision"],
                reason=form.cleaned_data["reason"],
            )
            drafts.discard(version, by=user, section=asked)
            messages.success(request, f"{asked.title} is saved.")
            return _back(version, asked)
        except DomainError as error:
            refusal = error
            if error.code == "invalid_card":
                form.show(error.details["fields"])
            else:
                form.add_error(None, error.message)
            if error.code == "edited_meanwhile":
                further = _conflict(user, version, current, form)
    status = 200 if {"preview", "add"} & set(request.POST) else 422
    context = _page(user, version, current, asked, form, draft) | further
    return answer(
        request, "cards/edit.html", context, fragments={"preview"}, refusal=refusal, status=status
    )


@login_required
@require_POST
def draft(request: HttpRequest, name: str, number: int, part: str) -> HttpResponse:
    """Keep what is in the form now; with `discard`, forget it."""
    user: Any = request.user
    version, current = _to_edit(request, name, number)
    asked = _section_or_404(current, part, user)
    if "discard" in request.POST:
        drafts.discard(version, by=user, section=asked)
        return redirect("cards:section", name, number, part)
    kept = drafts.keep(version, by=user, section=asked, data=request.POST, newest=current.number)
    return answer(request, "cards/draft.html", {"draft": kept})


@login_required
@require_POST
def values(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Confirm values, take over what the run says, or take a guess, by pointer."""
    user: Any = request.user
    version, current = _to_edit(request, name, number)
    pointers = request.POST.getlist("pointer")
    catalogue = catalogues.asked(current)
    services.require_typed(pointers, catalogue)
    sections.require_editable(user, version, pointers)
    found = current.reading
    changes: dict[str, Any] = {}
    if request.POST.get("do") == "confirm":
        confirm, reason = pointers, "Confirmed"
    else:
        known = {**(found.guesses if found else {}), **(found.values if found else {})}
        confirm, reason = [], "Taken over from the run"
        changes = {pointer: known[pointer] for pointer in pointers if pointer in known}
    if pointers:
        services.edit_card(
            version,
            by=user,
            changes=changes,
            confirm=confirm,
            base_revision=current.number,
            reason=f"{reason}: {', '.join(catalogue.fields[p].title for p in pointers)}",
        )
    first = catalogue.fields[pointers[0]].section if pointers else ""
    return _back(version, catalogue.typed.get(first))


@login_required
@require_POST
def fill(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Read the run again and put what it says on the card."""
    user: Any = request.user
    version, current = _to_edit(request, name, number)
    revision = services.refill_card(version, by=user)
    messages.success(
        request,
        "The card is filled in from the run."
        if revision.number != current.number
        else "The run says what the card says already.",
    )
    return _back(version)


@login_required
@require_POST
def carry_over(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Offer the words of the newest earlier version for this one."""
    user: Any = request.user
    version, current = _to_edit(request, name, number)
    earlier = queries.earlier_with_words(current, user)
    if earlier is None:
        messages.info(request, "No earlier version of this model has a card with words on it.")
        return _back(version)
    services.carry_over(version, by=user, earlier=earlier)
    messages.success(
        request,
        f"What was written about version {earlier.number} stands here now. Confirm each section "
        "that holds for this version.",
    )
    return _back(version)


@login_required
@require_safe
def revisions(request: HttpRequest, name: str, number: int) -> HttpResponse:
    version = version_or_404(request.user, name, number)
    user: Any = request.user
    found = version.card_revisions.select_related("author", "reading").order_by("-number")
    context = {
        "section": "models",
        "version": version,
        "model": version.model,
        "revisions": queries.seen_by(user, version, found),
        "withheld": sections.rights(user, version.model.project_id).told,
    }
    return answer(request, "cards/revisions.html", context)


@login_required
@require_safe
def revision(request: HttpRequest, name: str, number: int, revision: int) -> HttpResponse:
    """One revision, and what it changed of the one before, or of `?from=<number>`."""
    user: Any = request.user
    version = version_or_404(user, name, number)
    known = version.card_revisions.select_related("author", "reading")
    since = whole(request.GET.get("from", "")) or revision - 1
    wanted = known.filter(number__in=[revision, since])
    both = {one.number: one for one in queries.seen_by(user, version, wanted)}
    if revision not in both:
        raise Http404
    found, base = both[revision], both.get(since)
    context = {
        "section": "models",
        "version": version,
        "model": version.model,
        "revision": found,
        "base": base,
        "changes": diffs.between(base.content, found.content, catalogues.together([base, found]))
        if base
        else [],
        "card": reading.sections(found),
        "newest": known.order_by("-number").values_list("number", flat=True).first(),
        "withheld": sections.rights(user, version.model.project_id).told,
    }
    return answer(request, "cards/revision.html", context)


def version_or_404(user: Any, name: str, number: int) -> ModelVersion:
    visible = policies.versions.visible_to(user).select_related("model__project", "registered_by")
    return get_object_or_404(visible, model__name=name, number=number, deleted_at=None)


def _to_edit(request: HttpRequest, name: str, number: int) -> tuple[ModelVersion, CardRevision]:
    """The version and its newest card, for somebody who may write on it."""
    user: Any = request.user
    version = version_or_404(user, name, number)
    policies.versions.require(user, "edit_card", version)
    # A version that was registered a second ago may not have its first revision yet.
    services.open_card(version)
    return version, queries.card_for(version, user)


def _section_or_404(current: CardRevision, key: str, user: User) -> Section:
    """The section, if there is something to write in it that the person may write."""
    try:
        found = catalogues.asked(current).typed[key]
    except KeyError:
        raise Http404 from None
    sections.require_editable(user, current.version, [key])
    return found


def _form(
    asked: Section, current: CardRevision, given: QueryDict | CardDraft | None
) -> SectionForm:
    data = drafts.typed(given) if isinstance(given, CardDraft) else given
    return SectionForm(data, section=asked, content=current.content, base_revision=current.number)


def _back(version: ModelVersion, asked: Section | None = None) -> HttpResponse:
    response = redirect("web:card", version.model.name, version.number)
    if asked:
        response["Location"] += f"#card-{asked.key}"
    return response


def _page(
    user: User,
    version: ModelVersion,
    current: CardRevision,
    asked: Section,
    form: SectionForm,
    draft: CardDraft | None,
) -> dict[str, Any]:
    rights = sections.rights(user, version.model.project_id)
    shown = reading.sections(current, rights)
    return {
        "section": "models",
        "version": version,
        "model": version.model,
        "current": current,
        "asked": asked,
        "shown": next(one for one in shown if one.section.key == asked.key),
        "card": [one for one in shown if one.is_typed],
        "withheld": rights.told,
        "form": form,
        "draft": draft,
    }


def _preview(asked: Section, form: SectionForm) -> list[reading.Shown]:
    changes = form.changes()
    return [
        reading.shown(field, changes[field.pointer])
        for field in asked.typed
        if not documents.is_empty(changes.get(field.pointer))
    ]


def _conflict(
    user: User, version: ModelVersion, newest: CardRevision, form: SectionForm
) -> dict[str, Any]:
    """The text stays; saving again builds on the revision that is shown as different now."""
    known = version.card_revisions.filter(number=form.cleaned_data["base_revision"])
    base = next(iter(queries.seen_by(user, version, known)), None)
    typed: Any = form.data
    form.data = typed = typed.copy()
    typed["base_revision"] = str(newest.number)
    content = base.content if base else documents.empty()
    catalogue = catalogues.together([base, newest] if base else [newest])
    return {"conflict": diffs.between(content, newest.content, catalogue)}
