"""Whom mlgov asks where nobody was named."""

import pytest

from apps.accounts.models import User
from apps.core.errors import Conflict
from apps.projects.models import Membership, Project, ReviewerRole
from apps.registry.models import ModelVersion
from apps.reviews import queries, services
from apps.reviews.models import ReviewRequest
from apps.stages.models import Stage
from apps.stages.queries import policy_for
from tests import factories


def chosen(version: ModelVersion, stage: Stage, requester: User) -> list[str]:
    policy = policy_for(stage, version.project)
    found = queries.default_reviewers(version, policy, requester)
    return [user.username for user in found]


def test_one_for_each_role_is_asked_and_nobody_beyond(
    version: ModelVersion,
    staging: Stage,
    project: Project,
    reviewer: User,
    risk_reviewer: User,
    data_scientist: User,
    domain_role: ReviewerRole,
) -> None:
    factories.make_reviewer(project, domain_role, "second-reviewer")

    review = services.request_review(
        version, stage=staging, reviewers=None, note="Please.", by=data_scientist
    )

    asked = [row.reviewer for row in review.assignments.select_related("reviewer")]
    assert asked == [reviewer, risk_reviewer]


def test_who_covers_two_roles_is_asked_first_and_others_until_there_are_enough(
    version: ModelVersion,
    staging: Stage,
    project: Project,
    reviewer: User,
    risk_reviewer: User,
    data_scientist: User,
    domain_role: ReviewerRole,
    risk_role: ReviewerRole,
) -> None:
    both = factories.make_user("zoe")
    factories.join(project, both, "reviewer", domain_role, risk_role)

    assert chosen(version, staging, data_scientist)[0] == "zoe"
    assert len(chosen(version, staging, data_scientist)) == 2


def test_among_equals_the_one_with_the_least_to_do_is_asked(
    review: ReviewRequest,
    version: ModelVersion,
    staging: Stage,
    project: Project,
    data_scientist: User,
    domain_role: ReviewerRole,
) -> None:
    factories.make_reviewer(project, domain_role, "zoe")
    other = factories.make_version(version.model, by=data_scientist)

    assert chosen(other, staging, data_scientist) == ["zoe", "risk-reviewer"]
    services.withdraw(review, by=data_scientist)
    assert chosen(other, staging, data_scientist) == ["reviewer", "risk-reviewer"]


def test_nobody_is_asked_about_his_own_work(
    version: ModelVersion, staging: Stage, owner: User, reviewer: User, risk_reviewer: User
) -> None:
    version.claimed_author = "reviewer"
    version.save()

    assert chosen(version, staging, risk_reviewer) == ["owner"]


def test_with_too_few_reviewers_the_refusal_says_what_to_do_and_nothing_is_opened(
    version: ModelVersion,
    staging: Stage,
    reviewer: User,
    risk_reviewer: User,
    data_scientist: User,
) -> None:
    Membership.objects.filter(user=risk_reviewer).delete()

    with pytest.raises(Conflict, match=r"nobody can approve as Risk.*under Members") as refusal:
        services.request_review(
            version, stage=staging, reviewers=None, note="Please.", by=data_scientist
        )

    assert (refusal.value.code, ReviewRequest.objects.count()) == ("too_few_reviewers", 0)
    Membership.objects.filter(user=reviewer).delete()
    staging.required_roles.clear()
    with pytest.raises(Conflict, match="1 of the 2 reviewers"):
        services.request_review(
            version, stage=staging, reviewers=None, note="Please.", by=data_scientist
        )
