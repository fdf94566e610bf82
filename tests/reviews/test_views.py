"""The pages of a review."""

from html import unescape

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.cards import services as cards
from apps.projects.models import Membership, ReviewerRole
from apps.registry.models import ModelVersion
from apps.reviews import queries, services
from apps.reviews.models import ReviewRequest
from apps.reviews.states import ReviewState
from apps.stages.models import Stage
from apps.stages.queries import current_stage
from tests import factories

HTMX = {"HX-Request": "true"}


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text_of(response: object) -> str:
    return unescape(response.content.decode())  # type: ignore[attr-defined]


def test_the_form_proposes_who_fits_and_says_who_does_not(
    version: ModelVersion,
    staging: Stage,
    reviewer: User,
    risk_reviewer: User,
    data_scientist: User,
    owner: User,
) -> None:
    cards.edit_card(
        version, by=owner, changes={"/overview/description": "Edited."}, base_revision=1
    )
    page = text_of(signed_in(data_scientist).get("/models/scoring/versions/1/reviews/new"))
    chosen = [line for line in page.splitlines() if "checkbox" in line and "checked" in line]
    values = [f'value="{person.pk}"' for person in (reviewer, risk_reviewer)]
    assert [value in line for value, line in zip(values, chosen, strict=True)] == [True, True]
    assert "edited the model card" in page


def test_a_request_without_a_note_keeps_what_was_chosen(
    version: ModelVersion, staging: Stage, reviewer: User, risk_reviewer: User, data_scientist: User
) -> None:
    response = signed_in(data_scientist).post(
        "/models/scoring/versions/1/reviews/new",
        {"stage": staging.pk, "reviewers": [reviewer.pk], "note": ""},
    )
    assert (response.status_code, ReviewRequest.objects.count()) == (422, 0)
    assert response.context["form"]["reviewers"].value() == [str(reviewer.pk)]


def test_a_request_that_cannot_meet_the_policy_says_so_at_the_reviewers(
    version: ModelVersion, staging: Stage, reviewer: User, risk_reviewer: User, data_scientist: User
) -> None:
    response = signed_in(data_scientist).post(
        "/models/scoring/versions/1/reviews/new",
        {"stage": staging.pk, "reviewers": [reviewer.pk], "note": "Now."},
    )
    assert response.status_code == 422
    assert "wants an approval as Risk" in response.context["form"].errors["reviewers"][0]


@pytest.mark.parametrize("address", ["", "?stage=staging"])
def test_choosing_another_stage_proposes_anew_and_keeps_the_note(
    version: ModelVersion,
    staging: Stage,
    reviewer: User,
    risk_reviewer: User,
    data_scientist: User,
    risk_role: ReviewerRole,
    address: str,
) -> None:
    other = factories.make_stage("shadow", risk_role, approvals_required=1, order=2)
    response = signed_in(data_scientist).post(
        f"/models/scoring/versions/1/reviews/new{address}",
        {
            "stage": staging.pk,
            "reviewers": [reviewer.pk],
            "note": "A long note.",
            "propose": other.slug,
        },
    )
    form = response.context["form"]
    assert (response.status_code, ReviewRequest.objects.count()) == (200, 0)
    assert [form[name].value() for name in ("stage", "reviewers", "note")] == [
        other.pk,
        [risk_reviewer.pk],
        "A long note.",
    ]


def test_a_request_leads_to_the_review(
    version: ModelVersion, staging: Stage, reviewer: User, risk_reviewer: User, data_scientist: User
) -> None:
    response = signed_in(data_scientist).post(
        "/models/scoring/versions/1/reviews/new",
        {"stage": staging.pk, "reviewers": [reviewer.pk, risk_reviewer.pk], "note": "Now."},
    )
    made = ReviewRequest.objects.get()
    assert (response.status_code, response["Location"]) == (302, f"/reviews/{made.pk}")


def test_the_button_says_what_it_does(
    review: ReviewRequest, reviewer: User, risk_reviewer: User
) -> None:
    url = f"/reviews/{review.pk}"
    assert "Approve (1 of 2)\n" in text_of(signed_in(reviewer).get(url)).replace("  ", "").replace(
        "</button>", "\n"
    )
    services.approve(review, by=reviewer, read_digest=queries.content_digest(review))
    assert "Approve (2 of 2) and move to Staging" in text_of(signed_in(risk_reviewer).get(url))


