"""What somebody may not read of a card, or not edit, on pages, over REST, in files and mails."""

import json

import pytest
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from rest_framework.test import APIClient

from apps.accounts import declarations
from apps.accounts.models import Attribute, User
from apps.audit.models import AuditEvent
from apps.cards import comments, exchange, policies, queries, section_rules, services
from apps.cards.models import CardRequirement, SectionRule
from apps.core.errors import Conflict, Invalid, NotPermitted
from apps.notifications.models import Notification
from apps.outbox import services as outbox
from apps.projects.models import Project
from apps.projects.queries import events_visible_to
from apps.registry.models import ModelVersion, RegisteredModel
from apps.reviews.models import ReviewRequest
from apps.runs.services import execute
from apps.stages import gates
from apps.stages.models import Stage
from tests import factories

pytestmark = pytest.mark.django_db
SECRET, THREATS = "The key lies under the mat", "/security/threats_and_controls"
RULES = "/projects/credit/card-sections"


@pytest.fixture
def secret(version: ModelVersion, owner: User, project: Project) -> ModelVersion:
    """A version with a card of which only owners read what is said on security."""
    services.edit_card(
        version,
        by=owner,
        changes={"/security/privacy": SECRET, "/use/intended_use": "To sort loans."},
        base_revision=1,
        reason=SECRET,
    )
    SectionRule.objects.create(section="security", right="read", roles=["owner"])
    return version


def of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page(version: ModelVersion, *more: str) -> str:
    return "/".join([f"/models/scoring/versions/{version.number}/card", *more])


def rest(user: User, version: ModelVersion) -> tuple[APIClient, str]:
    client = APIClient()
    client.force_authenticate(user)
    return client, f"/api/v1/models/scoring/versions/{version.number}/card"


def test_the_card_leaves_out_what_is_for_others_and_says_so(
    secret: ModelVersion, data_scientist: User, owner: User
) -> None:
    card = f"/models/scoring/versions/{secret.number}"
    seen = of(data_scientist).get(card).content.decode()
    assert SECRET not in seen
    assert 'id="card-security"' not in seen
    assert "1 section is for others: Security and privacy (owners)." in seen
    assert "To sort loans." in seen
    whole = of(owner).get(card).content.decode()
    assert (SECRET in whole, "for others" in whole) == (True, False)

    with pytest.raises(RuntimeError):
        queries.card_for(secret, data_scientist).save()


def test_differences_and_revisions_leave_it_out(
    secret: ModelVersion, model: RegisteredModel, data_scientist: User, owner: User
) -> None:
    second = factories.make_version(model, by=data_scientist)
    pages = [
        page(secret, "revisions"), page(secret, "revisions", "2"),
        f"/models/scoring/compare?v={secret.number}&v={second.number}",
    ]  # fmt: skip
    for path in pages:
        assert SECRET in of(owner).get(path).content.decode(), path
        told = of(data_scientist).get(path).content.decode()
        assert (SECRET in told, "section is for others" in told) == (False, True), path
    client, card = rest(data_scientist, secret)
    newest = client.get(card).json()
    assert newest["withheld"] == ["security"]
    assert (newest["reason"], "security" in newest["content"]) == ("", False)
    assert SECRET not in client.get(f"{card}/revisions").content.decode()
    assert {row["pointer"].split("/")[1] for row in client.get(f"{card}/missing").json()} & {
        "security"
    } == set()
    # The events that quote it are for those who read it.
    reasons = {
        user.username: set(events_visible_to(user).values_list("reason", flat=True)) - {""}
        for user in (owner, data_scientist)
    }
    assert reasons == {"owner": {SECRET}, "scientist": set()}


