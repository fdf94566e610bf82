"""Nothing in the admin answers 500 to bad input: every list, page and form, with odd values."""

from collections.abc import Iterator
from urllib.parse import quote, urlencode

import pytest
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.test import Client

from apps.accounts.models import User
from apps.projects.models import Project, ReviewerRole
from apps.stages.models import Stage
from tests import factories

# Not in a transaction around the test: PostgreSQL would refuse all that follows one error.
# Thousands of requests: on one database only, the stricter one.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

HUGE, DIGITS = "9" * 40, "9" * 5000
ODD = [HUGE, DIGITS, "1e999", "99999-12-31"]
MORE_ODD = [*ODD, f"-{HUGE}", "٣", "[(", "a\x00b", ""]
LOOKUPS = ["exact", "in", "lt", "range", "year", "regex"]
OTHER_PARAMETERS = [
    *("q", "p", "o", "all", "e", "_facets", "_popup", "_to_field", "_changelist_filters"),
    *("at__year", "at__month", "at__day", "no_such_field", "password__startswith"),
]
ODD_JSON = [
    f'{{"limit": {DIGITS}}}',
    '{"a": "\\u0000"}',
    '{"a": "\\ud800"}',
    "[" * 100_000,
    '{"a":' * 60 + "1" + "}" * 60,
    "NaN",
    '{"a": 1e999}',
    '{"a": 1, "a": 2}',
    "\x00",
    "{",
]
REGISTERED = sorted(admin.site._registry, key=lambda model: model._meta.label)
each_model = pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model._meta.label)


