import pytest

from apps.accounts.models import User
from apps.core.errors import Conflict
from apps.registry import services as registry
from apps.registry.models import ModelVersion
from apps.reviews import services
from apps.stages.models import Stage


def test_what_is_under_review_is_not_deleted(
    version: ModelVersion,
    staging: Stage,
    data_scientist: User,
    reviewer: User,
    risk_reviewer: User,
    owner: User,
) -> None:
    review = services.request_review(
        version, stage=staging, reviewers=[reviewer, risk_reviewer], note="x", by=data_scientist
    )
    with pytest.raises(Conflict, match="under review for Staging"):
        registry.delete_version(version, by=owner)
    with pytest.raises(Conflict, match="under review"):
        registry.delete_model(version.model, by=owner)

    services.withdraw(review, by=data_scientist)
    registry.delete_version(version, by=owner)
    assert not ModelVersion.objects.filter(pk=version.pk, deleted_at=None).exists()
