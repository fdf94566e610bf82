"""Models, versions, tags and aliases."""

import pytest
from django.db import connection

from apps.accounts.models import User
from apps.audit.queries import activity_of
from apps.core.errors import AlreadyExists, Conflict, Invalid, NotFound, NotPermitted
from apps.projects.models import Project
from apps.registry import guards, policies, queries, services
from apps.registry.models import Alias, ModelVersion, RegisteredModel
from tests import factories
from tests.threads import together


class NothingMoves(guards.Guard):
    name = "nothing-moves"

    def objection(self, action: guards.Action, obj: object, *, alias: str = "") -> str:
        return "It is deployed; retire the deployment first."


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guards, "_guards", [])
    guards.register(NothingMoves())


def test_a_model_goes_to_the_only_project_of_the_person(
    project: Project, data_scientist: User
) -> None:
    model = services.create_model(name="scoring", by=data_scientist, tags={"a": "b"})

    assert (model.project, model.created_by) == (project, data_scientist)
    assert [event.action for event in activity_of(model)] == ["model.create"]


def test_with_several_projects_the_tag_decides(project: Project, data_scientist: User) -> None:
    other = factories.make_project("other", owner=data_scientist)

    with pytest.raises(Invalid, match=r"mlgov.project set to one of credit, other"):
        services.create_model(name="scoring", by=data_scientist)
    model = services.create_model(
        name="scoring", by=data_scientist, tags={"mlgov.project": "other"}
    )

    assert model.project == other


def test_who_may_register_nowhere_is_told_whom_to_ask(
    project: Project, viewer: User, stranger: User
) -> None:
    with pytest.raises(Invalid, match="Ask an owner"):
        services.create_model(name="scoring", by=viewer)
    with pytest.raises(NotFound, match="no project “credit”"):
        services.create_model(name="scoring", by=stranger, tags={"mlgov.project": "credit"})
    assert not RegisteredModel.objects.exists()


@pytest.mark.parametrize("name", ["", "  ", "a/b", "a:b", "..", ".", "x" * 257, "a\nb", "a\x00"])
def test_a_name_that_mlflow_would_not_take_is_refused(data_scientist: User, name: str) -> None:
    with pytest.raises(Invalid):
        services.create_model(name=name, by=data_scientist)


def test_a_taken_name_is_refused_also_to_those_who_may_not_create(
    model: RegisteredModel, viewer: User
) -> None:
    with pytest.raises(AlreadyExists):
        services.create_model(name="scoring", by=viewer)


def test_a_deleted_model_gives_its_name_free_and_keeps_its_trail(
    model: RegisteredModel, version: ModelVersion, owner: User, data_scientist: User
) -> None:
    services.set_alias(version, name="champion", by=data_scientist)
    with pytest.raises(NotPermitted):
        services.delete_model(model, by=data_scientist)
    services.delete_model(model, by=owner)

    assert not policies.models.visible_to(owner).exists()
    assert not policies.versions.visible_to(owner).exists()
    assert not Alias.objects.exists()
    again = services.create_model(name="scoring", by=data_scientist)
    assert (again.last_number, queries.model_named("scoring", user=owner)) == (0, again)
    assert "model.delete" in [event.action for event in activity_of(model)]


def test_the_number_of_a_deleted_version_is_never_given_again(
    model: RegisteredModel, version: ModelVersion, owner: User, data_scientist: User
) -> None:
    with pytest.raises(NotPermitted):
        services.delete_version(version, by=data_scientist)
    services.delete_version(version, by=owner)

    version.refresh_from_db()
    assert (version.source, version.source_run_id) == ("REDACTED", "REDACTED")
    assert version.artifact_digest != ""
    with pytest.raises(NotFound):
        queries.version_of(model, 1)
    with pytest.raises(NotFound):
        services.delete_version(version, by=owner)
    model.refresh_from_db()
    assert factories.make_version(model, by=owner).number == 2