@pytest.fixture
def client(administrator: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(administrator)
    return client


@pytest.fixture
def rows(administrator: User, project: Project, staging: Stage, domain_role: ReviewerRole) -> None:
    """Rows behind the lists, so that nothing ends at an empty table."""
    factories.make_environment("production")


def address(model: type[models.Model]) -> str:
    return f"/admin/{model._meta.app_label}/{model._meta.model_name}/"


def queries(model: type[models.Model]) -> Iterator[dict[str, str]]:
    """Every lookup of the key, and of the other fields; they share the values out in turn."""
    for number, field in enumerate(model._meta.concrete_fields):
        if field.primary_key:
            for turn, lookup in enumerate(LOOKUPS):
                yield {f"{field.name}__{lookup}": ODD[turn % len(ODD)]}
                yield {f"{field.name}__{lookup}": ODD[(turn + 1) % len(ODD)]}
        else:
            yield {f"{field.name}__{LOOKUPS[number % len(LOOKUPS)]}": HUGE}
            yield {f"{field.name}__{LOOKUPS[(number + 1) % len(LOOKUPS)]}": "[("}
    for number, name in enumerate(OTHER_PARAMETERS):
        yield {name: ODD[number % len(ODD)]}
        yield {name: MORE_ODD[number % len(MORE_ODD)]}


def answers(client: Client, paths: list[str]) -> dict[str, int]:
    return {path[:100]: client.get(path).status_code for path in paths}


def broken(found: dict[str, int]) -> dict[str, int]:
    return {asked: status for asked, status in found.items() if status >= 500}


@each_model
def test_no_query_of_a_list_is_a_server_error(
    client: Client, rows: None, model: type[models.Model]
) -> None:
    paths = [f"{address(model)}?{urlencode(query, errors='replace')}" for query in queries(model)]
    assert broken(answers(client, paths)) == {}


@each_model
def test_no_id_of_an_object_is_a_server_error(
    client: Client, rows: None, model: type[models.Model]
) -> None:
    first = model._default_manager.first()
    ids = [quote(value, safe="", errors="replace") for value in MORE_ODD if value]
    kinds = ["change", "history", "delete", *(["password"] if model is User else [])]
    pages = [f"{odd}/{kinds[number % len(kinds)]}/" for number, odd in enumerate(ids)]
    pages += [f"{odd}/{kind}/" for odd in ids[:2] for kind in kinds]
    if first is not None:
        of_first = ["history/{}/", "change/?_to_field={}", "change/?_changelist_filters={}"]
        pages += [
            f"{first.pk}/{of_first[number % len(of_first)].format(odd)}"
            for number, odd in enumerate(ids)
        ]
        pages += [f"{first.pk}/history/{odd}/" for odd in ids[:2]]
    assert broken(answers(client, [f"{address(model)}{page}" for page in pages])) == {}


@each_model
def test_no_action_on_a_list_is_a_server_error(
    client: Client, rows: None, model: type[models.Model]
) -> None:
    found = {}
    for value in MORE_ODD:
        text = value.encode(errors="replace").decode()
        for form in (
            {"action": "delete_selected", "_selected_action": text, "index": "0"},
            {"action": "delete_selected", "_selected_action": "1", "index": text, "post": "yes"},
            {"action": text, "_selected_action": "1", "select_across": text},
        ):
            found[str(form)[:100]] = client.post(address(model), form).status_code
    assert broken(found) == {}


@each_model
def test_no_value_of_a_form_is_a_server_error(
    client: Client, rows: None, model: type[models.Model]
) -> None:
    page, found = admin.site._registry[model], {}
    targets = [f"{address(model)}add/"]
    if (first := model._default_manager.first()) is not None:
        targets.append(f"{address(model)}{first.pk}/change/")
    for target in targets:
        shown = client.get(target)
        if shown.status_code != 200 or not page.has_change_permission(shown.wsgi_request):
            continue
        form = shown.context["adminform"].form
        right = {name: form[name].value() for name in form.fields}
        right = {name: value for name, value in right.items() if value not in (None, "")}
        for number, (name, field) in enumerate(form.fields.items()):
            # What is odd for one kind of field is shared out among the fields; JSON gets all.
            odd = [MORE_ODD[(number + step) % len(MORE_ODD)] for step in range(3)]
            for value in [*odd, *(ODD_JSON if "JSON" in type(field).__name__ else ())]:
                sent = {**right, name: value.encode(errors="replace").decode()}
                found[f"{target} {name}={value[:20]!r}"] = client.post(target, sent).status_code
    assert broken(found) == {}


def test_pages_beside_the_models_take_odd_values_too(client: Client, staging: Stage) -> None:
    kind = ContentType.objects.get_for_model(Stage).pk
    paths = []
    for value in MORE_ODD:
        odd = quote(value, safe="", errors="replace") or "-"
        paths += [
            f"/admin/r/{odd}/1/",
            f"/admin/r/{kind}/{odd}/",
            f"/admin/autocomplete/?term={odd}&app_label={odd}&model_name=stage&field_name=project",
            f"/admin/{odd}/",
            f"/admin/stages/{odd}/",
        ]
    assert broken(answers(client, paths)) == {}


def test_a_lookup_that_cannot_be_asked_leads_to_the_list_with_a_note(
    client: Client, staging: Stage
) -> None:
    noted = [(f"{address(Stage)}?e=1", 302)]
    for query in (f"id__exact={DIGITS}", "order__range=123"):
        answer = client.get(f"{address(Stage)}?{query}", follow=True)
        assert (answer.status_code, answer.redirect_chain) == (200, noted)
    # SQLite cannot ask for this number; PostgreSQL can, and finds nothing.
    answer = client.get(f"{address(Stage)}?id__in={HUGE}", follow=True)
    assert (answer.status_code, answer.redirect_chain) in ((200, noted), (200, []))


@pytest.mark.parametrize(
    ("text", "word"),
    list(
        zip(
            ODD_JSON,
            ("digits", "NUL", "surrogate", "nested", "nested", "NaN", "too large", "twice", "", ""),
            strict=True,
        )
    ),
)
def test_json_that_cannot_be_kept_is_an_error_of_its_field(
    client: Client, administrator: User, text: str, word: str
) -> None:
    target = f"{address(User)}{administrator.pk}/change/"

    answer = client.post(target, {"username": "administrator", "attributes": text})

    errors = answer.context["adminform"].form.errors["attributes"]
    assert (answer.status_code, word in " ".join(errors)) == (200, True)
