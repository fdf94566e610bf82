"""What is misconfigured, said before it hurts."""

import ipaddress
import os
import stat
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

SHORTEST_KEY = 32


@register(Tags.files)
def data_directory(**_: Any) -> list[CheckMessage]:
    directory = settings.MLGOV_DATA_DIR
    if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        return [
            Error(
                f"{directory} cannot be written to.",
                hint="Give it to the user that mlgov runs as, or name another in MLGOV_DATA_DIR.",
                id="core.E001",
            )
        ]
    if stat.S_IMODE(directory.stat().st_mode) & 0o077:
        return [
            Warning(
                f"{directory} is open to other users of this machine.",
                hint=f"It holds the secret key and registered models: chmod 700 {directory}",
                id="core.W001",
            )
        ]
    return []


@register(Tags.security)
def secret_key(**_: Any) -> list[CheckMessage]:
    if settings.DEBUG or len(settings.SECRET_KEY) >= SHORTEST_KEY:
        return []
    return [
        Error(
            f"The secret key has {len(settings.SECRET_KEY)} characters.",
            hint="Sessions and stored credentials hang on it. Set MLGOV_SECRET_KEY to the output "
            "of: openssl rand -hex 32",
            id="core.E002",
        )
    ]


@register(Tags.security)
def debug_pages(**_: Any) -> list[CheckMessage]:
    if not settings.DEBUG or _is_loopback(settings.CONFIGURATION.bind):
        return []
    return [
        Error(
            f"Debug pages are on, and mlgov listens on {settings.CONFIGURATION.bind}.",
            hint="They show settings and code to anybody. Unset MLGOV_DEBUG, or listen on "
            "127.0.0.1 only.",
            id="core.E003",
        )
    ]


@register(Tags.security)
def base_url(**_: Any) -> list[CheckMessage]:
    scheme = urlsplit(settings.MLGOV_BASE_URL).scheme
    host = urlsplit(settings.MLGOV_BASE_URL).hostname
    if scheme not in ("http", "https") or not host:
        return [
            Error(
                f"MLGOV_BASE_URL is “{settings.MLGOV_BASE_URL}”, which is no address of a site.",
                hint="Write it as people type it: https://mlgov.example.com",
                id="core.E004",
            )
        ]
    if scheme == "https" and not settings.CONFIGURATION.behind_tls:
        return [
            Warning(
                "The base URL begins with https, but MLGOV_BEHIND_TLS is not set.",
                hint="Set it: cookies are then for TLS only, and the proxy's word counts.",
                id="core.W002",
            )
        ]
    if scheme == "http" and settings.CONFIGURATION.behind_tls and not _is_loopback(host):
        return [
            Warning(
                "MLGOV_BEHIND_TLS is set, but the base URL begins with http.",
                hint="Links in mails would lead to http. Set MLGOV_BASE_URL to the https address.",
                id="core.W003",
            )
        ]
    return []


@register(Tags.security)
def mlflow_pages(**_: Any) -> list[CheckMessage]:
    address = settings.MLGOV_MLFLOW_PAGES
    if not address:
        return []
    parts, base = urlsplit(address), urlsplit(settings.MLGOV_BASE_URL)
    ours = {
        base.hostname,
        "127.0.0.1",
        "localhost",
        *map(str.lower, settings.CONFIGURATION.allowed_hosts),
    }
    is_plain = address == f"{parts.scheme}://{parts.netloc}" and "@" not in address
    if not (is_plain and parts.scheme in ("http", "https") and parts.hostname):
        problem = "which is no address of a site"
    elif parts.hostname in ours:
        # Cookies are shared by all ports of a host.
        problem = "whose host name is that of mlgov itself"
    elif parts.scheme == "http" and settings.CONFIGURATION.behind_tls:
        problem = "which is not https, while MLGOV_BEHIND_TLS is set"
    else:
        return []
    return [
        Error(
            f"MLGOV_MLFLOW_PAGES_URL is “{address}”, {problem}.",
            hint="Give MLflow's pages a host name of their own that leads to mlgov, too, and write "
            "the address without a path: https://mlflow.example.com",
            id="core.E009",
        )
    ]


@register(Tags.files)
def artifact_storage(**_: Any) -> list[CheckMessage]:
    configuration = settings.CONFIGURATION
    if configuration.artifacts_storage != "s3":
        return []
    found: list[CheckMessage] = []
    if not configuration.s3_bucket:
        found.append(
            Error(
                "Artifacts are to be kept in S3, but no bucket is named.",
                hint="Set MLGOV_S3_BUCKET.",
                id="core.E005",
            )
        )
    if not configuration.s3_access_key_id or not configuration.s3_secret_access_key:
        found.append(
            Error(
                "Artifacts are to be kept in S3, but mlgov has no credentials for it.",
                hint="Set MLGOV_S3_ACCESS_KEY_ID and MLGOV_S3_SECRET_ACCESS_KEY.",
                id="core.E007",
            )
        )
    endpoint = urlsplit(configuration.s3_endpoint_url)
    if configuration.s3_endpoint_url and not (
        endpoint.scheme in ("http", "https") and endpoint.netloc
    ):
        found.append(
            Error(
                f"MLGOV_S3_ENDPOINT_URL is “{configuration.s3_endpoint_url}”, which is no address "
                "of a server.",
                hint="Write it with its scheme: https://minio.example.com:9000",
                id="core.E008",
            )
        )
    if find_spec("boto3") is None:
        found.append(
            Error(
                "Artifacts are to be kept in S3, but the client for it is not installed.",
                hint="Install mlgov with the extra s3: uv sync --extra s3",
                id="core.E006",
            )
        )
    return found


@register(Tags.database)
def one_machine_or_several(**_: Any) -> list[CheckMessage]:
    configuration = settings.CONFIGURATION
    if configuration.database_url or not configuration.broker_url:
        return []
    return [
        Warning(
            "The broker is a server, but the database is a file.",
            hint="Only processes on this machine can share an SQLite file. Set "
            "MLGOV_DATABASE_URL to a PostgreSQL server, or leave MLGOV_BROKER_URL empty.",
            id="core.W004",
        )
    ]


@register(Tags.security, deploy=True)
def proxies(**_: Any) -> list[CheckMessage]:
    configuration = settings.CONFIGURATION
    if not configuration.behind_tls or configuration.trusted_proxies:
        return []
    return [
        Warning(
            "A proxy stands in front, but none is trusted to say whom it speaks for.",
            hint="The audit trail would name the proxy's address for everybody. Set "
            "MLGOV_TRUSTED_PROXIES to how many proxies append to X-Forwarded-For, mostly 1.",
            id="core.W005",
        )
    ]


@register(Tags.security, deploy=True)
def append_only_trail(**_: Any) -> list[CheckMessage]:
    if settings.AUDIT_TRIGGERS:
        return []
    return [
        Warning(
            "The audit trail is not protected by triggers.",
            hint="Unset MLGOV_AUDIT_TRIGGERS and run: manage.py migrate",
            id="core.W006",
        )
    ]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