def test_files_are_written_for_those_who_may_read_as_much(
    secret: ModelVersion, data_scientist: User, owner: User, viewer: User
) -> None:
    cards = {user: queries.card_for(secret, user) for user in (owner, data_scientist, viewer)}
    started = {user: exchange.start_export(card, "pdf", by=user) for user, card in cards.items()}
    assert started[data_scientist] == started[viewer] != started[owner]
    assert started[viewer].withheld == ["security"]

    files = {key: exchange.export(cards[data_scientist], key).content.decode() for key in (
        "html", "huggingface", "annex-iv-markdown", "json",
    )}  # fmt: skip
    assert not any(SECRET in content for content in files.values())
    del files["json"]
    assert all("Left out, because others read it: Security" in text for text in files.values())
    answer = of(data_scientist).get(page(secret, "exports", "json"))
    assert 'scoring-v1-r2-without-security.card.json"' in answer["Content-Disposition"]
    assert "for others: Security" in of(viewer).get(page(secret, "exports")).content.decode()
    client, card = rest(viewer, secret)
    assert client.get(f"{card}/exports/csv")["X-Card-Withheld"] == "security"


@pytest.mark.pdf
def test_nobody_downloads_the_fuller_file_of_somebody_else(
    secret: ModelVersion, data_scientist: User, owner: User
) -> None:
    execute(exchange.start_export(queries.card_for(secret, owner), "pdf", by=owner).run_id)
    assert of(owner).get(page(secret, "exports", "pdf")).status_code == 200
    assert of(data_scientist).get(page(secret, "exports", "pdf")).status_code == 404


def test_what_is_said_on_it_is_for_those_who_read_it(
    secret: ModelVersion, data_scientist: User, owner: User, maintainer: User
) -> None:
    pointer = "/security/privacy"
    said = comments.add_comment(secret, text=SECRET, by=owner, pointer=pointer)
    comments.add_comment(secret, text="Fine.", by=maintainer, pointer="/use/intended_use")
    while outbox.sweep():
        pass

    assert [one.text for one in queries.comments_on(secret, data_scientist)] == ["Fine."]
    assert not policies.comments.visible_to(data_scientist).filter(pk=said.pk).exists()
    assert policies.comments.visible_to(owner).filter(pk=said.pk).exists()
    told = Notification.objects.filter(kind="version.comment")
    assert set(told.values_list("user__username", flat=True)) == {"scientist", "owner"}
    assert not any(SECRET in json.dumps(row.context) for row in told)
    refused = of(data_scientist).post(
        f"/models/scoring/versions/{secret.number}/comments", {"text": "Why?", "pointer": pointer}
    )
    assert refused.status_code in (403, 422)
    assert "it is for owners" in refused.content.decode()


