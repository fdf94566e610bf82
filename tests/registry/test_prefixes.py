"""Names that a project keeps, and where a new model goes."""

import uuid

import pytest

from apps.accounts.models import User
from apps.audit.queries import activity_of
from apps.core.context import acting
from apps.core.errors import AlreadyExists, Conflict, Invalid, NotFound, NotPermitted
from apps.projects import tokens
from apps.projects.choosing import PROJECT_TAG
from apps.projects.models import NamePrefix, Project
from apps.registry import services
from apps.registry.models import RegisteredModel
from apps.tracking.models import Experiment
from tests import factories
from tests.threads import together
from tests.tracking import Tracking


@pytest.fixture
def elsewhere(stranger: User) -> Project:
    return Project.objects.get(slug="elsewhere")


@pytest.fixture
def other(data_scientist: User) -> Project:
    """A second project of the data scientist, so that he has to say where a model goes."""
    return factories.make_project("other", owner=data_scientist)


def test_a_reserved_beginning_decides_before_tag_and_token(
    project: Project, other: Project, owner: User, data_scientist: User
) -> None:
    services.reserve_prefix(project, prefix="credit-", by=owner)

    with acting(default_project="other"):
        model = services.create_model(name="credit-risk", by=data_scientist)
        elsewhere = services.create_model(name="Credit-risk", by=data_scientist)

    assert (model.project, elsewhere.project) == (project, other)
    with pytest.raises(Invalid, match=r"the tag mlgov\.project says other"):
        services.create_model(
            name="credit-loss", by=data_scientist, tags={"mlgov.project": "other"}
        )


def test_then_the_tag_decides_and_then_the_token(
    project: Project, other: Project, data_scientist: User
) -> None:
    with acting(default_project="other"):
        by_tag = services.create_model(
            name="one", by=data_scientist, tags={"mlgov.project": "credit"}
        )
        by_token = services.create_model(name="two", by=data_scientist)
    with acting(default_project="elsewhere"), pytest.raises(NotFound, match="another default"):
        services.create_model(name="three", by=data_scientist)
    with pytest.raises(Invalid, match="several projects"):
        services.create_model(name="three", by=data_scientist)

    assert (by_tag.project, by_token.project) == (project, other)


def test_what_others_keep_is_taken_in_no_way(
    project: Project, elsewhere: Project, owner: User, stranger: User
) -> None:
    services.reserve_prefix(elsewhere, prefix="fraud-", by=stranger)
    model = factories.make_model(project, "scoring")

    for attempt in (
        lambda: services.create_model(name="fraud-x", by=owner),
        lambda: services.create_model(name="fraud-x", project=project, by=owner),
        lambda: services.rename_model(model, name="fraud-x", by=owner),
    ):
        with pytest.raises(NotPermitted, match="reserved for another project"):
            attempt()
    services.rename_model(model, name="Fraud-x", by=owner)
    services.create_model(name="fraud-x", project=elsewhere, by=stranger)


def test_what_others_have_registered_already_cannot_be_reserved(
    project: Project, elsewhere: Project, owner: User, stranger: User
) -> None:
    factories.make_model(elsewhere, "fraud-x")
    factories.make_model(project, "credit-x")
    factories.make_model(elsewhere, "CREDIT-y")

    with pytest.raises(Conflict, match="Models of other projects have names that begin") as said:
        services.reserve_prefix(project, prefix="fraud-", by=owner)
    assert "fraud-x" not in said.value.message
    services.reserve_prefix(project, prefix="credit-", by=owner)
    RegisteredModel.objects.get(name="fraud-x").delete()
    services.reserve_prefix(project, prefix="fraud-", by=owner)


def test_beginnings_of_two_projects_do_not_overlap(
    project: Project, elsewhere: Project, owner: User, stranger: User
) -> None:
    services.reserve_prefix(project, prefix="credit-", by=owner)

    for prefix in ("credit-", "cre", "credit-risk-"):
        with pytest.raises(Conflict, match="the two overlap"):
            services.reserve_prefix(elsewhere, prefix=prefix, by=stranger)
    services.reserve_prefix(elsewhere, prefix="Credit-", by=stranger)
    services.reserve_prefix(project, prefix="credit-risk-", by=owner)
    with pytest.raises(AlreadyExists):
        services.reserve_prefix(project, prefix="credit-", by=owner)


