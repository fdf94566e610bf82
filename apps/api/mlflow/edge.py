"""What every MLflow view shares: who asks, JSON in both directions, refusals in MLflow's words.

Views are not wrapped in a transaction: services open their own, and the pass-through holds none
while it waits for the tracking server.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.http.request import UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

from apps.accounts.models import User
from apps.accounts.resting import TokenRests
from apps.accounts.services import usable_token
from apps.api.authentication import token_of
from apps.api.mlflow import errors, rows
from apps.api.mlflow.arguments import Arguments
from apps.core import full
from apps.core.admission import forget_body
from apps.core.context import acting, note_token
from apps.core.counting import count_address, count_person
from apps.core.errors import DomainError, Invalid, TooLarge

log = logging.getLogger(__name__)
View = Callable[..., HttpResponseBase]
Call = Callable[..., dict[str, Any]]

NO_TOKEN = (
    "mlgov needs to know who you are: make a token on your tokens page and set "
    "MLFLOW_TRACKING_TOKEN to it."
)
WRONG_TOKEN = (
    "This token is wrong, expired or revoked. Make a new one on your tokens page and set "
    "MLFLOW_TRACKING_TOKEN to it."
)


def governed(view: View) -> Callable[..., HttpResponseBase]:
    """Let people with a token in; answer each refusal as JSON, never with a page or a redirect."""

    @csrf_exempt
    def guarded(request: HttpRequest, **named: str) -> HttpResponseBase:
        response = _answered(view, request, named)
        if response.status_code >= 400:
            forget_body(request)
        return response

    return guarded


def _answered(view: View, request: HttpRequest, named: dict[str, str]) -> HttpResponseBase:
    return in_mlflows_words(lambda: _let_in(view, request, named), request)


def _let_in(view: View, request: HttpRequest, named: dict[str, str]) -> HttpResponseBase:
    text = token_of(request.headers.get("Authorization", ""))
    if text is None:
        count_address(request)
        return errors.unauthenticated(NO_TOKEN)
    try:
        token = None if "\x00" in text else usable_token(text)
    except TokenRests as refusal:
        count_address(request)
        return errors.unauthenticated(refusal.message)
    if token is None:
        count_address(request)
        return errors.unauthenticated(WRONG_TOKEN)
    count_person(request, token.user.pk)
    # Row history asks the request who it was.
    request.user = token.user
    with acting(default_project=token.default_project):
        note_token(str(token), token.user.limits)
        return view(request, token.user, **named)


def in_mlflows_words(
    answer: Callable[[], HttpResponseBase], request: HttpRequest
) -> HttpResponseBase:
    """The answer, or the refusal that came instead of it."""
    try:
        return answer()
    except DomainError as refusal:
        return errors.answer_for(refusal)
    except RequestDataTooBig:
        return errors.answer_for(TooLarge("The body of the request is too large."))
    except UnreadablePostError:
        return errors.answer_for(Invalid("The body of the request ended too early."))
    except Exception as error:
        log.exception("%s %s failed unexpectedly", request.method, request.path)
        if full_disk := full.refusal_of(error):
            return errors.answer_for(full_disk)
        return errors.error(
            "INTERNAL_ERROR",
            "Something went wrong that mlgov did not expect. Show the platform's people the id "
            "of this request.",
            status=500,
        )


def in_json(answer: Mapping[str, Any]) -> HttpResponse:
    return HttpResponse(rows.answer_json(answer), content_type="application/json")


def endpoint(**methods: Call) -> Callable[..., HttpResponseBase]:
    """A view of one path: for each HTTP method, a function of the person and the arguments, and
    of what the path names."""

    def view(request: HttpRequest, user: User, **named: str) -> HttpResponseBase:
        call = methods.get(request.method or "")
        if call is None:
            allowed = ", ".join(sorted(methods))
            refusal = Invalid(f"Use {allowed} for {request.path}.", code="no_such_method")
            response = errors.answer_for(refusal)
            response["Allow"] = allowed
            return response
        return in_json(call(user, Arguments.of(request), **named))

    guarded = governed(view)
    guarded.taken_methods = set(methods)  # type: ignore[attr-defined]
    return guarded
