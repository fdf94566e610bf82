"""How a page is answered: whole, or the part that htmx asks for; and refusals on the form."""

from collections.abc import Collection, Mapping
from typing import Any

from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from apps.core.errors import DomainError


def answer(
    request: HttpRequest,
    template: str,
    context: dict[str, Any],
    *,
    fragments: Collection[str] | Mapping[str, str] = (),
    refusal: DomainError | None = None,
    status: int = 200,
) -> HttpResponse:
    """Render a page. Where htmx asks for one of its `fragments` by the id of its target, only that.

    `fragments` are names of parts, or ids of elements with the part that each of them shows.
    A `refusal` gives the answer its status, in the translator of the pages.
    """
    target = asked_part(request)
    if target in fragments:
        part = fragments[target] if isinstance(fragments, Mapping) else target
        template = f"{template}#{part}"
    response = render(request, template, context, status=422 if refusal else status)
    if refusal is not None:
        response.refusal = refusal  # type: ignore[attr-defined]
    # The same address has a page and its parts: a cache must not give out one for the other.
    patch_vary_headers(response, ("HX-Request", "HX-Target"))
    return response


def asked_part(request: HttpRequest) -> str:
    """Id of the element that htmx asks for, empty where it asks for none or is not used."""
    htmx: Any = getattr(request, "htmx", None)
    return (htmx.target or "") if htmx else ""


def put_on_form(form: BaseForm, refusal: DomainError) -> None:
    """Show a refusal where it belongs: at the fields that it names, else above the form."""
    named = {
        name: sentence
        for name, sentence in refusal.details.items()
        if name in form.fields and isinstance(sentence, str)
    }
    for name, sentence in named.items():
        form.add_error(name, sentence)
    if not named:
        form.add_error(None, refusal.message)


def whole(text: str | None, *, digits: int = 8) -> int:
    """A number without sign as people put it into an address or a form; 0 for anything else."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= digits else 0


def refresh() -> HttpResponse:
    """Let htmx fetch the whole page anew."""
    response = HttpResponse(status=204)
    response["HX-Refresh"] = "true"
    return response
