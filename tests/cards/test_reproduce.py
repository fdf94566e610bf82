import shlex
import subprocess

from apps.cards import documents
from apps.cards.reproduce import recipe

FULL = {
    "/development/code": {
        "repository": "https://git.example.org/credit.git",
        "commit": "4f2c9d1",
        "entry_point": "train.py",
        "source_type": "LOCAL",
    },
    "/development/environment": {
        "python": "3.11.7",
        "packages": [
            {"name": "scikit-learn", "version": "1.9.1"},
            {"name": "numpy", "version": "2"},
        ],
    },
    "/development/parameters": {"depth": "3"},
    "/data/datasets": [
        {"name": "credit", "role": "training", "digest": "84b0", "source": "s3://x"}
    ],
}


def test_a_run_that_recorded_everything_lacks_nothing() -> None:
    found = recipe(documents.with_values(documents.empty(), FULL))
    assert found.missing == []
    assert "git checkout --detach 4f2c9d1" in found.script
    assert "uv venv --python 3.11.7" in found.script
    assert "scikit-learn==1.9.1" in found.script
    assert "uv run python train.py" in found.script


def test_each_missing_piece_is_named() -> None:
    missing = " ".join(recipe(documents.empty()).missing)
    for piece in ("commit", "Python", "packages", "data set", "what was run"):
        assert piece in missing


def test_a_project_is_run_with_its_parameters() -> None:
    code = {**FULL["/development/code"], "source_type": "PROJECT"}  # type: ignore[dict-item]
    content = documents.with_values(documents.empty(), {**FULL, "/development/code": code})
    assert "mlflow run . -P depth=3" in recipe(content).script


def test_nothing_that_a_run_logged_becomes_a_command() -> None:
    attack = "$(touch /tmp/owned); `x`\nrm -rf ~ 'q' \"z\""
    code = dict.fromkeys(("repository", "commit", "entry_point"), attack)
    content = documents.with_values(
        documents.empty(),
        {
            "/development/code": code,
            "/development/environment": {"python": attack, "packages": [{"name": attack}]},
            "/development/parameters": {attack: attack},
            "/data/datasets": [{"name": attack, "role": "training", "source": attack}],
        },
    )
    script = recipe(content).script
    words = shlex.split(script, comments=True)
    flat = " ".join(attack.split())
    assert words.count(flat) == 5
    assert not any(word in ("rm", "touch") for word in words)
    # A shell reads it the same way: every line is known, or a comment.
    checked = subprocess.run(["/bin/sh", "-n"], input=script, text=True, check=False)
    assert checked.returncode == 0
