"""Each stage has an alias that says what stands there, and nobody else says it."""

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, transaction
from django.test import Client

from apps.accounts.models import User
from apps.audit.queries import activity_of
from apps.core.errors import Conflict, NotPermitted
from apps.projects.models import Project
from apps.registry import services as registry
from apps.registry.models import Alias, ModelVersion, RegisteredModel
from apps.stages import services
from apps.stages.models import Placement, Stage
from tests import factories
from tests.builds.parts import drive
from tests.threads import together


@pytest.fixture
def live(archived: Stage) -> Stage:
    """For one version, without a review."""
    return factories.make_stage("live", approvals_required=0)


@pytest.fixture
def second(version: ModelVersion, data_scientist: User) -> ModelVersion:
    return factories.make_version(version.model, by=data_scientist)


def aliases(model: RegisteredModel) -> dict[str, int]:
    found = Alias.objects.filter(model=model).select_related("version")
    return {alias.name: alias.version.number for alias in found}


def test_the_alias_points_at_what_entered_and_moves_to_what_replaces_it(
    version: ModelVersion, second: ModelVersion, live: Stage, owner: User
) -> None:
    services.move(version, live, by=owner)
    assert aliases(version.model) == {"live": 1}

    services.move(second, live, by=owner)
    assert aliases(version.model) == {"live": 2, "archived": 1}


def test_the_alias_goes_when_its_version_is_archived(
    version: ModelVersion, live: Stage, archived: Stage, owner: User
) -> None:
    services.move(version, live, by=owner)
    services.move(version, archived, by=owner)

    assert aliases(version.model) == {"archived": 1}


def test_without_an_archive_what_is_replaced_has_no_alias(
    version: ModelVersion, second: ModelVersion, owner: User
) -> None:
    live = factories.make_stage("live", approvals_required=0)
    services.move(version, live, by=owner)
    services.move(second, live, by=owner)

    assert aliases(version.model) == {"live": 2}


def test_in_a_stage_for_several_it_is_the_newest_and_then_the_one_before(
    version: ModelVersion, second: ModelVersion, live: Stage, archived: Stage, owner: User
) -> None:
    live.single_occupancy = False
    live.save()
    services.move(second, live, by=owner)
    services.move(version, live, by=owner)
    assert aliases(version.model) == {"live": 1}

    registry.delete_version(version, by=owner)
    assert aliases(version.model) == {}
    drive()
    assert aliases(version.model) == {"live": 2}

    services.move(second, archived, by=owner)
    assert aliases(version.model) == {"archived": 2}


def test_a_move_that_is_refused_leaves_the_alias(
    version: ModelVersion, second: ModelVersion, live: Stage, owner: User, viewer: User
) -> None:
    services.move(version, live, by=owner)
    with pytest.raises(NotPermitted):
        services.move(second, live, by=viewer)
    with transaction.atomic():
        services.move(second, live, by=owner)
        transaction.set_rollback(True)

    assert aliases(version.model) == {"live": 1}


def test_the_trail_tells_of_the_move_only_once(
    version: ModelVersion, live: Stage, owner: User
) -> None:
    services.move(version, live, by=owner)

    (event,) = activity_of(version)
    assert (event.action, event.data["alias"]) == ("version.move", "live")


def test_nobody_sets_or_deletes_the_alias_of_a_stage(
    version: ModelVersion,
    second: ModelVersion,
    live: Stage,
    owner: User,
    administrator: User,
) -> None:
    services.move(version, live, by=owner)

    for person in (owner, administrator):
        for name in ("live", "Live", "archived"):
            with pytest.raises(NotPermitted, match="kept by mlgov: it points at the version"):
                registry.set_alias(second, name=name, by=person)
        with pytest.raises(NotPermitted, match="kept by mlgov"):
            registry.delete_alias(version.model, name="live", by=person)
    # What holds already is no change.
    registry.set_alias(version, name="live", by=owner)
    registry.set_alias(second, name="champion", by=owner)

    assert aliases(version.model) == {"live": 1, "champion": 2}


def test_the_stage_of_another_project_keeps_no_alias_here(
    version: ModelVersion, stranger: User, data_scientist: User
) -> None:
    elsewhere = Project.objects.get(slug="elsewhere")
    factories.make_stage("canary", project=elsewhere, approvals_required=0)

    registry.set_alias(version, name="canary", by=data_scientist)

    assert aliases(version.model) == {"canary": 1}


def test_other_models_and_copies_keep_their_own(
    version: ModelVersion, live: Stage, owner: User
) -> None:
    copied = factories.make_model(version.project, "copy")
    copy = factories.make_version(copied, by=owner, copied_from=version)
    services.move(version, live, by=owner)
    assert (aliases(version.model), aliases(copied)) == ({"live": 1}, {})

    services.move(copy, live, by=owner)
    registry.rename_model(version.model, name="renamed", by=owner)
    assert (aliases(version.model), aliases(copied)) == ({"live": 1}, {"live": 1})


