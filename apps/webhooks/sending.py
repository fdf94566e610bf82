"""One request to another program: no proxy, no redirect, no patience, and little of the answer."""

import json
import time
import uuid
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from apps.core.errors import DomainError
from apps.tracking.connections import checked_pool
from apps.webhooks import addresses, dialects
from apps.webhooks.models import RegistryWebhook

SECONDS = 10.0
CHUNK = 1024
MOST_OF_AN_ANSWER = 4096


class NotDelivered(Exception):
    """The other side was not reached, or did not take it. The text says why."""


@dataclass(frozen=True)
class Answer:
    status: int
    text: str

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300


def body_of(payload: dict[str, Any]) -> bytes:
    return json.dumps(payload).encode()


def send(webhook: RegistryWebhook, payload: dict[str, Any], *, delivery: uuid.UUID) -> Answer:
    """Post the payload. Raises `NotDelivered` where there is no answer.

    `delivery` is the same in all attempts, so that receivers notice what they have already.
    """
    body = body_of(payload)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "mlgov",
        **dialects.of(webhook).headers(webhook, body, delivery),
    }
    try:
        # Again, and not only when it was made: the operator may have struck the host off since.
        addresses.require_allowed(webhook.url, verify_tls=webhook.verify_tls)
        return _post(webhook, body, headers)
    except (DomainError, HTTPError, OSError) as error:
        raise NotDelivered(str(error)) from error


def _post(webhook: RegistryWebhook, body: bytes, headers: dict[str, str]) -> Answer:
    parts = urlsplit(webhook.url)
    options: dict[str, Any] = {}
    if parts.scheme == "https" and not webhook.verify_tls:
        options = {"cert_reqs": "CERT_NONE", "assert_hostname": False}
    objection = partial(addresses.objection_for, webhook.url)
    target = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
    until = time.monotonic() + SECONDS
    with checked_pool(webhook.url, objection, **options) as pool:
        response = pool.urlopen(
            "POST",
            target if target.startswith("/") else f"/{target}",
            body=body,
            headers=headers,
            retries=False,
            redirect=False,
            timeout=urllib3.Timeout(total=SECONDS),
            preload_content=False,
            decode_content=False,
        )
        try:
            return Answer(response.status, _beginning(response, until))
        finally:
            # Unread answers are not worth a connection that is kept.
            response.close()


def _beginning(response: urllib3.BaseHTTPResponse, until: float) -> str:
    read = b""
    while len(read) < MOST_OF_AN_ANSWER and time.monotonic() < until:
        chunk = response.read1(CHUNK)
        if not chunk:
            break
        read += chunk
    return read[:MOST_OF_AN_ANSWER].decode(errors="replace").replace("\x00", "�")
