"""Rules have versions evaluated without anybody asking, once, and say what they could not have."""

from typing import Any

import pytest
from django.core import mail
from django.db import transaction
from django.test import Client
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.audit.queries import activity_of
from apps.cards import documents
from apps.cards.queries import current_card
from apps.core.errors import AlreadyExists, Conflict, Invalid, NotPermitted
from apps.evaluations import queries, services
from apps.evaluations.models import Evaluation, EvaluationDataSet, EvaluationRule
from apps.outbox.services import publish
from apps.projects import services as projects
from apps.registry.events import VersionReady
from apps.registry.models import ModelVersion, RegisteredModel
from apps.stages.models import Stage
from tests import factories
from tests.builds.parts import drive
from tests.evaluations.conftest import CSV, upload
from tests.evaluations.parts import MemorySandbox
from tests.people import AskForReview

pytestmark = pytest.mark.django_db(transaction=True)


def add(data_set: EvaluationDataSet, by: User, **asked: Any) -> EvaluationRule:
    given = {
        "name": "on the holdout", "occasion": "version", "data_set_name": data_set.name,
        "kind": "binary", "target": "label", **asked,
    }  # fmt: skip
    return services.add_rule(data_set.project, by=by, **given)


def register(model: RegisteredModel, by: User) -> ModelVersion:
    made = factories.make_stored_version(model, by=by)
    ready(made)
    return made


def ready(version: ModelVersion) -> None:
    with transaction.atomic():
        publish(VersionReady(version.pk))
    drive()


def test_a_new_version_is_measured_once_for_each_content_and_its_results_go_on_the_card(
    data_set: EvaluationDataSet, owner: User, data_scientist: User, model: RegisteredModel
) -> None:
    add(data_set, owner, puts_on_card=True, sensitive=["sex"], threshold=0.4)
    add(data_set, owner, name="of others", model_patterns=["fraud*"])
    version = register(model, data_scientist)
    ready(version)

    evaluation = version.evaluations.get()
    assert (evaluation.rule_name, evaluation.threshold) == ("on the holdout", 0.4)
    assert evaluation.run.requested_by is None
    asked = activity_of(evaluation).get(action="evaluation.request")
    assert (asked.actor_name, asked.data["rule"]) == ("mlgov", "on the holdout")
    assert queries.newest_report(version, data_set) == evaluation
    assert [to for message in mail.outbox for to in message.to] == [data_scientist.email]
    assert "The rule “on the holdout” asked for it." in mail.outbox[0].body
    card = current_card(version)
    assert documents.value_at(card.content, "/evaluation/reports")[0]["sha256"] == (
        evaluation.report_sha256
    )

    services.withdraw_data_set(data_set, by=data_scientist, reason="")
    newer = upload(data_set.project, data_scientist, CSV + b"3,west,f,1\n")
    ready(version)
    assert [each.data_set for each in version.evaluations.all()] == [newer, data_set]
    assert queries.newest_report(version, newer) != evaluation


def test_a_review_for_the_stage_has_the_version_measured_and_another_has_not(
    version: ModelVersion,
    data_set: EvaluationDataSet,
    owner: User,
    staging: Stage,
    ask_for_review: AskForReview,
) -> None:
    elsewhere = factories.make_stage("elsewhere")
    add(data_set, owner, occasion="review", stage=elsewhere)
    add(data_set, owner, name="before it stands there", occasion="review", stage=staging)
    ask_for_review(version)
    drive()
    (evaluation,) = version.evaluations.all()
    assert (evaluation.rule_name, evaluation.card_refusal) == ("before it stands there", "")


def test_what_a_rule_cannot_have_is_told_with_the_version_once(
    version: ModelVersion, data_set: EvaluationDataSet, owner: User, client: Client
) -> None:
    add(data_set, owner)
    EvaluationDataSet.objects.update(columns=["a", "b"])
    ready(version)
    ready(version)

    assert not Evaluation.objects.exists()
    client.force_login(owner)
    page = client.get(f"/models/{version.model.name}/versions/1/evaluations").content.decode()
    assert page.count("on the holdout: The data set has no column “label”.") == 1


def test_a_rule_on_somebodys_right_ends_with_it(
    version: ModelVersion, data_set: EvaluationDataSet, owner: User, project: Any
) -> None:
    second = factories.make_user("second-owner")
    member = factories.join(project, second, "owner")
    add(data_set, second, on_my_right=True)
    ready(version)
    assert version.evaluations.get().run.requested_by == second
    projects.remove_member(member, by=owner)
    later = register(version.model, owner)

    assert not later.evaluations.exists()
    assert queries.refusals_of(later).count() == 1