def test_a_section_is_edited_by_those_who_are_named(
    secret: ModelVersion, data_scientist: User, owner: User, administrator: User
) -> None:
    SectionRule.objects.create(section="use", right="edit", roles=["owner"])
    browser = of(data_scientist)
    card = browser.get(f"/models/scoring/versions/{secret.number}").content.decode()
    assert "Why can I not do this: Edit Intended use. You may not edit the section" in card
    assert browser.get(page(secret, "sections", "use")).status_code == 403
    assert browser.get(page(secret, "sections", "security")).status_code == 403
    assert "Why can I not do this" in browser.get(page(secret, "sections", "data")).content.decode()
    assert browser.post(page(secret, "sections", "use", "draft"), {"x": "y"}).status_code == 403
    taken = browser.post(page(secret, "values"), {"do": "confirm", "pointer": "/security/privacy"})
    assert taken.status_code == 403

    client, path = rest(data_scientist, secret)
    read = client.get(path).json()
    asked = {"base_revision": 2, "reason": "Over REST"}
    refused = client.put(path, {**asked, "changes": {"/use/intended_use": "x"}}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (403, "restricted_section")
    assert "edit the section Intended use: it is for owners" in refused.json()["message"]
    # Not even to say what stands there already.
    same = client.put(path, {**asked, "changes": {"/security/privacy": SECRET}}, format="json")
    assert same.status_code == 403
    # What was read is sent back as a whole: what was withheld stays.
    read["content"]["limitations"] = {"ethical_considerations": "Loans above a million."}
    sent = client.put(path, {**asked, "content": read["content"]}, format="json")
    assert (sent.status_code, "security" in sent.json()["content"]) == (200, False)
    newest = queries.current_card(secret).content
    assert newest["security"]["privacy"] == SECRET
    assert newest["limitations"]["ethical_considerations"] == "Loans above a million."
    services.edit_card(
        secret, by=administrator, changes={"/use/intended_use": "y"}, base_revision=3
    )


def test_imports_and_earlier_versions_bring_what_the_person_may_read_and_edit(
    secret: ModelVersion, model: RegisteredModel, data_scientist: User, owner: User
) -> None:
    SectionRule.objects.create(section="use", right="edit", roles=["owner"])
    second = factories.make_version(model, by=data_scientist)
    card_of_second = queries.card_for(second, data_scientist)
    assert queries.earlier_with_words(card_of_second, data_scientist) is None
    whole = exchange.export(queries.current_card(secret), "json").content
    document = json.loads(whole)
    document["limitations"] = {"ethical_considerations": "Loans above a million."}
    file = SimpleUploadedFile("a.json", json.dumps(document).encode())
    answer = of(data_scientist).post(
        page(second, "import"), {"format": "json", "file": file}, follow=True
    )
    said = answer.content.decode()
    assert "You may not edit the section Intended use: it is for owners." in said
    assert "You may not read the section Security and privacy: it is for owners." in said
    card = queries.current_card(second).content
    assert (card["limitations"], "use" in card, "security" in card) == (
        document["limitations"], False, False,
    )  # fmt: skip

    third = factories.make_version(model, by=data_scientist)
    services.carry_over(third, by=data_scientist, earlier=secret)
    assert not {"use", "security"} & set(queries.current_card(third).content)
    services.carry_over(third, by=owner, earlier=secret)
    assert {"use", "security"} <= set(queries.current_card(third).content)


def test_gates_name_no_field_to_whoever_may_not_read_its_section(
    secret: ModelVersion, staging: Stage, data_scientist: User, owner: User
) -> None:
    CardRequirement.objects.create(stage=staging, pointer=THREATS)
    told = {
        user.username: next(
            found
            for found in gates.results(secret, staging, reader=user)
            if found.gate == "card-is-complete"
        )
        for user in (data_scientist, owner)
    }
    assert "Threats" in told["owner"].text
    assert "security" in told["owner"].details[0].url
    assert "lacks a field in a restricted section: Staging" in told["scientist"].text
    (detail,) = told["scientist"].details
    assert (detail.text, detail.url) == (
        "A field in a restricted section: ask one of those who read it.",
        f"/models/scoring/versions/{secret.number}",
    )


def test_a_reviewer_reads_his_sections_first_and_hears_what_he_cannot_read(
    secret: ModelVersion, review: ReviewRequest, reviewer: User, data_scientist: User
) -> None:
    SectionRule.objects.create(section="provenance", right="responsible", capacities=["risk"])
    SectionRule.objects.create(section="use", right="responsible", capacities=["domain"])
    card = f"/models/scoring/versions/{secret.number}"
    first = of(reviewer).get(card).content.decode()
    assert first.index('id="card-use"') < first.index('id="card-overview"')
    assert first.count("yours to read") == 2
    others = of(data_scientist).get(card).content.decode()
    assert others.index('id="card-overview"') < others.index('id="card-use"')
    assert "yours to read" not in others
    decision = of(reviewer).get(f"/reviews/{review.pk}").content.decode()
    assert "for others: Security and privacy (owners)" in decision
    assert "Your verdict holds for the whole card" in decision


def test_owners_lay_it_down_on_a_page_and_nobody_is_weaker_than_everywhere(
    secret: ModelVersion, project: Project, owner: User, data_scientist: User, administrator: User
) -> None:
    browser, asked = of(owner), {"section": "data", "right": "read", "roles": ["owner"]}
    assert browser.post(RULES, asked).status_code == 302
    changed = browser.post(RULES, {**asked, "roles": ["owner", "maintainer"]})
    assert changed.status_code == 302
    rule = SectionRule.objects.get(project=project)
    assert rule.roles == ["owner", "maintainer"]
    shown = of(data_scientist).get(RULES).content.decode()
    assert ("owners or maintainers" in shown, "Keep it so" in shown) == (True, False)
    assert of(data_scientist).post(RULES, asked).status_code == 403

    wrong = {
        "A project may be stricter, not weaker: “viewer” is": {
            "section": "security", "right": "read", "roles": ["viewer"],
        },
        "go to MLflow&#x27;s client": {"section": "overview", "right": "read", "roles": ["owner"]},
        "Name at least one role": {"section": "data", "right": "edit"},
        "There is nothing called “nobodies”": {**asked, "groups": "nobodies"},
        "by what is known of people alone".replace("by", "kept by"): {
            **asked, "conditions": "user.department is project.department",
        },
        "Condition 1: “nonsense”": {**asked, "conditions": "nonsense"},
    }  # fmt: skip
    Attribute.objects.create(name="department", kind="text")
    Attribute.objects.create(about="project", name="department", kind="text")
    for sentence, body in wrong.items():
        refused = browser.post(RULES, body)
        assert (refused.status_code, sentence in refused.content.decode()) == (422, True), sentence
    assert browser.post(f"{RULES}/{rule.pk}/remove").status_code == 302
    assert browser.post(f"{RULES}/{SectionRule.objects.get().pk}/remove").status_code == 404
    actions = AuditEvent.objects.filter(action__startswith="section_rule.").order_by("pk")
    assert list(actions.values_list("action", "project_id")) == [
        ("section_rule.create", project.pk), ("section_rule.edit", project.pk),
        ("section_rule.delete", project.pk),
    ]  # fmt: skip


def test_rules_are_laid_down_over_rest_and_keep_the_attributes_that_they_rely_on(
    project: Project, owner: User, administrator: User, viewer: User
) -> None:
    people, admin, reader = APIClient(), APIClient(), APIClient()
    for client, user in ((people, owner), (admin, administrator), (reader, viewer)):
        client.force_authenticate(user)
    department = Attribute.objects.create(name="department", kind="text")
    Group.objects.create(name="privacy")
    body = {
        "section": "security", "right": "read", "roles": [], "capacities": [],
        "groups": ["privacy"], "conditions": ['user.department is "risk"'],
    }  # fmt: skip
    here, everywhere = "/api/v1/projects/credit/section-rules", "/api/v1/section-rules"
    made = admin.post(everywhere, body, format="json")
    assert (made.status_code, made.json()["is_global"]) == (201, True)
    assert admin.post(everywhere, body, format="json").status_code == 200
    assert people.post(everywhere, body, format="json").status_code == 403
    assert people.get(everywhere).status_code == 403
    own = people.post(here, {**body, "section": "data"}, format="json")
    assert own.status_code == 201
    listed = reader.get(here).json()["results"]
    assert [(row["section"], row["is_global"]) for row in listed] == [
        ("data", False), ("security", True),
    ]  # fmt: skip
    assert reader.post(here, body, format="json").status_code == 403
    for odd in ({"section": "\x00"}, {"right": "all"}, {"groups": ["a\x00"]}, {"roles": ["king"]}):
        assert people.post(here, {**body, **odd}, format="json").status_code == 400, odd
    with pytest.raises(Conflict, match="A rule about sections of cards"):
        declarations.delete(department, by=administrator)
    assert people.delete(f"{here}/{made.json()['id']}").status_code == 404
    assert people.delete(f"{here}/{own.json()['id']}").status_code == 204
    assert admin.delete(f"{everywhere}/{made.json()['id']}").status_code == 204
    declarations.delete(department, by=administrator)
    with pytest.raises(NotPermitted, match="laid down by administrators"):
        section_rules.set_rule(None, section="data", right="read", roles=["owner"], by=owner)
    with pytest.raises(Invalid):
        section_rules.set_rule(project, section="data", right="edit", by=owner)


def test_what_somebody_may_not_read_is_neither_found_nor_compared(
    secret: ModelVersion, owner: User, viewer: User
) -> None:
    other = factories.make_version(
        factories.make_model(secret.model.project, "other", by=owner), by=owner
    )
    ModelVersion.objects.filter(pk__in=[secret.pk, other.pk]).update(state="READY")
    found = {}
    for user in (owner, viewer):
        client, _ = rest(user, secret)
        answer = client.get("/api/v1/cards/search", {"q": "mat", "versions": "all"})
        found[user.username] = len(answer.json()["results"])
    assert found == {owner.username: 1, viewer.username: 0}

    beside = "/cards/compare?card=scoring:1&card=other:1"
    shown = {user: of(user).get(beside).content.decode() for user in (owner, viewer)}
    assert SECRET in shown[owner]
    assert SECRET not in shown[viewer]
    assert "1 section is for others: Security" in shown[viewer]
