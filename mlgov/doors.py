"""Who is let in to the pages that libraries bring: Django's admin and allauth's accounts."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin

from apps.core.doors import (
    Door,
    Login,
    Methods,
    Rate,
    Who,
    administrators,
    anybody,
    declare,
    methods,
    nobody,
    own,
    own_list,
    signing_in,
)

READ = administrators("admin page", rate=Rate.READ)
A_ROW = administrators("admin page", rate=Rate.READ, led_on=True)
NOTHING = nobody("admin page", hidden=True)
SIGN_IN = methods(GET=signing_in(), POST=signing_in("user.new_browser"))
SECOND_FACTOR = methods(
    GET=signing_in(who=Who.HALFWAY), POST=signing_in("user.new_browser", who=Who.HALFWAY)
)
OPEN = anybody(rate=Rate.SIGN_IN)
TO_PROVIDER = anybody(rate=Rate.SIGN_IN, asks="sign-on provider")
SENT_BACK = signing_in("user.create", "user.join", "user.new_browser", who=Who.VOUCHED)
PUBLIC = methods(GET=OPEN)
# Forms of allauth that are not in use lead to a page of ours, also whoever still sends one.
LED_ON = methods(GET=OPEN, POST=OPEN)
OWN = methods(GET=own_list("account"))


def _of_models() -> dict[str, Methods]:
    """Every model that is in the admin has the same pages; what they write is said by its page."""
    found: dict[str, Methods] = {}
    for model, page in admin.site._registry.items():
        label = f"{model._meta.app_label}_{model._meta.model_name}"
        has_revisions = hasattr(model._meta, "simple_history_manager_attribute")
        is_recorded = hasattr(page, "history_form_view")
        create, edit, delete = (
            _writing(page, verb, led_on=verb != "create") for verb in ("create", "edit", "delete")
        )
        found |= {
            f"admin:{label}_changelist": methods(
                GET=READ, POST=administrators("admin page", *sorted(_writes(page).values()))
            ),
            f"admin:{label}_add": methods(GET=_form(create, READ), POST=create),
            # Whoever may not change it looks at it.
            f"admin:{label}_change": methods(GET=A_ROW, POST=edit),
            f"admin:{label}_delete": methods(GET=_form(delete, A_ROW), POST=delete),
            f"admin:{label}_history": methods(GET=READ if has_revisions and is_recorded else A_ROW),
            # Leads on to the page for changes.
            f"admin/{model._meta.app_label}/{model._meta.model_name}/<path:object_id>/": methods(
                GET=A_ROW
            ),
        }
        if is_recorded:
            # Rows of libraries have no revisions.
            found[f"admin:{label}_simple_history"] = methods(GET=READ if has_revisions else NOTHING)
    return found


def _writes(page: Any) -> Mapping[str, str]:
    return getattr(page, "writes", {})


def _writing(page: Any, verb: str, **further: Any) -> Door:
    action = _writes(page).get(verb)
    return administrators("admin page", action, **further) if action else nobody("admin page")


def _form(writing: Door, reading: Door) -> Door:
    """Shown to whom it would be of use."""
    return writing if writing.who is Who.NOBODY else reading


declare(
    Login.NONE,
    {"admin": methods(GET=anybody()), "admin:logout": methods(POST=anybody(rate=Rate.SIGN_IN))},
)
declare(
    Login.ADMINISTRATOR,
    {
        "admin:index": methods(GET=READ),
        "admin:app_list": methods(GET=READ),
        "admin:jsi18n": methods(GET=READ),
        "admin:autocomplete": methods(GET=READ),
        # No model names a page of its own.
        "admin:view_on_site": methods(GET=NOTHING),
        "admin:password_change": methods(
            GET=READ, POST=administrators("account", rate=Rate.SIGN_IN)
        ),
        "admin:password_change_done": methods(GET=READ),
        "admin:auth_user_password_change": methods(
            GET=READ, POST=administrators("person", "user.edit")
        ),
        "admin/(?P<url>.*)$": methods(GET=NOTHING),
        **_of_models(),
    },
)
# Leads to the one page for signing in, which knows second factors.
declare(Login.SESSION, {"admin:login": methods(GET=READ, POST=READ)})

declare(
    Login.NONE,
    {
        "account_login": SIGN_IN,
        "account_logout": LED_ON,
        "account_inactive": PUBLIC,
        # Closed: accounts are made by administrators, by provisioning, or by a sign-on.
        "account_signup": methods(GET=signing_in(), POST=signing_in()),
        "account_confirm_login_code": SECOND_FACTOR,
        # Whoever has the link of a mail may use it.
        "account_confirm_email": LED_ON,
        "account_email_verification_sent": PUBLIC,
        "account_reset_password": LED_ON,
        "account_reset_password_done": PUBLIC,
        "account_reset_password_from_key": methods(
            GET=OPEN, POST=anybody("user.set_password", rate=Rate.SIGN_IN)
        ),
        "account_reset_password_from_key_done": PUBLIC,
        "mfa_authenticate": SECOND_FACTOR,
        "openid_connect_login": methods(GET=TO_PROVIDER, POST=TO_PROVIDER),
        "openid_connect_callback": methods(GET=SENT_BACK, POST=SENT_BACK),
        "socialaccount_login_cancelled": PUBLIC,
        # Where a sign-on ends that has failed.
        "socialaccount_login_error": methods(GET=signing_in(who=Who.VOUCHED)),
        # Addresses of earlier versions of allauth, and of its pages that are not in use.
        "accounts/social/login/cancelled/": PUBLIC,
        "accounts/social/login/error/": PUBLIC,
        "accounts/social/signup/": PUBLIC,
        "accounts/social/connections/": PUBLIC,
        "accounts/sessions/": LED_ON,
        "accounts/3rdparty/": LED_ON,
        "accounts/3rdparty/signup/": LED_ON,
        "accounts/email/": LED_ON,
    },
)


def _changes(*writes: str) -> Methods:
    return methods(GET=own_list("account"), POST=own_list("account", *writes, rate=Rate.SIGN_IN))


def _of_own(on: str, *writes: str) -> Methods:
    return methods(GET=own(on, rate=Rate.READ), POST=own(on, *writes))


declare(
    Login.SESSION,
    {
        "account_reauthenticate": _changes(),
        "account_change_password": _changes("user.set_password"),
        "account_set_password": _changes("user.set_password"),
        "mfa_index": OWN,
        "mfa_reauthenticate": _changes(),
        "mfa_reauthenticate_webauthn": _changes(),
        "mfa_activate_totp": _changes("mfa.add"),
        "mfa_deactivate_totp": _of_own("authenticator app", "mfa.remove"),
        "mfa_view_recovery_codes": methods(GET=own("recovery codes", rate=Rate.READ)),
        "mfa_download_recovery_codes": methods(GET=own("recovery codes", rate=Rate.READ)),
        "mfa_generate_recovery_codes": _changes("mfa.reset"),
        "mfa_list_webauthn": OWN,
        "mfa_add_webauthn": _changes("mfa.add"),
        "mfa_edit_webauthn": _of_own("security key"),
        "mfa_remove_webauthn": _of_own("security key", "mfa.remove"),
    },
)
