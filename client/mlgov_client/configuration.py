"""Where mlgov is and who asks: its own variables, else those of MLflow's client."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from mlgov_client.errors import Misused

# Where mlgov is the registry beside another tracking server, it is the registry that is meant.
ADDRESSES = ("MLGOV_URL", "MLFLOW_REGISTRY_URI", "MLFLOW_TRACKING_URI")
YES = ("true", "1")


@dataclass(frozen=True)
class Configuration:
    url: str
    token: str = field(repr=False)
    verify: bool | str = True
    certificate: str | None = None

    @classmethod
    def read(
        cls,
        url: str | None = None,
        token: str | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> "Configuration":
        """What is given wins over the environment. Raises `Misused` where something lacks."""
        env = os.environ if environ is None else environ
        address, in_address = _address(url, env)
        found = token or _token(address, env) or in_address
        found = found.strip()
        if not found:
            raise Misused(
                "Set MLGOV_TOKEN (or MLFLOW_TRACKING_TOKEN) to an access token. You make one under "
                f"“Access tokens” in the menu of your account at {address}."
            )
        if not found.isascii() or not found.isprintable() or " " in found:
            raise Misused("The access token holds characters that no token has. Copy it again.")
        insecure = env.get("MLFLOW_TRACKING_INSECURE_TLS", "").strip().lower() in YES
        authority = env.get("MLFLOW_TRACKING_SERVER_CERT_PATH") or True
        return cls(
            address,
            found,
            verify=False if insecure else authority,
            certificate=env.get("MLFLOW_TRACKING_CLIENT_CERT_PATH") or None,
        )


def _address(given: str | None, env: Mapping[str, str]) -> tuple[str, str]:
    """The address without a slash at its end, and the password in it, if there is one."""
    named = [("the url", given), *((name, env.get(name)) for name in ADDRESSES)]
    source, text = next(((name, text.strip()) for name, text in named if text), ("", ""))
    if not text:
        raise Misused(
            "Set MLGOV_URL (or MLFLOW_TRACKING_URI) to the address of mlgov, for example "
            "https://mlgov.example.com."
        )
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = None
    if host is None or parts.scheme not in ("http", "https") or parts.query or parts.fragment:
        # The value itself is not repeated: it may hold a password.
        raise Misused(
            f"The value of {source} is no address of mlgov. It starts with https:// or http://, "
            "for example https://mlgov.example.com; set MLGOV_URL to it."
        )
    netloc = f"[{host}]" if ":" in host else host
    netloc += f":{port}" if port else ""
    return f"{parts.scheme}://{netloc}{parts.path.rstrip('/')}", unquote(parts.password or "")


def _token(address: str, env: Mapping[str, str]) -> str:
    if own := env.get("MLGOV_TOKEN", "").strip():
        return own
    # MLflow's token is for MLflow's server: it goes to mlgov where both are the same host.
    hosts = {urlsplit(env.get(name, "").strip()).hostname for name in ADDRESSES[1:]}
    if urlsplit(address).hostname not in hosts:
        return ""
    return env.get("MLFLOW_TRACKING_TOKEN") or env.get("MLFLOW_TRACKING_PASSWORD") or ""
