"""The way through a review by the REST API alone."""

from apps.accounts.models import User
from apps.projects.models import Membership
from apps.registry.models import ModelVersion
from apps.reviews import queries, services
from apps.reviews.models import ReviewRequest, Verdict
from apps.stages.models import Placement, Stage
from tests.api.conftest import Clients

REVIEWS = "/api/v1/models/scoring/versions/1/reviews"
WANTED = {
    "stage": "staging",
    "reviewers": ["reviewer", "risk-reviewer"],
    "note": "Please look at the thresholds.",
}


def test_a_version_enters_its_stage_with_the_last_approval(
    as_person: Clients,
    data_scientist: User,
    reviewer: User,
    risk_reviewer: User,
    version: ModelVersion,
    staging: Stage,
):
    asked = as_person(data_scientist).post(REVIEWS, WANTED, format="json")
    assert asked.status_code == 201
    review = asked.json()
    assert (review["state"], review["standing"]["sentence"]) == (
        "open",
        "0 of 2 approvals; still to approve: Domain, Risk.",
    )
    path = f"/api/v1/reviews/{review['id']}"

    for person in (reviewer, risk_reviewer):
        client = as_person(person)
        waiting = client.get("/api/v1/reviews", {"mine": "waiting"}).json()["results"]
        assert [r["id"] for r in waiting] == [review["id"]]
        read = client.get(path).json()
        assert read["why_you_may_not_decide"] == ""
        approved = client.post(
            f"{path}/approve", {"read_digest": read["read_digest"]}, format="json"
        )
        assert approved.status_code == 200

    assert approved.json()["state"] == "approved"
    assert Placement.objects.get(version=version).stage == staging
    done = client.get("/api/v1/reviews", {"mine": "done"}).json()["results"]
    assert [(r["id"], r["state"]) for r in done] == [(review["id"], "approved")]


def test_without_reviewers_those_are_asked_who_meet_what_the_stage_wants(
    as_person: Clients,
    data_scientist: User,
    reviewer: User,
    risk_reviewer: User,
    viewer: User,
    version: ModelVersion,
    staging: Stage,
):
    client = as_person(data_scientist)
    nobody = client.post(REVIEWS, {**WANTED, "reviewers": []}, format="json")
    asked = client.post(REVIEWS, {"stage": "staging", "note": "Please look."}, format="json")

    assert (nobody.status_code, list(nobody.json()["details"])) == (400, ["reviewers"])
    assert asked.status_code == 201
    review = asked.json()
    people = [row["person"]["username"] for row in review["standing"]["reviewers"]]
    assert people == ["reviewer", "risk-reviewer"]
    assert review["url"] == f"http://127.0.0.1:8000/reviews/{review['id']}"


def test_where_nobody_meets_what_the_stage_wants_nobody_is_asked(
    as_person: Clients, data_scientist: User, reviewer: User, version: ModelVersion, staging: Stage
):
    answer = as_person(data_scientist).post(
        REVIEWS, {"stage": "staging", "note": "Please look."}, format="json"
    )

    assert (answer.status_code, answer.json()["code"]) == (409, "too_few_reviewers")
    assert not ReviewRequest.objects.exists()


def test_who_asked_does_not_approve(
    as_person: Clients,
    owner: User,
    reviewer: User,
    risk_reviewer: User,
    version: ModelVersion,
    staging: Stage,
):
    client = as_person(owner)
    review = client.post(REVIEWS, WANTED, format="json").json()
    answer = client.post(
        f"/api/v1/reviews/{review['id']}/approve",
        {"read_digest": review["read_digest"]},
        format="json",
    )

    assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted")
    assert "asked for this review" in answer.json()["message"]
    assert not Verdict.objects.exists()


