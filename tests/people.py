"""The people of the tests, by name, the project they share, and a review that they have open."""

from typing import Protocol

import pytest

from apps.accounts.models import User
from apps.projects.models import Project, ReviewerRole
from apps.registry.models import ModelVersion, RegisteredModel
from apps.reviews import services as reviews
from apps.reviews.models import ReviewRequest
from apps.stages.models import Stage
from tests import factories


class AskForReview(Protocol):
    def __call__(self, version: ModelVersion, note: str = ...) -> ReviewRequest: ...


@pytest.fixture
def owner(db: None) -> User:
    return factories.make_user("owner")


@pytest.fixture
def project(owner: User) -> Project:
    return factories.make_project("credit", owner=owner)


@pytest.fixture
def domain_role(db: None) -> ReviewerRole:
    return factories.make_reviewer_role("domain")


@pytest.fixture
def risk_role(db: None) -> ReviewerRole:
    return factories.make_reviewer_role("risk")


@pytest.fixture
def maintainer(project: Project) -> User:
    user = factories.make_user("maintainer")
    factories.join(project, user, "maintainer")
    return user


@pytest.fixture
def data_scientist(project: Project) -> User:
    user = factories.make_user("scientist")
    factories.join(project, user, "data_scientist")
    return user


@pytest.fixture
def reviewer(project: Project, domain_role: ReviewerRole) -> User:
    """Reviews as a domain expert."""
    return factories.make_reviewer(project, domain_role, "reviewer")


@pytest.fixture
def risk_reviewer(project: Project, risk_role: ReviewerRole) -> User:
    return factories.make_reviewer(project, risk_role, "risk-reviewer")


@pytest.fixture
def viewer(project: Project) -> User:
    user = factories.make_user("viewer")
    factories.join(project, user, "viewer")
    return user


@pytest.fixture
def stranger(db: None) -> User:
    """Somebody with a project of his own, and no part in ours."""
    user = factories.make_user("stranger")
    factories.make_project("elsewhere", owner=user)
    return user


@pytest.fixture
def administrator(db: None) -> User:
    return factories.make_user("administrator", is_superuser=True, is_staff=True)


@pytest.fixture
def model(project: Project, data_scientist: User) -> RegisteredModel:
    return factories.make_model(project, "scoring", by=data_scientist)


@pytest.fixture
def version(model: RegisteredModel, data_scientist: User) -> ModelVersion:
    return factories.make_version(model, by=data_scientist)


@pytest.fixture
def staging(domain_role: ReviewerRole, risk_role: ReviewerRole) -> Stage:
    """Two approvals, one of each role; deployed nowhere."""
    return factories.make_stage("staging", domain_role, risk_role, approvals_required=2, order=1)


@pytest.fixture
def archived(db: None) -> Stage:
    return factories.make_stage("archived", approvals_required=0, order=9)


@pytest.fixture
def ask_for_review(
    staging: Stage, data_scientist: User, reviewer: User, risk_reviewer: User
) -> AskForReview:
    """The data scientist asks both reviewers to let a version into staging."""

    def ask(version: ModelVersion, note: str = "Please look at the features.") -> ReviewRequest:
        return reviews.request_review(
            version,
            stage=staging,
            reviewers=[reviewer, risk_reviewer],
            note=note,
            by=data_scientist,
        )

    return ask


@pytest.fixture
def review(version: ModelVersion, ask_for_review: AskForReview) -> ReviewRequest:
    return ask_for_review(version)
