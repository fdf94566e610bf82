"""Writes docs/settings.md from `mlgov.configuration`."""

import json
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from django.core.management.base import BaseCommand
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from mlgov.configuration import ROOT, Configuration

PAGE = ROOT / "docs" / "settings.md"
HEAD = """\
# Settings

Everything an operator may set is an environment variable. This page is made from
`mlgov/configuration.py` by `manage.py document_settings`.

| Variable | Default | What it does |
|---|---|---|
"""
TAIL = """
## Beside these

| Variable | What it does |
|---|---|
| `MLGOV_ADMIN_USERNAME`, `MLGOV_ADMIN_EMAIL`, `MLGOV_ADMIN_PASSWORD` | The first administrator, \
where `manage.py serve` has no terminal to ask in. |
| `PROMETHEUS_MULTIPROC_DIR` | An empty directory in which the processes of the web server share \
their counts for `/metrics`. `manage.py serve` sets it by itself. |

`manage.py check --deploy --fail-level WARNING` says what is misconfigured, and with
`--database default` also whether each environment's target answers.
"""


class Command(BaseCommand):
    help = "Write docs/settings.md from the descriptions of the settings."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(page())
        self.stdout.write(f"Wrote {PAGE.relative_to(ROOT)}.")


def page() -> str:
    rows = (
        f"| `MLGOV_{name.upper()}` | {_default(field)} | {_text(field)} |"
        for name, field in Configuration.model_fields.items()
    )
    return HEAD + "\n".join(rows) + "\n" + TAIL


def _text(field: FieldInfo) -> str:
    text = (field.description or "").replace("|", "\\|")
    if get_origin(field.annotation) is Literal:
        choices = ", ".join(f"`{choice}`" for choice in get_args(field.annotation))
        text += f" One of {choices}."
    return text


def _default(field: FieldInfo) -> str:
    value = field.default
    if isinstance(value, Path):
        return f"`{value.relative_to(ROOT)}/` beside the code"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, list):
        return f"`{json.dumps(value)}`"
    if value is None or value == "" or isinstance(value, SecretStr):
        return "empty"
    return f"`{value}`"