def test_what_changed_meanwhile_has_to_be_read_again(
    as_person: Clients,
    data_scientist: User,
    reviewer: User,
    risk_reviewer: User,
    version: ModelVersion,
    staging: Stage,
):
    author = as_person(data_scientist)
    review = author.post(REVIEWS, WANTED, format="json").json()
    author.put(
        "/api/v1/models/scoring/versions/1/card",
        {"description": "New words.", "base_revision": 1},
        format="json",
    )
    answer = as_person(reviewer).post(
        f"/api/v1/reviews/{review['id']}/approve",
        {"read_digest": review["read_digest"]},
        format="json",
    )

    assert (answer.status_code, answer.json()["code"]) == (409, "content_changed")
    assert answer.json()["details"]["content_digest"] != review["read_digest"]
    assert not Verdict.objects.exists()


def test_changes_comments_more_reviewers_and_withdrawal(
    as_person: Clients,
    data_scientist: User,
    owner: User,
    reviewer: User,
    risk_reviewer: User,
    version: ModelVersion,
    staging: Stage,
):
    author, critic = as_person(data_scientist), as_person(reviewer)
    review = author.post(REVIEWS, WANTED, format="json").json()
    path = f"/api/v1/reviews/{review['id']}"

    empty = critic.post(
        f"{path}/request-changes", {"read_digest": review["read_digest"]}, format="json"
    )
    assert (empty.status_code, list(empty.json()["details"])) == (400, ["comment"])
    changes = critic.post(
        f"{path}/request-changes",
        {"read_digest": review["read_digest"], "comment": "Say for whom."},
        format="json",
    )
    assert changes.json()["state"] == "changes_requested"
    said = critic.post(f"{path}/comments", {"text": "Chapter 2."}, format="json")
    assert (said.status_code, said.json()["text"]) == (201, "Chapter 2.")
    assert [c["text"] for c in author.get(f"{path}/comments").json()["results"]] == ["Chapter 2."]
    more = author.post(f"{path}/reviewers", {"reviewers": ["owner"]}, format="json")
    people = [row["person"]["username"] for row in more.json()["standing"]["reviewers"]]
    assert people == ["reviewer", "risk-reviewer", "owner"]
    gone = author.post(f"{path}/withdraw", {"reason": "Superseded."}, format="json")
    assert gone.json()["state"] == "withdrawn"
    again = author.post(f"{path}/withdraw", {}, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "conflict")


def test_strangers_find_no_review(
    as_person: Clients,
    data_scientist: User,
    reviewer: User,
    risk_reviewer: User,
    stranger: User,
    version: ModelVersion,
    staging: Stage,
):
    as_person(data_scientist).post(REVIEWS, WANTED, format="json")
    pk = ReviewRequest.objects.get().pk
    client = as_person(stranger)

    assert client.get("/api/v1/reviews").json()["results"] == []
    assert client.get(f"/api/v1/reviews/{pk}").status_code == 404
    for verb in ("approve", "request-changes", "comments", "reviewers", "withdraw"):
        answer = client.post(f"/api/v1/reviews/{pk}/{verb}", {}, format="json")
        assert answer.status_code == 404


def test_a_verdict_that_counts_no_longer_says_why_and_an_ended_review_why_it_ended(
    as_person: Clients, review: ReviewRequest, reviewer: User, data_scientist: User
):
    path, client = f"/api/v1/reviews/{review.pk}", as_person(data_scientist)
    services.approve(review, by=reviewer, read_digest=queries.content_digest(review))
    assert rows_of(client.get(path).json()) == {
        "reviewer": ("approved", True, ""),
        "risk-reviewer": ("waiting", True, ""),
    }
    Membership.objects.filter(user=reviewer).update(role="viewer")

    read = client.get(path).json()

    why = "as viewer of the project this person reviews nothing"
    assert rows_of(read)["reviewer"] == ("approved", False, why)
    assert (read["standing"]["approvals"], read["closing_reason"]) == (0, "")
    reason = {"reason": "Trained on the wrong month."}
    ended = client.post(f"{path}/withdraw", reason, format="json").json()
    assert ended["closing_reason"] == reason["reason"]


def rows_of(read):
    rows = read["standing"]["reviewers"]
    return {
        row["person"]["username"]: (row["state"], row["counts"], row["objection"]) for row in rows
    }
