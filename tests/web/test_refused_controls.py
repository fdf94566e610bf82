"""What somebody may not do is shown to him greyed out, and leads to the reason.

The pages are walked as a viewer, who may do next to nothing, and as an owner, for whom nothing of
it is greyed out.
"""

import re
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.urls import reverse

from apps.access import asking
from apps.registry.models import ModelVersion
from tests.permissions.places import Place, World, make_world

TEMPLATES = Path(settings.BASE_DIR) / "templates"
# Conditions that name a right, and why they need not say “Why?”.
LEFT_TO_TEMPLATES = {
    # Words are changed by whoever said them.
    ("cards/comments_list.html", "entry.may_edit"),
    ("cards/comments_list.html", "entry.may_delete"),
    # “Edit the card” says it once for the whole card; these are further ways to the same forms.
    ("cards/section.html", "may_edit"),
    ("cards/summary.html", "may_edit"),
    ("web/card.html", "may_edit"),
    # What a reviewer is asked for: the page says beside it why he cannot decide.
    ("reviews/detail.html", "may_decide"),
    ("web/card.html", "entry.may_decide"),
    ("web/reviewers_box.html", "entry.may_decide"),
    # Rules are administration; auditors read them.
    ("access/rule.html", "may_write"),
    ("access/rules.html", "may_write"),
    # Said once for the whole table, in the head of its panel.
    ("projects/policy_rows.html", "may_override"),
}


class Refused(HTMLParser):
    """The greyed-out controls of a page: (label, where Why leads)."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self._label: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("aria-disabled"):
            self._label = []
        elif tag == "a" and given.get("class") == "why" and self._label is not None:
            self.found.append((" ".join("".join(self._label).split()), given["href"] or ""))
            self._label = None

    def handle_data(self, data: str) -> None:
        if self._label is not None:
            self._label.append(data)


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    with django_db_blocker.unblock(), transaction.atomic():
        yield make_world()
        transaction.set_rollback(True)


@pytest.fixture
def expected(world: World) -> dict[str, list[tuple[str, str, str]]]:
    """Page -> what is greyed out for a viewer: label, action, object."""
    own = world.own
    project = f"project:{own.project_pk}"
    version, failed = f"version:{own.version}", f"version:{_failed(own).pk}"
    deployment, endpoint = f"deployment:{own.deployment}", f"endpoint:{_endpoint(own)}"
    head = [
        ("Access", "manage_members", project),
        ("Settings", "manage_project", project),
        ("Sources", "manage_project", project),
        ("Webhooks", "manage_webhooks", project),
    ]
    access = ("Access", "manage_members", project)
    attributes = ("Change", "manage_project", project)
    at = f"/projects/{own.project}"
    card = f"/models/{own.model}/versions"
    return {
        at: [*head, ("Ask more", "override_stages", project), attributes],
        f"{at}/members": [*head, ("Add a member", "manage_members", project)],
        f"{at}/experiments": head,
        f"/models/{own.model}": [access, attributes],
        f"{card}/{own.number}": [
            access,
            ("Move…", "move", version),
            ("Edit the card", "edit_card", version),
            ("Try it", "predict", endpoint),
            ("Comment", "comment", version),
            attributes,
        ],
        f"{card}/{_failed(own).number}": [
            access,
            ("Try again", "retry", failed),
            ("Edit the card", "edit_card", failed),
            ("Comment", "comment", failed),
            attributes,
        ],
        f"{card}/{own.number}/comments": [("Comment", "comment", version)],
        f"/reviews/{own.review}": [
            ("Withdraw…", "withdraw", f"review:{own.review}"),
            ("Comment", "comment", f"review:{own.review}"),
            ("Approve", "review", f"review:{own.review}"),
        ],
        f"/deployments/{own.deployment}": [
            access,
            ("Retire…", "deploy", deployment),
            ("Make a key", "manage_keys", endpoint),
        ],
    }


def _failed(own: Place) -> ModelVersion:
    return ModelVersion.objects.get(model__name=own.model, state="FAILED_REGISTRATION")


def _endpoint(own: Place) -> int:
    found = ModelVersion.objects.values_list("deployments__endpoint", flat=True)
    return int(found.get(pk=own.version) or 0)


def refused_on(client: Client, path: str) -> list[tuple[str, str]]:
    response = client.get(path)
    assert response.status_code == 200, path
    page = Refused()
    page.feed(response.content.decode())
    return page.found


@pytest.mark.django_db
def test_a_viewer_is_shown_what_he_may_not_do_and_each_leads_to_the_reason(
    world: World, expected: dict[str, list[tuple[str, str, str]]]
) -> None:
    viewer = world.people["viewer"].browser
    found: dict[str, list[tuple[str, str, str]]] = {}
    links = {}
    for path in expected:
        found[path] = []
        for label, link in refused_on(viewer, path):
            asked = parse_qs(urlsplit(link).query)
            found[path].append((label, asked["action"][0], asked["object"][0]))
            links[link] = asked["action"][0]
    assert found == expected
    for link, action in links.items():
        answered = viewer.get(link)
        text = unescape(answered.content.decode())
        told = (answered.status_code, "Viewer may not" in text)
        assert told == (200, True), link
        assert f'<option value="{action}" selected>' in text, link
        assert "What would change it" in text, link


@pytest.mark.django_db
def test_nothing_is_greyed_out_for_who_may_do_everything(
    world: World, expected: dict[str, list[tuple[str, str, str]]]
) -> None:
    owner = world.people["owner"].browser
    assert {path: refused_on(owner, path) for path in expected} == {path: [] for path in expected}


@pytest.mark.django_db
def test_an_auditor_reads_who_has_access_and_is_told_why_he_does_not_sign(world: World) -> None:
    auditor = world.people["auditor"].browser
    own = world.own
    signs = f"{reverse('access:why')}?action=manage_members&object=project:{own.project_pk}"
    on_access = dict(refused_on(auditor, f"/projects/{own.project}/access"))
    assert on_access["Sign the review"] == signs
    assert "Access" not in on_access
    grants = refused_on(auditor, f"/access/of/version/{own.version}")
    assert grants == [("Grant", signs)]


def test_each_control_asks_for_an_action_that_can_be_explained() -> None:
    known = {a for policy in asking.kinds().values() for a in asking.actions_of(policy)}
    named = {
        action
        for template in TEMPLATES.rglob("*.html")
        for action in re.findall(r'{% permitted "(\w+)"', template.read_text())
    }
    assert "edit_card" in named
    assert named - known == set()


def test_templates_leave_rights_to_the_tag() -> None:
    """`{% if may_… %}` hides something without a word: see CONTRIBUTING on buttons."""
    found = {
        (str(template.relative_to(TEMPLATES)), name)
        for template in TEMPLATES.rglob("*.html")
        for condition in re.findall(r"{% (?:el)?if ([^%]+)%}", template.read_text())
        for name in re.findall(r"[\w.]*\b(?:may|can|allows)_\w+", condition)
    }
    assert found == LEFT_TO_TEMPLATES
