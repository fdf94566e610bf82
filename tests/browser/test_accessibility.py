"""Pages that everybody can use: axe finds nothing serious, and what matters comes first."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from apps.accounts.models import User
from apps.cards import services as cards
from apps.deployments import services as deployments
from apps.deployments.models import Deployment
from apps.projects.models import Project
from apps.registry.models import ModelVersion
from apps.reviews import services
from apps.reviews.models import ReviewRequest
from apps.stages import services as stages
from apps.stages.models import Stage
from tests import factories
from tests.browser.conftest import IN_A_BROWSER, SignIn
from tests.builds.parts import drive
from tests.people import AskForReview

pytestmark = IN_A_BROWSER


@pytest.fixture
def serving(project: Project, data_scientist: User, owner: User) -> Deployment:
    """A version that serves, with a key and a card that was edited."""
    model = factories.make_model(project, "scoring", by=data_scientist)
    version = factories.make_stored_version(
        model, by=data_scientist, input_example={"columns": ["a"], "data": [[1], [2]]}
    )
    cards.edit_card(
        version,
        by=data_scientist,
        changes={"/overview/description": "## Use\n\n[Read](/)."},
        base_revision=1,
        reason="Why",
    )
    stage = factories.make_stage(
        "live", environment=factories.make_environment("live"), approvals_required=0, order=2
    )
    stages.enter_stage(version, stage, by=owner)
    drive()
    deployment = Deployment.objects.get(version=version)
    assert deployment.state == "serving"
    deployments.create_api_key(deployment.endpoint, name="intake", by=owner)
    return deployment


@pytest.fixture
def review(
    serving: Deployment,
    data_scientist: User,
    risk_reviewer: User,
    ask_for_review: AskForReview,
) -> ReviewRequest:
    version: ModelVersion = factories.make_stored_version(serving.version.model, by=data_scientist)
    asked = ask_for_review(version)
    services.comment(asked, by=risk_reviewer, text="Which years?")
    drive()
    return asked


def serious(page: Page) -> list[tuple[str, str, list[str]]]:
    """Where the page we are on is hard to use: address, rule, elements."""
    return [
        (page.url, violation["id"], [" ".join(node["target"]) for node in violation["nodes"]])
        for violation in Axe().run(page).response["violations"]
        if violation["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_seriously_hard_to_use(
    review: ReviewRequest,
    serving: Deployment,
    administrator: User,
    sign_in: SignIn,
    scheme: str,
) -> None:
    card = "/models/scoring/versions/1"
    pages = {
        "reviewer": [
            "/",
            "/?show=yours",
            "/notifications",
            "/models/scoring/versions/2",
            f"/reviews/{review.pk}",
        ],
        "scientist": [
            "/models",
            "/models/scoring",
            card,
            f"{card}/activity",
            f"{card}/card",
            f"{card}/card/revisions",
            f"{card}/card/revisions/2",
            f"{card}/reviews/new",
            "/cards/search?q=read&project=credit",
            "/account",
            "/account/tokens",
        ],
        "owner": [
            "/projects",
            "/projects/new",
            "/projects/credit",
            "/projects/credit/members",
            "/projects/credit/settings",
            "/projects/credit/webhooks",
            "/projects/credit/webhooks/new/mlflow",
            "/projects/credit/webhooks/new/databricks",
            f"/projects/credit/stages/{review.stage_id}",
            "/deployments",
            f"/deployments/{serving.pk}",
            "/environments",
            "/environments/live",
            "/audit",
        ],
        "administrator": ["/operations"],
    }
    found = []
    for person, paths in pages.items():
        page = sign_in(person, color_scheme=scheme)
        for path in paths:
            page.goto(path)
            # Everything that can be opened is looked at, too.
            page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
            found += serious(page)
    assert found == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_before_the_sign_in_is_seriously_hard_to_use(
    browser: Browser, live_server: object, scheme: str
) -> None:
    context = browser.new_context(base_url=str(live_server), color_scheme=scheme)
    page = context.new_page()
    found = []
    for path in ("/accounts/login/", "/accounts/password/reset/", "/nowhere"):
        page.goto(path)
        found += serious(page)
    context.close()
    assert found == []


def test_the_card_begins_with_what_is_under_way(
    serving: Deployment, data_scientist: User, owner: User, sign_in: SignIn
) -> None:
    version = factories.make_stored_version(serving.version.model, by=data_scientist)
    stages.enter_stage(version, Stage.objects.get(slug="live"), by=owner)
    page = sign_in("scientist")
    page.goto("/models/scoring/versions/2")
    expect(page.locator(".under-way #delivery")).to_contain_text("Moved to Live")
    assert serious(page) == []
    drive()
    # Without a reload: the page follows, and is an ordinary card again in the end.
    expect(page.locator("#deployments")).to_contain_text("100 % of the traffic")
    expect(page.locator("#delivery")).to_have_count(0)


def test_on_a_narrow_screen_the_decision_comes_before_the_long_tables(
    review: ReviewRequest, sign_in: SignIn
) -> None:
    page = sign_in("reviewer", viewport={"width": 390, "height": 844})

    def top(selector: str) -> float:
        return page.locator(selector).first.bounding_box()["y"]  # type: ignore[index]

    page.goto("/models/scoring/versions/2")
    assert top("[aria-label='Review for Staging']") < top("#overview") < top("#artifacts")
    page.goto(f"/reviews/{review.pk}")
    assert top("#decision") < top("#reviewers") < top("#conversation")