def test_what_stands_in_a_reviewed_stage_is_archived_before_it_is_deleted(
    version: ModelVersion, staging: Stage, archived: Stage, owner: User
) -> None:
    Placement.objects.create(version=version, stage=staging)
    for attempt in (
        lambda: registry.delete_version(version, by=owner),
        lambda: registry.delete_model(version.model, by=owner),
    ):
        with pytest.raises(Conflict, match=r"stands in Staging.*Archive the version first"):
            attempt()

    services.move(version, archived, by=owner)
    registry.delete_version(version, by=owner)
    assert aliases(version.model) == {}


def test_a_stage_without_an_alias_gets_one_like_its_short_name(project: Project) -> None:
    made = [
        factories.make_stage("live"),
        factories.make_stage("live", project=project),
        factories.make_stage("v2"),
        factories.make_stage("latest"),
    ]
    assert [stage.alias for stage in made] == ["live", "live-2", "stage-v2", "stage-latest"]


def test_two_stages_have_one_alias_in_no_spelling(project: Project) -> None:
    factories.make_stage("live")
    with pytest.raises(IntegrityError), transaction.atomic():
        factories.make_stage("other", alias="LIVE")
    factories.make_stage("own", project=project)
    with pytest.raises(IntegrityError), transaction.atomic():
        factories.make_stage("own-too", project=project, alias="Own")


def stage_form(stage: Stage, **changes: Any) -> dict[str, Any]:
    return {
        "name": stage.name,
        "slug": stage.slug,
        "project": stage.project_id or "",
        "description": "",
        "order": stage.order,
        "colour": stage.colour,
        "approvals_required": stage.approvals_required,
        "environment": "",
        "single_occupancy": "on",
        "mlflow_stage": stage.mlflow_stage,
        **changes,
    }


@pytest.fixture
def admin(administrator: User) -> Client:
    client = Client()
    client.force_login(administrator)
    return client


def test_renaming_the_alias_of_a_stage_moves_it_everywhere(
    admin: Client, version: ModelVersion, live: Stage, owner: User, administrator: User
) -> None:
    other = factories.make_version(factories.make_model(version.project, "other"), by=owner)
    registry.set_alias(other, name="champion", by=owner)
    registry.set_alias(version, name="keep", by=owner)
    services.move(version, live, by=owner)

    response = admin.post(
        f"/admin/stages/stage/{live.pk}/change/", stage_form(live, alias="Champion")
    )

    assert response.status_code == 302, response.content.decode()
    assert aliases(version.model) == {"Champion": 1, "keep": 1}
    assert aliases(other.model) == {}
    newest = activity_of(other).first()
    assert (newest.action, newest.actor_name) == ("alias.delete", str(administrator))


def test_an_alias_that_is_taken_or_no_alias_is_refused_on_the_form(
    admin: Client, live: Stage, archived: Stage, project: Project
) -> None:
    url = f"/admin/stages/stage/{live.pk}/change/"
    own = factories.make_stage("own", project=project)
    for alias in ("Archived", "own", "v3", "latest", "a b"):
        assert admin.post(url, stage_form(live, alias=alias)).status_code == 200, alias
    for alias in ("live", "archived"):
        page = f"/admin/stages/stage/{own.pk}/change/"
        assert admin.post(page, stage_form(own, alias=alias)).status_code == 200, alias
    admin.post(url, stage_form(live, alias=""))

    assert list(Stage.objects.order_by("alias").values_list("alias", flat=True)) == [
        "archived",
        "live",
        "own",
    ]


def test_a_new_stage_takes_its_alias_over_from_people(
    admin: Client, version: ModelVersion, owner: User
) -> None:
    registry.set_alias(version, name="Production", by=owner)

    draft = Stage(slug="production", name="Production", approvals_required=2)
    assert admin.post("/admin/stages/stage/add/", stage_form(draft)).status_code == 302

    assert (Stage.objects.get().alias, aliases(version.model)) == ("production", {})


def test_the_migrations_fill_and_point_what_stands(
    version: ModelVersion, second: ModelVersion, live: Stage, archived: Stage, project: Project
) -> None:
    own = factories.make_stage("archived", project=project)
    Placement.objects.create(version=version, stage=archived)
    Placement.objects.create(version=second, stage=live)
    Alias.objects.create(model=version.model, version=version, name="LIVE")
    Alias.objects.create(model=version.model, version=version, name="champion")
    for stage in (live, archived, own):
        # The constraint is newer than the migration that fills.
        Stage.objects.filter(pk=stage.pk).update(alias="")
        import_module("apps.stages.migrations.0003_fill_stage_alias").fill_alias(apps, None)
    import_module("apps.stages.migrations.0005_point_stage_aliases").point_aliases(apps, None)

    assert [s.alias for s in Stage.objects.order_by("pk")] == ["archived", "live", "archived-2"]
    assert aliases(version.model) == {"archived": 1, "live": 2, "champion": 1}


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_two_moves_at_once_the_alias_follows_the_later_one() -> None:
    owner = factories.make_user("owner")
    model = factories.make_model(factories.make_project("credit", owner=owner), "scoring")
    versions = [factories.make_version(model, by=owner) for _ in range(2)]
    factories.make_stage("archived", approvals_required=0, single_occupancy=False)
    live = factories.make_stage("live", approvals_required=0)

    together(*[lambda v=v: services.move(v, live, by=owner) for v in versions])

    placement = Placement.objects.get(stage=live)
    assert aliases(model)["live"] == placement.version.number
