"""Who is asked to review: whether those who were chosen can, and whom to ask where nobody was."""

from apps.accounts.models import User
from apps.core.errors import Conflict, Invalid
from apps.registry.models import ModelVersion
from apps.reviews import queries
from apps.stages.queries import StagePolicy


def suitable(
    version: ModelVersion, policy: StagePolicy, reviewers: list[User], *, requester: User
) -> list[User]:
    """The reviewers that were chosen, if they can meet the policy."""
    require_suitable(version, reviewers, stage_id=policy.stage_id, requester=requester)
    if missing := queries.roles_not_covered(version, policy, reviewers):
        sentence = (
            f"{policy.stage_name} wants an approval as {' and as '.join(missing)}. Choose a "
            "reviewer who has that role; an owner gives it under Members."
        )
        raise Invalid(sentence, details={"reviewers": sentence})
    if len(set(reviewers)) < policy.approvals_needed:
        sentence = (
            f"{policy.stage_name} wants {policy.approvals_needed} approvals: choose at least as "
            "many reviewers."
        )
        raise Invalid(sentence, details={"reviewers": sentence})
    return list(dict.fromkeys(reviewers))


def enough_for(version: ModelVersion, policy: StagePolicy, *, requester: User) -> list[User]:
    """The reviewers that a policy leads to, if there are enough."""
    found = queries.default_reviewers(version, policy, requester)
    lacking = []
    if missing := queries.roles_not_covered(version, policy, found):
        lacking.append(f"nobody can approve as {' or as '.join(missing)}")
    if len(found) < policy.approvals_needed:
        lacking.append(f"{len(found)} of the {policy.approvals_needed} reviewers are there")
    if lacking:
        raise Conflict(
            f"{policy.stage_name} cannot be asked for yet: {', and '.join(lacking)} among those "
            f"in {version.model.project} who may decide on {version}. An owner of the project "
            "adds reviewers, or gives them the role, under Members.",
            code="too_few_reviewers",
        )
    return found


def require_suitable(
    version: ModelVersion, reviewers: list[User], *, stage_id: int, requester: User
) -> None:
    possible = set(queries.possible_reviewers(version.model.project).values_list("pk", flat=True))
    excluded = queries.excluded_people(version, requester)
    for user in reviewers:
        if user.pk not in possible:
            sentence = f"{user} may not review in {version.model.project}. Choose a reviewer of it."
        elif user.pk in excluded:
            sentence = f"{user} {excluded[user.pk]} and cannot review it. Choose someone else."
        elif queries.denied_by_rule(version, stage_id, user):
            sentence = f"An access rule does not let {user} review {version}. Choose someone else."
        else:
            continue
        raise Invalid(sentence, details={"reviewers": sentence})
