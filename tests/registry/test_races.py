"""Two writes of one model at the same moment: they wait for each other, and neither is killed."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from apps.core.errors import Conflict, NotFound
from apps.registry import services as registry
from apps.registry.models import ModelVersion, RegisteredModel
from apps.stages import services as stages
from apps.stages.models import StageMove
from tests import factories
from tests.threads import together

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
ROUNDS = 12


class Shelf:
    """A model with two versions, and a stage without a review."""

    def __init__(self) -> None:
        self.owner = factories.make_user()
        self.project = factories.make_project(owner=self.owner)
        self.model = factories.make_model(self.project, by=self.owner)
        self.versions = [factories.make_version(self.model, by=self.owner) for _ in range(2)]
        self.stage = factories.make_stage(
            "sandbox", project=self.project, approvals_required=0, single_occupancy=False
        )

    def moved(self) -> StageMove:
        return stages.move(self.versions[0], self.stage, by=self.owner)

    def model_deleted(self) -> None:
        registry.delete_model(self.model, by=self.owner)

    def copied(self) -> ModelVersion:
        source = f"models:/{self.model.name}/1"
        return registry.create_version(self.model, source=source, by=self.owner)

    def version_deleted(self) -> None:
        registry.delete_version(self.versions[0], by=self.owner)


@pytest.mark.parametrize("delete", [Shelf.model_deleted, Shelf.version_deleted])
def test_a_version_that_moves_while_it_is_deleted_ends_deleted(
    delete: Callable[[Shelf], Any],
) -> None:
    for _ in range(ROUNDS):
        shelf = Shelf()
        moved, deleted = together(shelf.moved, partial(delete, shelf))
        assert deleted is None, deleted
        # Either it moved first, or it was not there any more.
        assert isinstance(moved, (StageMove, NotFound)), moved
        assert ModelVersion.objects.get(pk=shelf.versions[0].pk).deleted_at is not None


def test_a_model_that_is_deleted_twice_at_once_is_deleted_once() -> None:
    for _ in range(ROUNDS):
        shelf = Shelf()
        results = together(shelf.model_deleted, shelf.model_deleted)
        assert [type(result) for result in results if result] == [NotFound], results


def test_no_version_outlives_its_model() -> None:
    for _ in range(ROUNDS):
        shelf = Shelf()
        registered, deleted = together(
            shelf.copied,
            shelf.model_deleted,
        )
        assert isinstance(registered, (ModelVersion, NotFound, Conflict)), registered
        assert deleted is None or isinstance(deleted, Conflict), deleted
        alive = ModelVersion.objects.filter(model=shelf.model, deleted_at=None)
        gone = RegisteredModel.objects.get(pk=shelf.model.pk).deleted_at is not None
        assert gone != alive.exists()
