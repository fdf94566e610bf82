import pytest
from django.core.exceptions import ValidationError

from apps.accounts.models import User
from apps.cards import services
from apps.cards.gates import CardIsComplete
from apps.cards.models import CardRequirement
from apps.core.errors import Conflict
from apps.registry.models import ModelVersion
from apps.reviews import services as reviews
from apps.stages.models import Stage
from tests import factories

USE = "/use/intended_use"
TIER = "/classification/risk_tier"


def asked(version: ModelVersion, stage: Stage) -> tuple[bool, list[str]]:
    found = CardIsComplete().check(version, stage)
    return found.ok, [detail.text.partition(":")[0] for detail in found.details]


def test_without_a_requirement_no_stage_asks_for_a_card(
    version: ModelVersion, staging: Stage
) -> None:
    assert asked(version, staging) == (True, [])


def test_a_review_is_asked_for_with_a_complete_card_only(
    version: ModelVersion, data_scientist: User, reviewer: User
) -> None:
    staging = factories.make_stage("acceptance", approvals_required=1)
    CardRequirement.objects.create(stage=staging, pointer=USE)
    with pytest.raises(Conflict, match=r"lacks Intended use: .* asks for it"):
        reviews.request_review(
            version, stage=staging, reviewers=[reviewer], by=data_scientist, note="Please."
        )
    services.edit_card(version, by=data_scientist, changes={USE: "To sort."}, base_revision=1)
    assert reviews.request_review(
        version, stage=staging, reviewers=[reviewer], by=data_scientist, note="Please."
    )


def test_everything_that_the_schema_marks_is_asked_for_and_one_field_spared(
    version: ModelVersion, staging: Stage
) -> None:
    CardRequirement.objects.create(stage=None)
    _, everything = asked(version, staging)
    CardRequirement.objects.create(stage=staging, pointer=USE, is_needed=False)
    _, rest = asked(version, staging)
    assert set(everything) - set(rest) == {"Intended use"}


def test_an_approval_asks_for_more_than_a_request(version: ModelVersion, staging: Stage) -> None:
    CardRequirement.objects.create(stage=staging)
    gate = CardIsComplete()
    early, late = gate.check(version, staging), gate.check_entry(version, staging)
    names = {d.text.partition(":")[0] for d in late.details} - {
        d.text.partition(":")[0] for d in early.details
    }
    assert {"Rollback plan", "Incident contact"} <= names


def test_a_tier_asks_for_its_own(
    version: ModelVersion, staging: Stage, data_scientist: User
) -> None:
    CardRequirement.objects.create(stage=staging, risk_tier="medium", pointer=USE)
    assert asked(version, staging) == (True, [])
    services.edit_card(version, by=data_scientist, changes={TIER: "medium"}, base_revision=1)
    assert asked(version, staging) == (False, ["Intended use"])


def test_a_project_asks_again_for_what_is_spared_everywhere(
    version: ModelVersion, staging: Stage, owner: User
) -> None:
    CardRequirement.objects.create(stage=staging, pointer=USE, is_needed=False)
    CardRequirement.objects.create(
        stage=staging, pointer=USE, project=factories.make_project(owner=owner)
    )
    assert asked(version, staging) == (True, [])
    CardRequirement.objects.create(stage=staging, pointer=USE, project=version.project)
    assert asked(version, staging) == (False, ["Intended use"])


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"pointer": "/provenance/artifacts"}, "pointer"),
        ({"pointer": ""}, "pointer"),
        ({"pointer": USE, "of_a_project": True}, "is_needed"),
    ],
)
def test_less_than_the_minimum_cannot_be_laid_down(
    version: ModelVersion, fields: dict[str, str], place: str
) -> None:
    project = version.project if fields.pop("of_a_project", None) else None
    requirement = CardRequirement(is_needed=False, project=project, **fields)
    with pytest.raises(ValidationError) as refusal:
        requirement.full_clean()
    assert place in refusal.value.message_dict
