"""Authenticator app, security key and recovery codes, in a browser with a key of its own."""

import re

from allauth.mfa.totp.internal.auth import (
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from apps.accounts.models import User
from tests.browser.conftest import IN_A_BROWSER, SignIn

pytestmark = IN_A_BROWSER
KEY = {
    "protocol": "ctap2", "transport": "usb", "hasResidentKey": True, "hasUserVerification": True,
    "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip


def nothing_serious(page: Page) -> None:
    found = Axe().run(page).response["violations"]
    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == [], page.url


def test_a_key_and_an_app_are_set_up_and_used(sign_in: SignIn, viewer: User) -> None:
    page = sign_in("viewer")
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})

    page.goto("/accounts/2fa/")
    nothing_serious(page)
    page.get_by_role("link", name="Activate").click()
    page.locator("[name=password]").fill("a long passphrase")
    nothing_serious(page)
    page.get_by_role("button", name="Confirm").click()
    expect(page.locator("img.qr")).to_be_visible()
    nothing_serious(page)
    secret = page.locator("#authenticator_secret").input_value()
    counter = next(iter(yield_hotp_counters_from_time()))
    page.locator("[name=code]").fill(format_hotp_value(hotp_value(secret, counter)))
    page.get_by_role("button", name="Activate").click()
    expect(page.locator("#recovery_codes")).to_be_visible()
    nothing_serious(page)

    page.goto("/accounts/2fa/webauthn/add/")
    nothing_serious(page)
    page.locator("[name=name]").fill("Blue key")
    page.get_by_role("button", name="Add").click()
    page.wait_for_url(re.compile(r"/accounts/2fa/(?!webauthn/add)"))
    page.goto("/accounts/2fa/webauthn/")
    expect(page.get_by_text("Blue key")).to_be_visible()
    nothing_serious(page)

    page.goto("/account/sessions")
    nothing_serious(page)
    page.goto("/accounts/logout/")
    page.get_by_role("button", name="Sign out").last.click()
    page.goto("/accounts/login/")
    page.locator("[name=login]").fill("viewer")
    page.locator("[name=password]").fill("a long passphrase")
    page.get_by_role("button", name="Sign in").click()
    nothing_serious(page)
    page.get_by_role("button", name="Use a security key").click()
    page.wait_for_url(lambda url: "/accounts/" not in url)
    expect(page.locator(".menu-button")).to_be_visible()
