"""The settings of a project say whose names and labels are whose; tokens name a project."""

from collections.abc import Callable
from html import unescape

from django.test import Client

from apps.accounts.models import AccessToken, User
from apps.projects.models import NamePrefix, Project
from apps.registry.models import LabelRule
from apps.stages.models import Stage
from tests import factories

Signed = Callable[[User], Client]
SETTINGS = "/projects/credit/settings"


def text_of(response: object) -> str:
    return unescape(response.content.decode())  # type: ignore[attr-defined]


def test_a_prefix_is_kept_shown_and_removed(
    signed_in: Signed, project: Project, owner: User
) -> None:
    client = signed_in(owner)
    assert client.post("/projects/credit/prefixes", {"prefix": "credit-"}).status_code == 302
    row = NamePrefix.objects.get()
    assert "<code>credit-</code>" in text_of(client.get(SETTINGS))

    again = client.post("/projects/credit/prefixes", {"prefix": "credit-"})
    assert (again.status_code, "reserved for this project already" in text_of(again)) == (409, True)
    assert 'value="credit-"' in text_of(again)

    assert client.post(f"/projects/credit/prefixes/{row.pk}/remove").status_code == 302
    assert not NamePrefix.objects.exists()


def test_the_prefix_of_another_project_is_not_removed_here(
    signed_in: Signed, project: Project, owner: User, stranger: User
) -> None:
    theirs = NamePrefix.objects.create(
        project=Project.objects.get(slug="elsewhere"), prefix="fraud-"
    )
    rule = LabelRule.objects.create(kind="alias", pattern="prod*", roles=[])
    client = signed_in(owner)

    assert client.post(f"/projects/credit/prefixes/{theirs.pk}/remove").status_code == 404
    assert client.post(f"/projects/credit/label-rules/{rule.pk}/remove").status_code == 404
    assert (NamePrefix.objects.count(), LabelRule.objects.count()) == (1, 1)


def test_a_rule_is_made_shown_and_removed(
    signed_in: Signed, project: Project, owner: User, staging: Stage
) -> None:
    LabelRule.objects.create(kind="version_tag", pattern="validation.*", roles=[])
    client = signed_in(owner)
    given = {"kind": "alias", "pattern": "prod*", "roles": ["owner", "maintainer"]}
    assert client.post("/projects/credit/label-rules", given).status_code == 302

    page = text_of(client.get(SETTINGS))
    assert "owners and maintainers" in page
    assert "mlgov alone" in page
    assert "@staging" in page
    assert page.count('aria-label="Remove the rule') == 1

    wrong = client.post("/projects/credit/label-rules", {**given, "after_promotion": "on"})
    assert (wrong.status_code, "Only tags of versions" in text_of(wrong)) == (422, True)
    own = LabelRule.objects.get(project=project)
    assert client.post(f"/projects/credit/label-rules/{own.pk}/remove").status_code == 302
    assert LabelRule.objects.get().project is None


def test_a_token_is_made_for_a_project_of_the_persons_own(
    signed_in: Signed, project: Project, data_scientist: User, stranger: User, viewer: User
) -> None:
    factories.join(Project.objects.get(slug="elsewhere"), data_scientist, "viewer")
    client = signed_in(data_scientist)
    page = text_of(client.get("/account/tokens"))
    options = [f'<option value="{slug}"' in page for slug in ("credit", "elsewhere")]
    assert options == [True, False]

    given = {"name": "ci", "days": "30", "default_project": "credit"}
    made = client.post("/account/tokens", given)
    assert (made.status_code, "mlgov_pat_" in text_of(made)) == (200, True)
    assert AccessToken.objects.get().default_project == "credit"
    for slug in ("elsewhere", "nothing"):
        refused = client.post("/account/tokens", {**given, "name": slug, "default_project": slug})
        assert refused.status_code == 422, slug
    assert client.post("/account/tokens", {"name": "plain", "days": "30"}).status_code == 200
    assert AccessToken.objects.count() == 2


def test_rules_of_all_projects_are_made_in_the_admin(
    signed_in: Signed, administrator: User
) -> None:
    client = signed_in(administrator)
    given = {"project": "", "kind": "version_tag", "pattern": "approved", "roles": ["owner"]}
    assert client.post("/admin/registry/labelrule/add/", given).status_code == 302

    rule = LabelRule.objects.get()
    assert (rule.project, rule.roles) == (None, ["owner"])
    url = f"/admin/registry/labelrule/{rule.pk}/change/"
    assert client.post(url, {**given, "roles": []}).status_code == 302
    wrong = {**given, "kind": "alias", "after_promotion": "on"}
    assert client.post(url, wrong).status_code == 200
    rule.refresh_from_db()
    assert (rule.roles, rule.kind) == ([], "version_tag")
