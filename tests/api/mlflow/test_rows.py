"""What the registry answers, to the byte: PostgreSQL and Python each write it for one database."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from apps.accounts.models import User
from apps.api.mlflow import rows
from apps.registry import services
from apps.registry.models import Alias, ModelVersion, RegisteredModel
from apps.stages.models import Stage
from tests import factories
from tests.api.mlflow.conftest import Call

ODD = 'quotes " and \\, lines\nand\ttabs, \x01\x1f\x7f, ü 猫 🐈 \u2028, 100 % %s $pk {x}'
MOMENT = datetime(2026, 9, 21, 14, 13, 20, 999, UTC)  # no float of seconds is just this


@pytest.fixture
def odd(model: RegisteredModel, archived: Stage, data_scientist: User) -> list[ModelVersion]:
    """Three versions with everything that can be said of them; the second is archived."""
    versions = [factories.make_version(model, by=data_scientist) for _ in range(3)]
    RegisteredModel.objects.filter(pk=model.pk).update(
        description=ODD, created_at=MOMENT, updated_at=MOMENT + timedelta(microseconds=1)
    )
    ModelVersion.objects.filter(model=model).update(
        description=ODD,
        source=f"models:/{ODD}",
        source_run_id="run",
        run_link=ODD,
        status_message=ODD,
        created_at=MOMENT,
        updated_at=MOMENT + timedelta(microseconds=1),
    )
    archived.placements.create(version=versions[1])
    model.tags.create(key="b", value=ODD)
    model.tags.create(key="a", value="")
    for version in versions:
        version.tags.create(key=ODD[:200], value=ODD)
        version.tags.create(key="a", value="1")
    for name in ("b", "A", "a-1", "a1", "_", "Z"):
        Alias.objects.create(model=model, name=name, version=versions[1])
    return versions


def version_text(number: int, *, stage: str, by: str, aliases: str = "") -> str:
    odd = json.dumps(ODD, ensure_ascii=False)
    return (
        f'{{"name": "scoring", "version": "{number}", "creation_timestamp": 1790000000000, '
        f'"last_updated_timestamp": 1790000000001, "user_id": "{by}", "current_stage": "{stage}", '
        f'"description": {odd}, "source": "models:/{odd[1:]}, "run_id": "run", "status": "READY", '
        f'"run_link": {odd}, "status_message": {odd}, '
        f'"tags": [{{"key": {json.dumps(ODD[:200], ensure_ascii=False)}, "value": {odd}}}, '
        f'{{"key": "a", "value": "1"}}]{aliases}}}'
    )


ALIASES = ', "aliases": ["A", "Z", "_", "a-1", "a1", "b"]'


def test_a_version_is_written_the_same_on_every_database(
    call: Call, odd: list[ModelVersion], data_scientist: User
) -> None:
    name = data_scientist.username
    archived = version_text(2, stage="Archived", by=name, aliases=ALIASES)
    for path, more in (
        ("model-versions/get", {"version": "2"}),
        ("registered-models/alias", {"alias": "a-1"}),
    ):
        found = call(data_scientist, "GET", path, {"name": "scoring", **more})
        assert found.content.decode() == f'{{"model_version": {archived}}}'

    found = call(data_scientist, "GET", "model-versions/search", {"filter": "version_number > 1"})
    texts = [
        version_text(3, stage="None", by=name),
        version_text(2, stage="Archived", by=name),
    ]
    assert found.content.decode() == f'{{"model_versions": [{", ".join(texts)}]}}'


def test_a_model_is_written_the_same_on_every_database(
    call: Call, odd: list[ModelVersion], data_scientist: User
) -> None:
    name, text = data_scientist.username, json.dumps(ODD, ensure_ascii=False)
    latest = (version_text(2, stage="Archived", by=name), version_text(3, stage="None", by=name))
    aliases = ", ".join(
        f'{{"alias": "{alias}", "version": "2"}}' for alias in ("A", "Z", "_", "a-1", "a1", "b")
    )
    model = (
        '{"name": "scoring", "creation_timestamp": 1790000000000, '
        f'"last_updated_timestamp": 1790000000001, "description": {text}, '
        f'"latest_versions": [{", ".join(latest)}], '
        f'"tags": [{{"key": "b", "value": {text}}}, {{"key": "a", "value": ""}}], '
        f'"aliases": [{aliases}]}}'
    )

    found = call(data_scientist, "GET", "registered-models/get", {"name": "scoring"})
    listed = call(data_scientist, "GET", "registered-models/search")

    assert found.content.decode() == f'{{"registered_model": {model}}}'
    assert listed.content.decode() == f'{{"registered_models": [{model}]}}'


def test_of_a_stage_the_highest_number_is_the_latest_in_whatever_order_they_came(
    call: Call, odd: list[ModelVersion], archived: Stage, data_scientist: User
) -> None:
    first, _, third = odd
    archived.placements.create(version=first)
    archived.placements.create(version=third)
    ModelVersion.objects.filter(pk=third.pk).update(deleted_at=MOMENT)
    ModelVersion.objects.filter(pk=first.pk).update(number=20)

    found = call(data_scientist, "GET", "registered-models/get", {"name": "scoring"}).json()

    latest = found["registered_model"]["latest_versions"]
    assert [(v["version"], v["current_stage"]) for v in latest] == [("20", "Archived")]


def test_of_two_stages_that_mlflow_calls_none_the_highest_version_is_the_latest(
    call: Call, odd: list[ModelVersion], archived: Stage, data_scientist: User
) -> None:
    Stage.objects.filter(pk=archived.pk).update(mlflow_stage="None")

    found = call(data_scientist, "GET", "registered-models/get", {"name": "scoring"}).json()

    assert [v["version"] for v in found["registered_model"]["latest_versions"]] == ["3"]


def test_what_is_made_is_told_as_it_is_read(call: Call, data_scientist: User) -> None:
    tags = [{"key": "b", "value": ODD}, {"key": "a", "value": ""}]
    body = {"name": "new", "description": ODD, "tags": tags}
    made = call(data_scientist, "POST", "registered-models/create", body)
    found = call(data_scientist, "GET", "registered-models/get", {"name": "new"})
    assert made.content == found.content

    model = RegisteredModel.objects.get(name="new")
    version = factories.make_version(model, by=data_scientist)
    for tag in tags:
        services.set_version_tag(version, **tag, by=data_scientist)
    version.refresh_from_db()
    told = rows.new_version(version, {tag["key"]: tag["value"] for tag in tags})
    read = rows.versions_json(rows.VERSION_OF_KEY.rows(pk=version.pk))
    assert [told] == read
