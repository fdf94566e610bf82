"""Calls of endpoints: who may, which replica answers, what comes back."""

import hmac
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.resting import TokenRests
from apps.accounts.services import TOKEN_MARK, digest_of_secret, user_for_token
from apps.core import full
from apps.core.errors import DomainError, NotFound, Unavailable
from apps.deployments import policies, queries
from apps.deployments.balancing import avoided, candidates
from apps.deployments.models import ApiKey, Deployment, Endpoint
from apps.deployments.services.keys import KEY_MARK
from apps.deployments.targets import http

log = logging.getLogger(__name__)
ANSWER_SECONDS = 60.0
RETRY_AFTER = 5
NOTE_USE_AFTER = timedelta(minutes=1)
PASSED_ON = ("content-type",)
Caller = ApiKey | User


class NotAuthenticated(DomainError):
    """Nobody, or nobody whom we know."""

    code = "not_authenticated"


class TimedOut(DomainError):
    code = "timed_out"


class BadAnswer(DomainError):
    code = "bad_answer"


@dataclass(frozen=True)
class PredictionAnswer:
    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def endpoint_for_key(project_slug: str, endpoint_slug: str, key_text: str) -> Endpoint:
    """The endpoint that the key opens, if it is the one that was asked for."""
    key = _key_for(key_text)
    _require_same(key.endpoint, project_slug, endpoint_slug)
    return key.endpoint


def admit(
    project_slug: str, endpoint_slug: str, credential: str, action: str = "predict"
) -> tuple[Endpoint, Caller]:
    """The endpoint and the caller for an API key of it, or the token of a person who may.

    Without a right credential there is no difference between endpoints that exist and others.
    """
    if credential.startswith(TOKEN_MARK):
        try:
            user = user_for_token(credential)
        except TokenRests as refusal:
            raise NotAuthenticated(refusal.message) from None
        if user is None:
            raise NotAuthenticated("This access token is wrong, expired or revoked.")
        return admit_person(project_slug, endpoint_slug, user, action), user
    key = _key_for(credential)
    _require_same(key.endpoint, project_slug, endpoint_slug)
    return key.endpoint, key


def admit_person(project_slug: str, endpoint_slug: str, user: User, action: str) -> Endpoint:
    """The endpoint, for somebody who is signed in and may do the action."""
    for asked in dict.fromkeys((action, "view")):
        # What is foreign and what is missing are looked for in the same way, and as long.
        endpoint = (
            policies.endpoints.visible_to(user, asked)
            .filter(project__slug=project_slug, slug=endpoint_slug)
            .select_related("project", "environment", "model")
            .defer("environment__registry_password")
            .first()
        )
        if endpoint is not None:
            if asked != action:
                policies.endpoints.require(user, action, endpoint)
            return endpoint
    raise NotFound("There is no such endpoint.")


def predict(
    endpoint: Endpoint,
    *,
    version: int | None,
    body: bytes,
    content_type: str,
    request_id: str,
    caller: Any,
) -> PredictionAnswer:
    """Pass a request on to a replica, and its answer back, whatever it is."""
    headers = {"Content-Type": content_type, "X-Request-ID": request_id}
    for deployment, replica in candidates(_asked_for(endpoint, version)):
        try:
            answer = http.request(
                replica.address, "POST", "/invocations", body, headers, ANSWER_SECONDS
            )
        except http.ReplicaTimedOut:
            raise TimedOut(
                f"The model did not answer within {ANSWER_SECONDS:g} seconds. "
                "Send fewer rows, or ask the model's people."
            ) from None
        except http.AnswerTooLarge as error:
            raise BadAnswer(f"The model answered, but {error}. Send fewer rows.") from None
        except http.ReplicaUnreachable as error:
            log.warning("%s did not answer: %s", replica, error)
            avoided.add(replica.address)
            continue
        avoided.forgive(replica.address)
        log.info("%s answered %s with status %s", deployment, caller, answer.status)
        return PredictionAnswer(
            answer.status, answer.body, _headers(answer, endpoint, deployment, request_id)
        )
    raise Unavailable(
        "No replica of this endpoint answers at the moment. Try again in a few seconds.",
        code="no_replica",
    )


def _asked_for(endpoint: Endpoint, version: int | None) -> list[Deployment]:
    serving = list(queries.serving_deployments(endpoint))
    if version is not None:
        found = [d for d in serving if d.version.number == version]
        if not found:
            raise NotFound(f"Version {version} does not serve behind this endpoint.")
        return found
    found = [deployment for deployment in serving if deployment.traffic]
    if not found:
        raise Unavailable(
            "No version serves behind this endpoint at the moment. Try again later, or ask the "
            "model's people.",
            code="nothing_serves",
        )
    return found


def _headers(
    answer: http.Answer, endpoint: Endpoint, deployment: Deployment, request_id: str
) -> dict[str, str]:
    passed_on = {name.title(): answer.headers[name] for name in PASSED_ON if name in answer.headers}
    return {
        **passed_on,
        # A header is ASCII; names of models are not.
        "X-Mlgov-Model": quote(deployment.version.model.name, safe="/ "),
        "X-Mlgov-Version": str(deployment.version.number),
        "X-Mlgov-Deployment": str(deployment.pk),
        "X-Mlgov-Request-Id": request_id,
    }


def _key_for(text: str) -> ApiKey:
    """The usable key that the text is the secret of; notes that it was used."""
    prefix, _, secret = text.removeprefix(KEY_MARK).partition("_")
    key = None
    if text.startswith(KEY_MARK) and secret and prefix.isalnum():
        key = (
            ApiKey.objects.select_related(
                "endpoint__project", "endpoint__environment", "endpoint__model"
            )
            .defer("endpoint__environment__registry_password")
            .filter(prefix=prefix)
            .first()
        )
    # Compared in any case, so that the time tells nothing of which prefixes exist.
    known = key.digest if key is not None else "0" * 64
    right = hmac.compare_digest(known, digest_of_secret(secret))
    if key is None or not right or not key.is_usable:
        raise NotAuthenticated(
            "This API key is wrong, expired or revoked. Ask the owners of the endpoint for one."
        )
    now = timezone.now()
    if key.last_used_at is None or key.last_used_at < now - NOTE_USE_AFTER:
        with full.not_worth_a_refusal("the use of an API key"):
            ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
    return key


def _require_same(endpoint: Endpoint, project_slug: str, endpoint_slug: str) -> None:
    if (endpoint.project.slug, endpoint.slug) != (project_slug, endpoint_slug):
        # The same answer whether there is such an endpoint or not.
        raise NotFound("There is no such endpoint for this API key.")
