from datetime import datetime

import pytest

from apps.accounts.models import User
from apps.cards import completeness, documents, filling, queries, services
from apps.cards.masking import masked
from apps.core.errors import Conflict, NotPermitted
from apps.registry.models import Lineage, ModelVersion

RUN = {
    "source": {"name": "train.py", "git_commit": "abc123", "git_dirty": "True"},
    "run": {
        "id": "r1",
        "name": "bold-fox",
        "started_at": "2026-11-21T03:00:00+00:00",
        "ended_at": "2026-11-21T03:00:01.5+00:00",
        "experiment_id": "7",
    },
    "parameters": {"max_iter": "20"},
    "metrics": [
        {"name": "test_roc_auc", "value": 0.91, "step": 0, "dataset": "credit"},
        {"name": "loss", "value": "NaN", "step": 3, "dataset": ""},
    ],
    "datasets": [
        {
            "name": "credit",
            "digest": "84b0",
            "context": "eval",
            "rows": 569,
            "source": {"uri": "s3://x"},
            "schema": {"mlflow_colspec": [{"name": "age", "type": "long", "required": True}]},
        }
    ],
    "tags": {"estimator_name": "LogisticRegression", "mlflow.note.content": "From the run."},
}


@pytest.fixture
def trained(version: ModelVersion) -> ModelVersion:
    version.flavors = {"sklearn": {"sklearn_version": "1.9.1"}, "python_function": {}}
    version.requirements = ["scikit-learn==1.9.1", "pandas>=2", "git+https://x.example/y"]
    version.python_version = "3.11.7"
    version.signature = {
        "inputs": [{"name": "age", "type": "long", "required": True}],
        "outputs": [{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 2]}}],
    }
    version.input_example = {"dataframe_split": {"columns": ["email", "age"], "data": [["a@b", 4]]}}
    version.save()
    Lineage.objects.update_or_create(version=version, defaults={"document": RUN})
    version.card_revisions.all().delete()
    return version


def test_a_card_is_filled_in_from_everything_that_is_known(trained: ModelVersion) -> None:
    card = services.open_card(trained)
    assert documents.problems(card.content) == {}
    said = {field.pointer: value for field, value in documents.filled(card.content)}
    assert said["/overview/framework"] == "sklearn 1.9.1"
    assert said["/overview/description"] == "From the run."
    assert said["/development/code"] == {
        "commit": "abc123",
        "entry_point": "train.py",
        "dirty": True,
    }
    assert said["/development/compute"] == {"duration_s": 1.5}
    assert said["/development/environment"]["packages"] == [
        {"name": "scikit-learn", "version": "1.9.1", "purl": "pkg:pypi/scikit-learn@1.9.1"},
        {"name": "pandas>=2"},
        {"name": "git+https://x.example/y"},
    ]
    assert said["/data/datasets"] == [
        {
            "name": "credit",
            "role": "evaluation",
            "digest": "84b0",
            "source": '{"uri":"s3://x"}',
            "rows": 569,
            "features": 1,
            "fields": [{"name": "age", "type": "long", "required": True}],
        }
    ]
    assert said["/evaluation/metrics"] == [
        {
            "name": "test_roc_auc",
            "value": 0.91,
            "origin": "run",
            "dataset": "credit",
            "split": "test",
        },
        {"name": "loss", "value": "NaN", "origin": "run", "step": 3},
    ]
    assert said["/interface/outputs"] == [
        {"name": "column 1", "type": "tensor:float64", "shape": [-1, 2]}
    ]
    assert said["/interface/example"]["dataframe_split"]["data"] == [["•••", 4]]
    reading = card.reading
    assert reading is not None
    assert reading.sources["/development/parameters"] == "run: params"


def test_guesses_are_offered_and_stand_on_no_card(trained: ModelVersion) -> None:
    card = services.open_card(trained)
    assert card.reading is not None
    assert card.reading.guesses == {
        "/overview/model_type": "logistic regression",
        "/overview/task": "binary-classification",
    }
    assert documents.value_at(card.content, "/overview/task") is None


def test_a_run_that_says_more_fills_in_again_and_leaves_what_people_wrote(
    trained: ModelVersion, data_scientist: User
) -> None:
    services.open_card(trained)
    services.edit_card(
        trained,
        by=data_scientist,
        changes={"/overview/description": "My words."},
        base_revision=1,
    )
    more = {**RUN, "parameters": {"max_iter": "30"}, "tags": {"mlflow.note.content": "New note."}}
    Lineage.objects.filter(version=trained).update(document=more)
    card = services.fill_card(trained, by=data_scientist)
    assert documents.value_at(card.content, "/development/parameters") == {"max_iter": "30"}
    assert card.description == "My words."
    differing = queries.differences(card)
    assert {p: d.found for p, d in differing.items()} == {"/overview/description": "New note."}


def test_filling_in_twice_is_one_revision(trained: ModelVersion, data_scientist: User) -> None:
    first = services.fill_card(trained, by=data_scientist)
    assert services.fill_card(trained, by=data_scientist) == first
    assert trained.card_revisions.count() == 1


def test_filling_in_needs_the_right(trained: ModelVersion, viewer: User) -> None:
    with pytest.raises(NotPermitted):
        services.fill_card(trained, by=viewer)


def test_a_version_that_is_not_ready_says_so(version: ModelVersion, owner: User) -> None:
    version.state = "PENDING_REGISTRATION"
    version.save()
    with pytest.raises(Conflict, match="not ready"):
        services.fill_card(version, by=owner)


@pytest.mark.parametrize(
    ("example", "expected"),
    [
        (None, None),
        ([1, 2], [1, 2]),
        (
            {"inputs": {"firstName": ["A"], "age": [3]}},
            {"inputs": {"firstName": "•••", "age": [3]}},
        ),
        (
            {"dataframe_records": [{"e-mail": "x", "email": "x", "feature_name": "y"}]},
            {"dataframe_records": [{"e-mail": "x", "email": "•••", "feature_name": "y"}]},
        ),
        (
            {"dataframe_split": {"columns": "x", "data": 3}},
            {"dataframe_split": {"columns": "x", "data": 3}},
        ),
    ],
)
def test_sensitive_columns_of_an_example_are_masked(example: object, expected: object) -> None:
    assert masked(example) == expected


def test_a_bare_version_has_a_valid_card_that_says_what_is_missing(version: ModelVersion) -> None:
    found = filling.of(version)
    assert documents.problems(found.document) == {}
    assert datetime.fromisoformat(found.values["/overview/registered_at"]).tzinfo
    there, needed = completeness.counted(services.open_card(version))
    assert 0 < there < needed == 31
