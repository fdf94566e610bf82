"""Rules as administrators write them, and what follows from the next request on."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from apps.access import policies, services, vocabulary
from apps.access.explanations import explain
from apps.access.models import Rule, UserGrant
from apps.accounts import declarations
from apps.accounts import services as accounts
from apps.accounts.models import Attribute, User
from apps.audit.models import AuditEvent
from apps.core.errors import AlreadyExists, Conflict, Invalid, NotFound, NotPermitted
from apps.projects.models import Project
from apps.projects.queries import events_visible_to
from apps.projects.roles import ACTIONS
from apps.registry.models import ModelVersion, RegisteredModel, VersionTag
from apps.registry.services import labels
from apps.registry.services.versions import create_version
from apps.stages.services import move
from tests import factories
from tests.sessions import sign_in

SECRET = 'version.tags.secret is "yes"'


@pytest.fixture
def secret(version: ModelVersion) -> ModelVersion:
    """A second version of the model, which rules below hide."""
    found = factories.make_version(version.model, by=version.registered_by)
    VersionTag.objects.create(version=found, key="secret", value="yes")
    return found


def write(by: User, **fields: object) -> Rule:
    given: dict[str, object] = {
        "name": "Secret versions are for owners",
        "effect": "deny",
        "actions": ["view"],
        "conditions": [SECRET, 'user.role is not "owner"'],
        **fields,
    }
    return services.create_rule(by=by, **given)


def test_a_rule_holds_from_the_next_request_on_until_it_is_switched_off(
    client: Client, secret: ModelVersion, viewer: User, administrator: User
) -> None:
    card = f"/models/{secret.model.name}/versions/{secret.number}"
    sign_in(client, viewer)
    assert client.get(card).status_code == 200

    rule = write(administrator)
    assert client.get(card).status_code == 404
    services.change_rule(rule, is_active=False, by=administrator)
    assert client.get(card).status_code == 200
    services.change_rule(rule, is_active=True, by=administrator)
    assert client.get(card).status_code == 404
    services.delete_rule(rule, by=administrator)
    assert client.get(card).status_code == 200


def test_what_is_hidden_is_told_nowhere(
    client: Client, secret: ModelVersion, viewer: User, owner: User, administrator: User
) -> None:
    labels.set_alias(secret, name="hidden-alias", by=administrator)
    labels.set_version_tag(secret, key="hidden-tag", value="x", by=administrator)
    write(administrator)
    name = secret.model.name
    sign_in(client, viewer)

    page = client.get(f"/models/{name}").content.decode()
    assert "hidden-alias" not in page
    assert f"/versions/{secret.number}" not in page
    for address in ("/models", f"/models/{name}/activity", "/projects/credit", "/audit"):
        told = client.get(address).content.decode()
        assert str(secret) not in told
        assert "hidden-alias" not in told
        assert "hidden-tag" not in told
    assert client.get(f"/api/v1/models/{name}/versions").json()["count"] == 1
    assert events_visible_to(viewer).filter(object_type="registry.modelversion").exists() is False
    assert events_visible_to(owner).filter(object_name=str(secret)).exists()


def test_the_mlflow_client_is_told_as_little(
    client: Client, secret: ModelVersion, viewer: User, owner: User, administrator: User
) -> None:
    labels.set_alias(secret, name="hidden-alias", by=administrator)
    name, number = secret.model.name, str(secret.number)
    write(administrator)

    def ask(user: User, path: str, **query: str) -> tuple[int, str]:
        _, token = accounts.create_token(user, name=f"{path}{query}", by=user)
        answer = client.get(
            f"/api/2.0/mlflow/{path}", query, headers={"Authorization": f"Bearer {token}"}
        )
        return answer.status_code, answer.content.decode()

    for path, query in (
        ("registered-models/get", {"name": name}),
        ("registered-models/search", {}),
        ("registered-models/get-latest-versions", {"name": name}),
        ("model-versions/search", {"filter": f"name = '{name}'"}),
    ):
        status, told = ask(viewer, path, **query)
        assert status == 200
        assert f'"version": "{number}"' not in told
        assert "hidden-alias" not in told
        assert f'"version": "{number}"' in ask(owner, path, **query)[1]
    status, told = ask(viewer, "model-versions/get", name=name, version=number)
    missing = ask(viewer, "model-versions/get", name=name, version="77")
    assert (status, told.replace(number, "N")) == (missing[0], missing[1].replace("77", "N"))
    hidden = ask(viewer, "registered-models/alias", name=name, alias="hidden-alias")
    missing = ask(viewer, "registered-models/alias", name=name, alias="none-such-al")
    assert (hidden[0], hidden[1].replace("hidden-alias", "A")) == (
        missing[0],
        missing[1].replace("none-such-al", "A"),
    )


def test_a_rule_may_let_people_in_who_have_no_role(
    project: Project, version: ModelVersion, stranger: User, administrator: User
) -> None:
    Attribute.objects.create(name="department", kind="text")
    Attribute.objects.create(about="project", name="department", kind="text")
    project.attributes = {"department": "it's"}
    project.save()
    write(
        administrator,
        name="Departments see their projects",
        effect="allow",
        conditions=["user.department is project.department"],
    )
    assert not policies.of(version).allows(stranger, "view", version)
    stranger.attributes = {"department": "it's"}
    for obj in (project, version.model, version):
        assert policies.of(obj).allows(stranger, "view", obj)
        assert not policies.of(obj).allows(stranger, "register", obj)


def test_what_is_wanted_decides_where_a_rule_asks_for_it(
    version: ModelVersion, owner: User, administrator: User
) -> None:
    free = factories.make_stage("shadow", approvals_required=0)
    other = factories.make_stage("sandbox", approvals_required=0)
    write(
        administrator,
        name="Nobody enters the shadow",
        actions=["move"],
        conditions=['wanted.stage is "shadow"'],
    )
    with pytest.raises(NotPermitted, match="The rule “Nobody enters the shadow” does not let you"):
        move(version, free, by=owner)
    assert policies.of(version).could(owner, "move", version)
    assert move(version, other, by=owner)


def test_labels_are_bound_by_what_a_rule_wants_also_on_registration(
    version: ModelVersion, model: RegisteredModel, owner: User, administrator: User
) -> None:
    write(
        administrator,
        name="Seals are set by machines",
        actions=["register"],
        conditions=['wanted.tag is "sealed"', "user.service_account is false"],
    )
    write(
        administrator,
        name="No champions",
        actions=["register"],
        conditions=['wanted.alias is "champion"'],
    )
    with pytest.raises(NotPermitted, match="Seals are set by machines"):
        labels.set_version_tag(version, key="sealed", value="1", by=owner)
    with pytest.raises(NotPermitted, match="Seals are set by machines"):
        create_version(model, source="runs:/x/model", tags={"sealed": "1"}, by=owner)
    with pytest.raises(NotPermitted, match="No champions"):
        labels.set_alias(version, name="champion", by=owner)
    labels.set_version_tag(version, key="open", value="1", by=owner)
    labels.set_alias(version, name="challenger", by=owner)


def test_a_rule_has_its_time(version: ModelVersion, viewer: User, administrator: User) -> None:
    now = timezone.now()
    ahead = write(administrator, name="ahead", conditions=[], valid_from=now + timedelta(hours=1))
    over = write(administrator, name="over", conditions=[], valid_until=now - timedelta(hours=1))
    assert policies.of(version).allows(viewer, "view", version)
    assert not ahead.is_in_force
    assert not over.is_in_force
    services.change_rule(ahead, valid_from=now - timedelta(hours=1), by=administrator)
    assert not policies.of(version).allows(viewer, "view", version)


def test_a_rule_that_cannot_be_read_any_more_fails_closed_and_says_so(
    version: ModelVersion, viewer: User, owner: User, administrator: User
) -> None:
    attribute = Attribute.objects.create(name="vetted", kind="boolean")
    write(administrator, name="vetted", conditions=["user.vetted is false"])
    write(
        administrator,
        name="all in",
        effect="allow",
        actions=["delete"],
        conditions=["user.vetted is not set"],
    )
    assert policies.of(version).allows(viewer, "view", version)
    assert policies.of(version).allows(viewer, "delete", version)
    attribute.delete()
    assert not policies.of(version).allows(viewer, "view", version)
    assert not policies.of(version).allows(viewer, "delete", version)
    told = explain(viewer, "view", version)
    assert "It cannot be read any more" in " ".join(reason.sentence for reason in told.reasons)


def test_an_attribute_that_a_rule_relies_on_is_neither_deleted_nor_narrowed(
    administrator: User,
) -> None:
    level = declarations.declare(
        about="project", name="level", kind="choice", values=["low", "high"], by=administrator
    )
    rule = write(administrator, conditions=['project.level is "high"'])
    for break_it in (
        lambda: declarations.delete(level, by=administrator),
        lambda: declarations.change(level, values=["low"], by=administrator),
        lambda: declarations.change(level, kind="number", values=[], by=administrator),
    ):
        with pytest.raises(Conflict, match=f"The access rule “{rule}” relies on it"):
            break_it()
    declarations.change(level, values=["low", "mid", "high"], by=administrator)
    services.delete_rule(rule, by=administrator)
    declarations.delete(level, by=administrator)


def test_no_rule_binds_administrators_but_a_limited_token_of_theirs_is_no_more_than_it_says(
    version: ModelVersion, administrator: User
) -> None:
    write(administrator, conditions=[])
    assert policies.of(version).allows(administrator, "view", version)


def test_rules_come_from_administrators_and_are_on_record(owner: User, administrator: User) -> None:
    with pytest.raises(NotPermitted, match="Only administrators write access rules"):
        write(owner)
    rule = write(administrator)
    services.change_rule(rule, description="Ask risk.", by=administrator)
    services.change_rule(rule, description="Ask risk.", by=administrator)
    services.delete_rule(rule, by=administrator)
    told = AuditEvent.objects.filter(object_type="access.rule").order_by("pk")
    assert [event.action for event in told] == ["rule.create", "rule.edit", "rule.delete"]
    assert told[1].data == {"before": {"description": ""}, "now": {"description": "Ask risk."}}
    assert rule.author == administrator
    assert [row.history_type for row in Rule.history.order_by("history_id")] == ["+", "~", "-"]


@pytest.mark.parametrize(
    ("fields", "place", "said"),
    [
        ({"actions": []}, "actions", "at least one action"),
        ({"actions": ["fly"]}, "actions", "no action “fly”"),
        ({"effect": "maybe"}, "effect", "not a valid choice"),
        ({"name": ""}, "name", "blank"),
        ({"name": "x" * 200}, "name", "at most 120"),
        ({"name": "a\x00b"}, "name", "NUL"),
        ({"conditions": ["user.groups has 3"]}, "conditions", "Condition 1: user.groups is a list"),
        ({"conditions": [SECRET, "x"]}, "conditions", "Condition 2: “x” does not begin"),
        ({"conditions": [SECRET] * 30}, "conditions", "at most 20"),
        (
            {"actions": ["view", "predict"]},
            "conditions",
            "“predict” is asked about endpoints, which lead to no version",
        ),
        (
            {"actions": ["manage_members"], "conditions": ['model.name is "x"']},
            "conditions",
            "“manage_members” is asked about projects, which lead to no model",
        ),
        ({"conditions": [], "effect": "allow"}, "conditions", "everybody may do this everywhere"),
        (
            {"conditions": ['environment.slug is "a"', 'model.name is "b"', SECRET]},
            "",
            "",
        ),
        (
            {"conditions": ['endpoint.slug is "x"', 'project.slug is "p"', "version.number is 1"]},
            "",
            "",
        ),
    ],
)
def test_what_is_wrong_with_a_rule_is_said_at_its_place(
    administrator: User, fields: dict[str, object], place: str, said: str
) -> None:
    if not place:
        # A deployment leads to all of these.
        assert write(administrator, **fields).pk
        return
    with pytest.raises(Invalid, match=said) as refusal:
        write(administrator, **fields)
    assert place in refusal.value.details
    assert not Rule.objects.exists()


def test_two_rules_have_two_names_and_a_rule_begins_before_it_ends(administrator: User) -> None:
    write(administrator)
    with pytest.raises(AlreadyExists, match="Choose another name"):
        write(administrator)
    now = timezone.now()
    with pytest.raises(Invalid, match="begin before it ends"):
        write(administrator, name="x", valid_from=now, valid_until=now - timedelta(days=1))


def test_grants_reach_what_belongs_to_their_object_and_end_in_time(
    version: ModelVersion, stranger: User, owner: User
) -> None:
    model = version.model
    given = services.give(model, to=stranger, actions=["edit_card"], reason="helps out", by=owner)
    assert sorted(grant.permission.codename for grant in given) == ["edit_card", "view"]
    assert policies.of(version).allows(stranger, "edit_card", version)
    assert not policies.of(version).allows(stranger, "register", version)
    assert not policies.of(model.project).allows(stranger, "view", model.project)
    with pytest.raises(NotFound):
        policies.of(model.project).require(stranger, "view", model.project)
    told = explain(stranger, "edit_card", version)
    assert told.allowed
    assert "Owner granted it to him on the model" in told.reasons[0].sentence

    soon = timezone.now() + timedelta(hours=1)
    again = services.give(model, to=stranger, actions=["edit_card"], expires_at=soon, by=owner)
    assert {grant.pk for grant in again} == {grant.pk for grant in given}
    for grant in again:
        grant.expires_at = timezone.now() - timedelta(seconds=1)
        grant.save()
    assert not policies.of(version).allows(stranger, "view", version)


def test_what_comes_along_with_a_grant_does_not_end_an_earlier_one(
    version: ModelVersion, stranger: User, owner: User
) -> None:
    services.give(version, to=stranger, actions=["comment"], by=owner)
    soon = timezone.now() + timedelta(hours=1)
    services.give(version, to=stranger, actions=["edit_card"], expires_at=soon, by=owner)
    ends = {
        grant.permission.codename: grant.expires_at
        for grant in UserGrant.objects.select_related("permission")
    }
    assert ends == {"view": None, "comment": None, "edit_card": soon}
    later = timezone.now() + timedelta(hours=2)
    services.give(version, to=stranger, actions=["view"], expires_at=later, by=owner)
    assert UserGrant.objects.get(permission__codename="view").expires_at == later


def test_grants_to_a_group_hold_for_who_is_in_it(
    version: ModelVersion, stranger: User, owner: User
) -> None:
    group = Group.objects.create(name="helpers")
    services.give(version, to=group, actions=["view"], by=owner)
    assert not policies.of(version).allows(stranger, "view", version)
    stranger.groups.add(group)
    assert policies.of(version).allows(stranger, "view", version)
    assert not policies.of(version.model).allows(stranger, "view", version.model)
    assert services.take(version, of=group, actions=["view"], by=owner) == 1
    assert not policies.of(version).allows(stranger, "view", version)
    told = [e.action for e in AuditEvent.objects.filter(action__startswith="grant.").order_by("pk")]
    assert told == ["grant.give", "grant.take"]


def test_nobody_grants_himself_or_what_he_may_not_or_where_he_decides_nothing(
    version: ModelVersion, owner: User, viewer: User, stranger: User, data_scientist: User
) -> None:
    with pytest.raises(NotPermitted, match="Nobody grants himself"):
        services.give(version, to=owner, actions=["view"], by=owner)
    with pytest.raises(NotPermitted):
        services.give(version, to=stranger, actions=["view"], by=data_scientist)
    with pytest.raises(NotFound):
        services.give(version, to=viewer, actions=["view"], by=stranger)
    with pytest.raises(Invalid, match="“manage_keys” cannot be granted on a version"):
        services.give(version, to=stranger, actions=["manage_keys"], by=owner)
    with pytest.raises(Invalid, match="still to come"):
        services.give(version, to=stranger, actions=["view"], expires_at=timezone.now(), by=owner)
    stranger.is_active = False
    stranger.save()
    with pytest.raises(Invalid, match="is disabled"):
        services.give(version, to=stranger, actions=["view"], by=owner)
    with pytest.raises(Invalid, match="Nothing is granted on a single project"):
        services.give(version.project, to=viewer, actions=["view"], by=owner)
    environment = factories.make_environment()
    with pytest.raises(NotPermitted):
        services.give(environment, to=viewer, actions=["view"], by=owner)


def test_a_denial_wins_over_a_grant_and_the_explanation_names_both(
    version: ModelVersion, stranger: User, owner: User, administrator: User
) -> None:
    Attribute.objects.create(name="vetted", kind="boolean")
    services.give(version, to=stranger, actions=["view"], by=owner)
    write(administrator, name="Vetted people only", conditions=["user.vetted is not true"])

    told = explain(stranger, "view", version)

    assert not told.allowed
    assert [(reason.kind, reason.allows) for reason in told.reasons] == [
        ("grant", True),
        ("rule", False),
    ]
    assert "Vetted people only" in told.reasons[1].sentence
    assert told.reasons[1].conditions == ("user.vetted is not true (user.vetted is not set)",)
    assert "An administrator changes the rule" in told.remedies[0]


def test_a_token_for_some_projects_finds_nothing_that_was_granted_in_others(
    version: ModelVersion, viewer: User, owner: User
) -> None:
    other = factories.make_project("other", owner=owner)
    foreign = factories.make_version(factories.make_model(other), by=owner)
    services.give(foreign, to=viewer, actions=["view"], by=owner)
    assert policies.of(foreign).allows(viewer, "view", foreign)
    token, text = accounts.create_token(
        viewer, name="one project", projects=[version.project.pk], by=viewer
    )
    limited = accounts.user_for_token(text)
    assert limited is not None
    assert policies.of(version).allows(limited, "view", version)
    assert not policies.of(foreign).allows(limited, "view", foreign)
    assert token.projects == [version.project.pk]


def test_each_action_of_a_role_can_be_named_in_a_rule_and_is_asked_about_something() -> None:
    asked = {action for policy in policies.BY_KIND.values() for action in policy.actions}
    assert set(vocabulary.ACTIONS) == set().union(*ACTIONS.values()) == asked