def test_a_guard_keeps_what_the_apps_above_need(
    guarded: None, model: RegisteredModel, version: ModelVersion, owner: User
) -> None:
    for attempt in (
        lambda: services.rename_model(model, name="other", by=owner),
        lambda: services.delete_model(model, by=owner),
        lambda: services.delete_version(version, by=owner),
        lambda: services.set_alias(version, name="champion", by=owner),
    ):
        with pytest.raises(Conflict, match="retire the deployment first"):
            attempt()

    version.refresh_from_db()
    assert (version.deleted_at, version.model.name) == (None, "scoring")


def test_renaming_keeps_versions_and_refuses_a_taken_name(
    model: RegisteredModel, version: ModelVersion, data_scientist: User, viewer: User
) -> None:
    factories.make_model(model.project, "taken")
    with pytest.raises(AlreadyExists):
        services.rename_model(model, name="taken", by=data_scientist)
    with pytest.raises(NotPermitted):
        services.rename_model(model, name="renamed", by=viewer)

    services.rename_model(model, name="renamed", by=data_scientist)

    version.refresh_from_db()
    assert version.model.name == "renamed"


@pytest.mark.parametrize("name", ["", "latest", "LATEST", "v1", "V12", "a b", "a@b", "x" * 256])
def test_an_alias_that_could_be_misread_is_refused(
    version: ModelVersion, data_scientist: User, name: str
) -> None:
    with pytest.raises(Invalid):
        services.set_alias(version, name=name, by=data_scientist)


def test_an_alias_points_at_one_version(
    model: RegisteredModel, version: ModelVersion, data_scientist: User, viewer: User
) -> None:
    second = factories.make_version(model, by=data_scientist)
    services.set_alias(version, name="champion", by=data_scientist)
    services.set_alias(second, name="champion", by=data_scientist)

    assert queries.version_behind(model, "champion") == second
    with pytest.raises(NotPermitted):
        services.set_alias(version, name="champion", by=viewer)
    with pytest.raises(NotPermitted):
        services.delete_alias(model, name="champion", by=viewer)
    assert queries.version_behind(model, "champion") == second


def test_tags_of_mlgov_and_of_prompts_are_not_set_by_hand(
    model: RegisteredModel, version: ModelVersion, data_scientist: User, viewer: User
) -> None:
    services.set_model_tag(model, key="team", value="risk", by=data_scientist)
    services.set_version_tag(version, key="checked", value="", by=data_scientist)

    for key, refusal in (("mlgov.project", NotPermitted), ("mlflow.prompt.is_prompt", Invalid)):
        with pytest.raises(refusal):
            services.set_model_tag(model, key=key, value="true", by=data_scientist)
        with pytest.raises(refusal):
            services.set_version_tag(version, key=key, value="true", by=data_scientist)
    with pytest.raises(NotPermitted):
        services.set_model_tag(model, key="team", value="x", by=viewer)
    assert [(t.key, t.value) for t in model.tags.all()] == [("team", "risk")]
    assert [(t.key, t.value) for t in version.tags.all()] == [("checked", "")]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_registrations_at_once_get_two_numbers(
    model: RegisteredModel, data_scientist: User
) -> None:
    origin = factories.make_stored_version(model, by=data_scientist)

    def register() -> int:
        try:
            return services.create_version(
                model, source=f"models:/scoring/{origin.number}", by=data_scientist
            ).number
        finally:
            connection.close()

    assert sorted(together(*[register] * 6)) == [2, 3, 4, 5, 6, 7]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_people_who_create_one_name_get_one_model(
    project: Project, data_scientist: User, owner: User
) -> None:
    results = together(
        lambda: services.create_model(name="scoring", by=data_scientist),
        lambda: services.create_model(name="scoring", by=owner, project=project),
    )

    assert sorted(type(result).__name__ for result in results) == [
        "AlreadyExists",
        "RegisteredModel",
    ]
