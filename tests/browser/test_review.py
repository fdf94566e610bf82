"""What the newcomer of the demo does: sign in, read, approve, watch; also without a mouse."""

import re

import pytest
from playwright.sync_api import expect

from apps.accounts.models import User
from apps.projects.models import Project
from apps.registry.models import ModelVersion
from apps.reviews.models import ReviewRequest
from apps.stages.models import Stage
from tests import factories
from tests.browser.conftest import IN_A_BROWSER, SignIn
from tests.people import AskForReview

pytestmark = IN_A_BROWSER


@pytest.fixture
def stored(project: Project, data_scientist: User) -> ModelVersion:
    model = factories.make_model(project, "scoring", by=data_scientist)
    return factories.make_stored_version(model, by=data_scientist)


@pytest.fixture
def deploying(staging: Stage) -> Stage:
    staging.environment = factories.make_environment("staging")
    staging.save()
    return staging


@pytest.fixture
def review(stored: ModelVersion, deploying: Stage, ask_for_review: AskForReview) -> ReviewRequest:
    return ask_for_review(stored)


def test_two_people_approve_and_watch_it_go_live(
    review: ReviewRequest, sign_in: SignIn, worker: None
) -> None:
    first = sign_in("reviewer")
    expect(first.get_by_text("Please look at the features.")).to_be_visible()
    first.get_by_role("link", name="scoring v1").first.click()
    first.get_by_label("Comment optional").fill("The features are fine.")
    first.get_by_role("button", name="Approve (1 of 2)").click()
    expect(first.get_by_text("1 of 2 approvals")).to_be_visible()

    second = sign_in("risk-reviewer", color_scheme="dark")
    second.get_by_role("link", name="scoring v1").first.click()
    second.get_by_role("button", name=re.compile(r"Approve \(2 of 2\)")).click()
    expect(second.get_by_text("Moved to Staging")).to_be_visible()
    # No reload from here: the page follows the build and the rollout by itself.
    expect(second.get_by_text("It answers predictions.")).to_be_visible(timeout=60_000)


def test_by_keyboard_alone(review: ReviewRequest, sign_in: SignIn) -> None:
    page = sign_in("reviewer")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/reviews/*")
    page.get_by_label("Comment optional").focus()
    page.keyboard.type("Read by keyboard.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 of 2 approvals")).to_be_visible()


def test_without_javascript(review: ReviewRequest, sign_in: SignIn) -> None:
    page = sign_in("reviewer", java_script_enabled=False)
    page.get_by_role("link", name="scoring v1").first.click()
    page.get_by_role("button", name="Approve (1 of 2)").click()
    expect(page.get_by_text("1 of 2 approvals")).to_be_visible()


def test_a_card_that_changed_meanwhile_is_not_approved_unread(
    review: ReviewRequest, stored: ModelVersion, data_scientist: User, sign_in: SignIn
) -> None:
    page = sign_in("reviewer")
    page.get_by_role("link", name="scoring v1").first.click()
    expect(page.get_by_role("button", name="Approve (1 of 2)")).to_be_visible()
    from_outside = sign_in("scientist")
    from_outside.goto("/models/scoring/versions/1")
    from_outside.get_by_role("link", name="Edit the card", exact=True).click()
    from_outside.get_by_role("textbox", name="Description").fill("Other words.")
    from_outside.get_by_role("button", name="Save").click()
    expect(from_outside.locator("#overview-description")).to_contain_text("Other words.")

    page.get_by_label("Comment optional").fill("My long comment.")
    page.get_by_role("button", name="Approve (1 of 2)").click()
    expect(page.get_by_text("changed while you were reading")).to_be_visible()
    expect(page.get_by_label("Comment optional")).to_have_value("My long comment.")
    assert not review.verdicts.exists()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_page_is_wider_than_the_screen(
    review: ReviewRequest, sign_in: SignIn, scheme: str, width: int
) -> None:
    page = sign_in("reviewer", color_scheme=scheme, viewport={"width": width, "height": 844})
    for path in (
        "/",
        "/models",
        "/models/scoring",
        "/models/scoring/versions/1",
        f"/reviews/{review.pk}",
        "/projects",
        "/projects/credit",
        "/deployments",
        "/environments",
        "/audit",
        "/notifications",
    ):
        page.goto(path)
        wider = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        assert not wider, path