def test_deleting_a_rule_cancels_what_it_asked_for_and_keeps_its_name(
    version: ModelVersion, data_set: EvaluationDataSet, owner: User, viewer: User
) -> None:
    rule = add(data_set, owner)
    services.heed(version, "version")
    with pytest.raises(NotPermitted):
        services.remove_rule(rule, by=viewer)
    services.remove_rule(rule, by=owner)
    drive()

    evaluation = version.evaluations.get()
    assert (evaluation.run.state, evaluation.rule) == ("cancelled", None)
    assert (evaluation.rule_name, MemorySandbox.seen) == ("on the holdout", [])


def test_a_rule_that_could_never_hold_is_refused(
    data_set: EvaluationDataSet, owner: User, data_scientist: User
) -> None:
    stage = factories.make_stage("staging")
    for asked, sentence in (
        ({"target": "truth"}, "no column “truth”"),
        ({"data_set_name": "other"}, "no evaluation data set “other”"),
        ({"stage": stage}, "Only reviews"),
        ({"occasion": "never"}, "not a valid choice"),
        ({"name": "x" * 101}, "at most 100"),
        ({"model_patterns": ["x" * 300]}, "at most 50 models"),
    ):  # fmt: skip
        with pytest.raises(Invalid, match=sentence):
            add(data_set, owner, **asked)
    with pytest.raises(NotPermitted):
        add(data_set, data_scientist)
    add(data_set, owner)
    with pytest.raises(AlreadyExists):
        add(data_set, owner, name="On the HOLDOUT")
    EvaluationRule.objects.update(project=None)
    with pytest.raises(Conflict):
        services.remove_rule(EvaluationRule.objects.get(), by=owner)


def test_rules_are_made_and_removed_on_a_page_and_by_program(
    version: ModelVersion, data_set: EvaluationDataSet, owner: User, viewer: User, client: Client
) -> None:
    path = f"/projects/{data_set.project.slug}/evaluation-rules"
    client.force_login(owner)
    posted = {
        "data_set": data_set.pk, "name": "nightly", "occasion": "version", "kind": "binary",
        "target": "label", "threshold": "0.5", "min_rows": "30", "seed": "0",
        "model_patterns": f"{version.model.name}\n\nfraud*",
    }  # fmt: skip
    assert client.post(path, {**posted, "target": "truth"}).status_code == 422
    assert client.post(path, {**posted, "data_set": "9" * 30}).status_code == 422
    assert client.post(path, posted).status_code == 302
    rule = EvaluationRule.objects.get()
    assert (rule.model_patterns, rule.acts_for) == ([version.model.name, "fraud*"], None)
    assert b"nightly" in client.get(path).content
    client.force_login(viewer)
    assert b"nightly" in client.get(path).content
    assert client.post(f"{path}/{rule.pk}/remove").status_code == 403

    program = APIClient()
    program.force_authenticate(owner)
    rest = f"/api/v1{path}"
    assert program.delete(f"{rest}/{rule.pk}").status_code == 204
    wanted = {
        "name": "by program", "occasion": "review", "stage": "staging", "on_my_right": True,
        "data_set_name": "HOLDOUT", "kind": "binary", "target": "label",
    }  # fmt: skip
    assert program.post(rest, wanted, format="json").status_code == 400
    factories.make_stage("staging")
    assert program.post(rest, wanted, format="json").status_code == 201
    (read,) = program.get(rest).json()["results"]
    assert (read["stage"], read["acts_for"], read["data_set_name"]) == (
        "staging", owner.username, "holdout",
    )  # fmt: skip


def test_administrators_make_rules_of_all_projects(
    version: ModelVersion, data_set: EvaluationDataSet, administrator: User, client: Client
) -> None:
    client.force_login(administrator)
    path = "/admin/evaluations/evaluationrule/"
    posted = {
        "name": "everywhere", "occasion": "version", "data_set_name": "holdout", "seed": "0",
        "kind": "binary", "target": "label", "threshold": "0.5", "min_rows": "30",
        "sensitive": "sex\n", "model_patterns": "scor*\n",
    }  # fmt: skip
    refused = client.post(f"{path}add/", {**posted, "model_patterns": "x" * 300})
    assert "at most 50 models" in refused.content.decode()
    assert client.post(f"{path}add/", posted).status_code == 302
    services.heed(version, "version")
    evaluation = version.evaluations.get()
    assert (evaluation.sensitive, evaluation.run.requested_by) == (["sex"], None)

    assert client.post(f"{path}{evaluation.rule_id}/delete/", {"post": "yes"}).status_code == 302
    evaluation.refresh_from_db()
    assert (evaluation.run.state, evaluation.rule_name) == ("cancelled", "everywhere")
