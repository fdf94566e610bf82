"""An administrator writes a rule, tries it, asks who may, and switches it off; in a browser."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from apps.access.models import Rule
from apps.accounts.models import User
from apps.registry.models import ModelVersion
from tests.browser.conftest import IN_A_BROWSER, SignIn

pytestmark = IN_A_BROWSER
SCHEMES = ["light", "dark"]


def violations(page: Page) -> list[tuple[str, str, list[str]]]:
    """All that axe finds on the page, however slight."""
    return [
        (page.url, violation["id"], [" ".join(node["target"]) for node in violation["nodes"]])
        for violation in Axe().run(page).response["violations"]
    ]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_rule_is_written_tried_asked_about_and_switched_off(
    version: ModelVersion,
    data_scientist: User,
    viewer: User,
    administrator: User,
    sign_in: SignIn,
    scheme: str,
) -> None:
    page = sign_in("administrator", color_scheme=scheme)
    found = []

    page.goto("/access/rules")
    found += violations(page)
    page.get_by_role("link", name="New rule").first.click()
    page.get_by_label("Part of a name").fill("scor")
    page.get_by_role("button", name="Find", exact=True).click()
    condition = page.get_by_text('model.name is "scoring"')
    expect(condition).to_be_visible()
    page.get_by_label("Name", exact=True).fill("Nobody describes it")
    page.get_by_label("edit card: edit model cards").check()
    page.get_by_role("textbox", name="Conditions").fill(
        f'{condition.inner_text()}\nuser.username is "scientst"'
    )
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_text("Did you mean scientist?")).to_be_visible()
    expect(page.locator("#tried")).to_contain_text("Nothing would change")
    page.get_by_role("textbox", name="Conditions").fill('model.name is "scoring"')
    page.get_by_role("button", name="Try it").click()
    expect(page.locator("#tried")).to_contain_text("Scientist")
    expect(page.locator("#tried")).to_contain_text("loses 1 version")
    found += violations(page)
    assert not Rule.objects.exists()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The rule “Nobody describes it” is written down.")).to_be_visible()
    found += violations(page)

    page.get_by_role("link", name="Why?").click()
    page.get_by_label("Person").press_sequentially("scien")
    expect(page.locator("#id_person_suggested option")).to_have_count(1)
    page.get_by_label("Person").fill("scientist")
    page.get_by_label("Action").select_option("edit_card")
    page.get_by_role("combobox", name="Object").fill("version:scoring/1")
    page.get_by_role("button", name="Ask").click()
    expect(page.locator("#answer")).to_contain_text("Scientist may not edit the card of scoring v1")
    expect(page.locator("#answer")).to_contain_text("The rule “Nobody describes it”")
    found += violations(page)
    page.goto("/access/who?action=edit_card&object=version:scoring/1")
    expect(page.locator("main")).not_to_contain_text("As data scientist of Credit.")
    found += violations(page)
    page.goto("/access/what?person=scientist")
    expect(page.locator("main")).to_contain_text("Scientist")
    found += violations(page)

    reader = sign_in("scientist", color_scheme=scheme)
    reader.goto("/models/scoring/versions/1")
    reader.get_by_role("link", name="Why can I not do this: Edit").click()
    expect(reader.locator("#answer")).to_contain_text("The rule “Nobody describes it”")
    found += violations(reader)

    page.goto("/access/rules")
    page.get_by_role("button", name="Switch off: Nobody describes it").click()
    expect(page.get_by_text("is switched off and does nothing now.")).to_be_visible()
    found += violations(page)
    reader.goto("/models/scoring/versions/1")
    expect(reader.get_by_role("link", name="Edit the card", exact=True)).to_be_visible()
    found += violations(reader)
    assert found == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_is_greyed_out_fits_on_a_narrow_screen(
    version: ModelVersion, viewer: User, sign_in: SignIn, scheme: str
) -> None:
    page = sign_in("viewer", color_scheme=scheme, viewport={"width": 390, "height": 844})
    for path in ("/models/scoring/versions/1", "/models/scoring", "/projects/credit"):
        page.goto(path)
        expect(page.locator(".refused").first).to_be_visible()
        further = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(further) == 0, path
        assert violations(page) == []
