"""What the people of the demo hold in their hands: a browser, a script, a mailbox."""

import email
import email.policy
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

TIMEOUT = 60  # seconds


class Refused(Exception):
    """mlgov did not do what was asked; the message is its own sentence."""


@dataclass(frozen=True)
class Script:
    """A person's program: the REST API with an access token."""

    base_url: str
    token: str

    def get(self, path: str, **query: Any) -> Any:
        return self._call("GET", path, params=query)

    def post(self, path: str, **body: Any) -> Any:
        return self._call("POST", path, json=body)

    def put(self, path: str, **body: Any) -> Any:
        return self._call("PUT", path, json=body)

    def delete(self, path: str) -> None:
        self._call("DELETE", path)

    def _call(self, method: str, path: str, **options: Any) -> Any:
        answer = requests.request(
            method,
            f"{self.base_url}/api/v1{path}",
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=TIMEOUT,
            **options,
        )
        if not answer.ok:
            raise Refused(f"{method} {path} answered {answer.status_code}: {answer.text[:500]}")
        return answer.json() if answer.content else None


class Browser:
    """A person at the pages, signed in with a password."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.session = requests.Session()

    def sign_in(self, username: str, password: str) -> None:
        address = f"{self.base_url}/accounts/login/"
        self.session.get(address, timeout=TIMEOUT).raise_for_status()
        answer = self.session.post(
            address,
            data={
                "login": username,
                "password": password,
                "csrfmiddlewaretoken": self.session.cookies["csrftoken"],
            },
            headers={"Referer": address},
            timeout=TIMEOUT,
        )
        if "sessionid" not in self.session.cookies:
            raise Refused(f"{username} could not sign in (status {answer.status_code}).")

    def open(self, address: str) -> str:
        answer = self.session.get(address, timeout=TIMEOUT)
        if not answer.ok:
            raise Refused(f"{address} answered {answer.status_code}.")
        return answer.text


@dataclass(frozen=True)
class Mail:
    to: str
    subject: str
    text: str

    @property
    def link(self) -> str:
        """The first address in the text."""
        found = re.search(r"https?://\S+", self.text)
        if found is None:
            raise Refused(f"The mail “{self.subject}” holds no link.")
        return found.group()


def mails_in(directory: Path) -> list[Mail]:
    """The mails that were written to the data directory, oldest first."""
    mails = []
    for path in sorted(directory.glob("*.log"), key=lambda path: path.stat().st_mtime_ns):
        for part in re.split(r"^-{79}$", path.read_text(), flags=re.MULTILINE):
            if not part.strip():
                continue
            message = email.message_from_string(part.lstrip("\n"), policy=email.policy.default)
            body = message.get_body(("plain",))
            text = body.get_content() if body is not None else ""
            mails.append(Mail(str(message["To"]), str(message["Subject"]), text))
    return mails
