"""A setting, event, audit action, plug-in method or failure that no page explains fails here."""

import re

import pytest

from apps.api.mlflow import errors as mlflow_errors
from mlgov.configuration import Configuration
from scripts import generated
from tests.docs import code


def _lacking(names: set[str], text: str) -> list[str]:
    return sorted(name for name in names if f"`{name}`" not in text)


def _column(page: str, number: int = 0) -> set[str]:
    """What the tables of a page name in one of their columns."""
    rows = re.findall(r"^\| (.+) \|$", code.GENERATED.sub("", code.pages()[page]), re.MULTILINE)
    cells = [row.split(" | ")[number] for row in rows]
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def test_each_setting_is_in_the_table_of_settings():
    settings = {f"MLGOV_{name.upper()}" for name in Configuration.model_fields}

    assert _lacking(settings, code.pages().get("docs/settings.md", "")) == []


def test_each_event_is_explained_and_each_explained_event_exists():
    assert _column("docs/reference/events.md") == set(generated.events())


def test_each_audit_action_is_explained_and_each_explained_action_exists():
    assert _column("docs/reference/audit-actions.md") == code.audit_actions()


def test_each_method_of_a_plug_in_is_explained():
    assert _lacking(code.plug_in_methods(), code.written()) == []


def test_each_code_of_a_failed_run_has_a_way_out():
    explained = _column("docs/errors.md")

    unexplained = [
        pattern
        for pattern in sorted(code.failure_codes())
        if not any(_fits(pattern, name) for name in explained)
    ]

    assert unexplained == []


def test_each_explained_failure_can_happen():
    explained = {name for name in _column("docs/errors.md") if code.FAILURE.fullmatch(name)}
    patterns = code.failure_codes()

    invented = [
        name for name in sorted(explained) if not any(_fits(pattern, name) for pattern in patterns)
    ]

    assert invented == []


def _fits(pattern: str, name: str) -> bool:
    return bool(re.fullmatch(re.escape(pattern).replace(r"\{\}", r"[a-z{}-]+"), name))


def test_each_refusal_is_explained():
    assert _lacking(code.refusal_codes(), code.pages()["docs/errors.md"]) == []


def test_each_error_code_of_the_mlflow_interface_is_explained():
    terms = [*mlflow_errors.IN_MLFLOW_TERMS.values(), *mlflow_errors.BY_CODE.values()]
    codes = {error for error, _ in terms} | {"UNAUTHENTICATED", "INTERNAL_ERROR"}

    assert _lacking(codes, code.GENERATED.sub("", code.pages()["docs/errors.md"])) == []


def test_each_system_check_is_explained():
    assert _lacking(code.system_checks(), code.pages()["docs/operations.md"]) == []


def test_each_metric_is_explained():
    assert _lacking(code.metric_names(), code.pages()["docs/operations.md"]) == []


def test_each_app_of_the_layers_has_a_purpose_and_no_other():
    assert set(generated.PURPOSES) == {app for row in generated.layers() for app in row}


@pytest.mark.parametrize("noun", ["run", "version", "review", "deployment"])
def test_the_state_machines_are_found(noun):
    assert noun in generated.machines()
