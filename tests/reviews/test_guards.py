import pytest

from apps.accounts.models import User
from apps.core.errors import Conflict
from apps.registry import services as registry
from apps.registry.models import ModelVersion
from apps.reviews import services
from apps.reviews.models import ReviewRequest


def test_what_is_under_review_is_not_deleted(
    review: ReviewRequest, version: ModelVersion, data_scientist: User, owner: User
) -> None:
    with pytest.raises(Conflict, match="under review for Staging"):
        registry.delete_version(version, by=owner)
    with pytest.raises(Conflict, match="under review"):
        registry.delete_model(version.model, by=owner)

    services.withdraw(review, by=data_scientist)
    registry.delete_version(version, by=owner)
    assert not ModelVersion.objects.filter(pk=version.pk, deleted_at=None).exists()
