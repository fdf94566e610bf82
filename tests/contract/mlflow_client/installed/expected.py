"""What every step of the scenario finds, and where versions of the client differ."""

from typing import Any

ALL_RIGHT = [0, 1, 0, 1]  # what the model of the scenario predicts

EXPECTED: dict[str, Any] = {
    "experiments": {
        "gone": "deleted",
        "found": ["passed", "active", "risk", "yes"],
        "searched": ["passed"],
    },
    "a_run": {
        "status": "FINISHED",
        "params": {"penalty": "l2", "C": "1.0"},
        "metrics": {"accuracy": 0.9, "loss": 0.1, "auc": 0.95},
        "team": "risk",
        "kind": None,
        "history": [[0, 0.5], [1, 0.7], [2, 0.9]],
        "datasets": ["applicants"],
    },
    "artifacts": {
        "listed": ["notes", "plots", "rows.json", "settings.json"],
        "sizes": [["plots/more", None], ["plots/with space & ünicode.bin", 256_000]],
        "downloaded": {"more/empty.txt": 0, "with space & ünicode.bin": 256_000},
        "text": "a note, in two words: déjà vu",
        "dict": {"threshold": 0.5},
        "missing": "RESOURCE_DOES_NOT_EXIST",
    },
    "searching_runs": {
        "better": ["first"],
        "by_accuracy": ["first", "second"],
        "gone": "deleted",
    },
    "log_and_register": {
        "version": "1",
        "found": ["scoring", "1", "READY", "None"],
        "from_this_run": True,
        "source": "models",
    },
    # The client gives back the version as it was created; it has waited until it was ready.
    "register_from_a_run": ["2", "PENDING_REGISTRATION", True, {"from": "a run"}],
    "register_from_a_logged_model": ["3", "PENDING_REGISTRATION", True],
    "logged_models": {
        "status": "READY",
        "params": {"penalty": "l2"},
        "metrics": [["accuracy", 0.9]],
        "searched": 2,
    },
    "load_by_version": ALL_RIGHT,
    "load_latest": ALL_RIGHT,
    "load_as_function": ALL_RIGHT,
    "download": {
        "scheme": "mlflow-artifacts",
        "has": ["MLmodel", "conda.yaml", "python_env.yaml", "requirements.txt"],
    },
    "model_life": {
        "made": ["passing", "First.", {"team": "risk"}],
        "again": "RESOURCE_ALREADY_EXISTS",
        "found": ["passed", "Second.", {"checked": "yes"}, {}, []],
        "old_name": "RESOURCE_DOES_NOT_EXIST",
        "deleted": "RESOURCE_DOES_NOT_EXIST",
    },
    "version_life": {
        "found": ["The third.", {"checked": "yes"}],
        "deleted": "RESOURCE_DOES_NOT_EXIST",
        "left": ["1", "2"],
    },
    "aliases": {
        "moved": ["1", "2"],
        "model": {"champion": "2"},
        "version": ["champion"],
        "loaded": ALL_RIGHT,
        "gone": "INVALID_PARAMETER_VALUE",
    },
    "copies": {
        "copy": ["scoring-copy", "1", "READY", "models:/scoring/1"],
        "loaded": ALL_RIGHT,
    },
    "stage_without_a_review": {
        "moved": "Staging",
        "latest": ["1"],
        "every": [["1", "Staging"], ["2", "None"]],
        "model": [["1", "Staging"], ["2", "None"]],
        "loaded": ALL_RIGHT,
    },
    "stage_that_asks_for_a_review": {
        "refused": "PERMISSION_DENIED",
        "still": "Staging",
        "nonsense": "INVALID_PARAMETER_VALUE",
    },
    "searching_the_registry": {
        "pages": [["page-6", "page-5", "page-4"], ["page-3", "page-2", "page-1"], ["page-0"]],
        "by_tag": ["page-1", "page-3", "page-5"],
        "case": 0,
        "no_case": 7,
        "versions": [["1"], ["2"]],
        "by_run": 2,
        "no_filter": "INVALID_PARAMETER_VALUE",
    },
    "mistakes": {
        "no_model": "RESOURCE_DOES_NOT_EXIST",
        "no_version": "RESOURCE_DOES_NOT_EXIST",
        "unknown_source": "INVALID_PARAMETER_VALUE",
        "foreign_source": "INVALID_PARAMETER_VALUE",
        "bad_name": "INVALID_PARAMETER_VALUE",
        "bad_alias": "INVALID_PARAMETER_VALUE",
        "registered_run": "PERMISSION_DENIED",
    },
    "traces": {
        "found": 1,
        "spans": ["inner", "score"],
        "answer": 42,
        "tagged": "yes",
        "deleted": 1,
    },
    "prompts": {
        "versions": [1, 2],
        "loaded": "Hello Ada.",
        "by_alias": "Good day, Ada.",
        "searched": ["greeting"],
        "among_models": [],
        "as_a_model": "RESOURCE_ALREADY_EXISTS",
    },
}

DIFFERENT: dict[str, dict[str, dict[str, Any] | None]] = {
    "2.22.5": {
        # It words whatever an artifact server refuses like this.
        "artifacts": {"missing": "INTERNAL_ERROR"},
        "log_and_register": {"source": "mlflow-artifacts"},
        # It has none, and its versions say the run instead.
        "logged_models": None,
        "prompts": {"searched": None},
    },
}


def expected_of(version: str) -> dict[str, Any]:
    found = dict(EXPECTED)
    for step, change in DIFFERENT.get(version, {}).items():
        found[step] = None if change is None else {**found[step], **change}
    return found
