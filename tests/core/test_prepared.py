import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from apps.access.rulebook import standing_of
from apps.accounts.models import User
from apps.core.context import acting
from apps.core.prepared import Prepared
from apps.registry import policies
from apps.registry.models import ModelVersion, RegisteredModel
from tests import factories

pytestmark = pytest.mark.django_db


def of_version(name: str, number: int, asker: object) -> QuerySet[ModelVersion]:
    found = policies.versions.visible_to(asker).filter(model__name=name, number=number)
    return found.values_list("number", "model__name", "created_at", "flavors")


def test_it_finds_for_each_value_and_person_what_the_queryset_finds(
    version: ModelVersion,
    data_scientist: User,
    viewer: User,
    stranger: User,
    administrator: User,
) -> None:
    prepared = Prepared(of_version)
    for person in (stranger, data_scientist, viewer, administrator, stranger):
        for name, number in (("scoring", 1), ("scoring", 2), ("other", 1)):
            found = prepared.rows(name=name, number=number, asked_by=person)
            assert found == list(of_version(name, number, person))
    assert prepared.rows(name="scoring", number=1, asked_by=viewer) != []


def test_it_asks_one_query_and_builds_it_once(version: ModelVersion, viewer: User) -> None:
    built = []

    def build(number: int, asker: object) -> QuerySet[ModelVersion]:
        built.append(number)
        return policies.versions.visible_to(asker).filter(number=number).values_list("pk")

    prepared = Prepared(build)
    # Within a request, in which it is asked once what else concerns the person.
    with acting(memo={}), CaptureQueriesContext(connection) as queries:
        assert standing_of(viewer).is_plain
        queries.initial_queries = len(connection.queries_log)
        assert [prepared.rows(number=n, asked_by=viewer) for n in (1, 2, 1)] == [
            [(version.pk,)],
            [],
            [(version.pk,)],
        ]
    assert (len(queries), len(built)) == (3, 1)


def test_a_condition_that_depends_on_more_than_who_asks_is_not_kept(
    model: RegisteredModel, viewer: User
) -> None:
    by_attribute = Prepared(
        lambda asker: RegisteredModel.objects.filter(name=asker.attributes["name"]).values_list(
            "pk"
        )
    )
    with pytest.raises(AttributeError, match="attributes"):
        by_attribute.rows(asked_by=viewer)

    by_answer = Prepared(
        lambda asker: RegisteredModel.objects.filter(
            project__in=list(User.objects.values_list("pk"))
        ).values_list("pk")
    )
    with pytest.raises(RuntimeError, match="must not depend"):
        by_answer.rows(asked_by=viewer)


def test_a_condition_that_nothing_can_meet_finds_nothing(version: ModelVersion) -> None:
    never = Prepared(lambda: ModelVersion.objects.filter(number__lt=-1).values_list("pk"))

    assert [never.rows(), never.rows()] == [[], []]


def test_texts_that_are_sent_at_once_are_the_rows_in_their_order(model: RegisteredModel) -> None:
    def build(after: int) -> QuerySet[RegisteredModel]:
        found = RegisteredModel.objects.filter(pk__gt=after).order_by("-name")
        return found.values_list("name")

    for name in ("a", "b\n, ü", "c"):
        factories.make_model(model.project, name)
    joined = Prepared(build, joined=True)
    assert joined.rows(after=model.pk) == [("c",), ("b\n, ü",), ("a",)]
    assert joined.rows(after=model.pk + 3) == []