def test_the_last_approval_by_the_page_moves_the_version(
    review: ReviewRequest,
    reviewer: User,
    risk_reviewer: User,
    version: ModelVersion,
    staging: Stage,
) -> None:
    for person in (reviewer, risk_reviewer):
        client = signed_in(person)
        digest = client.get(f"/reviews/{review.pk}").context["digest"]
        response = client.post(f"/reviews/{review.pk}/approve", {"read_digest": digest})
        assert response.status_code == 302
    review.refresh_from_db()
    version = ModelVersion.objects.get(pk=version.pk)
    assert (review.state, current_stage(version)) == (ReviewState.APPROVED, staging)
    page = text_of(signed_in(reviewer).get(f"/reviews/{review.pk}"))
    assert ["Moved to Staging" in page, "nothing is deployed" in page] == [True, True]


def test_who_may_not_decide_reads_why(review: ReviewRequest, owner: User, viewer: User) -> None:
    cards.edit_card(
        review.version, by=owner, changes={"/overview/description": "Edited."}, base_revision=1
    )
    url = f"/reviews/{review.pk}"
    mine = text_of(signed_in(owner).get(url))
    assert "You edited the model card, so someone else has to approve it." in mine
    assert f"{url}/approve" not in mine
    assert "You are not a reviewer" in text_of(signed_in(viewer).get(url))


def test_a_verdict_on_a_card_that_changed_is_refused_and_can_be_given_again(
    review: ReviewRequest, reviewer: User, owner: User
) -> None:
    client, url = signed_in(reviewer), f"/reviews/{review.pk}"
    digest = client.get(url).context["digest"]
    cards.edit_card(
        review.version, by=owner, changes={"/overview/description": "Other."}, base_revision=1
    )
    refused = client.post(f"{url}/approve", {"read_digest": digest, "comment": "Good work."})
    page = text_of(refused)
    assert (refused.status_code, "The model card changed while you were reading." in page) == (
        409,
        True,
    )
    assert "Good work." in page
    now = refused.context["approve_form"]["read_digest"].value()
    assert now == queries.content_digest(review)
    assert client.post(f"{url}/approve", {"read_digest": now}).status_code == 302


def test_htmx_gets_the_decision_alone_and_a_refusal_that_it_shows(
    review: ReviewRequest, reviewer: User
) -> None:
    client, url = signed_in(reviewer), f"/reviews/{review.pk}"
    digest = client.get(url).context["digest"]
    ask = {**HTMX, "HX-Target": "decision"}
    refused = client.post(
        f"{url}/request-changes", {"read_digest": digest, "comment": ""}, headers=ask
    )
    assert (refused.status_code, b"<html" in refused.content) == (422, False)
    done = client.post(f"{url}/approve", {"read_digest": digest}, headers=ask)
    assert (done.status_code, done["HX-Refresh"]) == (204, "true")


def test_a_comment_is_shown_as_text(review: ReviewRequest, reviewer: User) -> None:
    client, url = signed_in(reviewer), f"/reviews/{review.pk}"
    client.post(f"{url}/comment", {"text": "<b>Why</b> 0.6?"})
    assert b"&lt;b&gt;Why&lt;/b&gt; 0.6?" in client.get(url).content


def test_a_withdrawn_review_cannot_be_approved_any_more(
    review: ReviewRequest, reviewer: User, data_scientist: User
) -> None:
    url = f"/reviews/{review.pk}"
    digest = signed_in(reviewer).get(url).context["digest"]
    assert signed_in(data_scientist).post(f"{url}/withdraw", {}).status_code == 302
    late = signed_in(reviewer).post(f"{url}/approve", {"read_digest": digest})
    assert late.status_code == 409
    review.refresh_from_db()
    assert (review.state, list(review.verdicts.all())) == (ReviewState.WITHDRAWN, [])


def test_somebody_who_was_not_asked_may_still_decide(
    review: ReviewRequest, domain_role: object
) -> None:
    other = factories.make_user("other")
    factories.join(review.project, other, "reviewer", domain_role)  # type: ignore[arg-type]
    client, url = signed_in(other), f"/reviews/{review.pk}"
    digest = client.get(url).context["digest"]
    assert client.post(f"{url}/approve", {"read_digest": digest}).status_code == 302


def test_an_approval_that_counts_no_longer_is_shown_with_the_reason(
    review: ReviewRequest, reviewer: User, data_scientist: User
) -> None:
    services.approve(review, by=reviewer, read_digest=queries.content_digest(review))
    addresses = (f"/reviews/{review.pk}", "/models/scoring/versions/1")
    client = signed_in(data_scientist)
    for address in addresses:
        assert "no longer counts" not in text_of(client.get(address))
    Membership.objects.filter(user=reviewer).delete()

    for address in addresses:
        page = text_of(client.get(address))
        assert "Approved earlier, no longer counts" in page
        assert "not a member of the project any more" in page