@pytest.mark.parametrize("prefix", ["", " ", "a", " ab", "a/b", "a:b", "ab\n", "x" * 101, "a\x00b"])
def test_a_beginning_that_no_name_has_is_refused(
    project: Project, owner: User, prefix: str
) -> None:
    with pytest.raises(Invalid):
        services.reserve_prefix(project, prefix=prefix, by=owner)


def test_only_who_runs_the_project_reserves_and_releases(
    project: Project, owner: User, data_scientist: User, stranger: User
) -> None:
    for person, refusal in ((data_scientist, NotPermitted), (stranger, NotFound)):
        with pytest.raises(refusal):
            services.reserve_prefix(project, prefix="credit-", by=person)
    row = services.reserve_prefix(project, prefix="credit-", by=owner)
    with pytest.raises(NotPermitted):
        services.release_prefix(row, by=data_scientist)
    services.release_prefix(row, by=owner)

    assert not NamePrefix.objects.exists()
    assert [event.action for event in activity_of(project)][:2] == [
        "prefix.release",
        "prefix.reserve",
    ]


def test_a_token_names_a_project_in_which_its_person_may_register(
    project: Project, viewer: User, data_scientist: User, elsewhere: Project
) -> None:
    token, _ = tokens.create_token(
        data_scientist, name="ci", default_project="credit", by=data_scientist
    )
    assert token.default_project == "credit"
    for person, slug in ((viewer, "credit"), (data_scientist, "elsewhere"), (viewer, "no")):
        with pytest.raises(Invalid, match="in which"):
            tokens.create_token(person, name="x", default_project=slug, by=person)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_two_that_overlap_and_come_at_once_one_is_refused() -> None:
    owners = [factories.make_user(f"owner-{n}") for n in range(2)]
    projects = [
        factories.make_project(f"project-{n}", owner=owner) for n, owner in enumerate(owners)
    ]

    results = together(
        lambda: services.reserve_prefix(projects[0], prefix="credit-", by=owners[0]),
        lambda: services.reserve_prefix(projects[1], prefix="credit-risk-", by=owners[1]),
    )

    assert sorted(type(result).__name__ for result in results) == ["Conflict", "NamePrefix"]


@pytest.mark.django_db(transaction=True)
def test_what_experiments_of_others_are_called_stands_in_the_way(
    tracking: Tracking, project: Project, elsewhere: Project, owner: User
) -> None:
    names = {who: f"{who}-{uuid.uuid4().hex[:8]}%" for who in ("theirs", "ours", "nobodys")}
    client = tracking.upstream
    client.create_experiment(f"{names['theirs']}-1", {PROJECT_TAG: elsewhere.slug})
    client.create_experiment(f"{names['ours']}-1", {PROJECT_TAG: project.slug})
    nobodys = client.create_experiment(f"{names['nobodys']}-1", {})

    with pytest.raises(Conflict, match="Experiments of other projects") as said:
        services.reserve_prefix(project, prefix=names["theirs"], by=owner)
    assert "-1" not in said.value.message.replace(names["theirs"], "")
    services.reserve_prefix(project, prefix=names["theirs"].upper(), by=owner)
    for who in ("ours", "nobodys"):
        services.reserve_prefix(project, prefix=names[who], by=owner)
    # One that an administrator gave to a project says so in mlgov only.
    Experiment.objects.create(experiment_id=nobodys, project=elsewhere)
    with pytest.raises(Conflict, match="Experiments of other projects"):
        services.reserve_prefix(project, prefix=names["nobodys"][:-1], by=owner)


def test_a_name_is_kept_also_while_the_tracking_server_is_down(
    project: Project, owner: User, no_tracking: None
) -> None:
    assert services.reserve_prefix(project, prefix="fraud-", by=owner).project == project
