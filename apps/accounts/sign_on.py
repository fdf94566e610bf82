"""Signing on with an OpenID provider: who that is here.

A person is known by issuer and subject. Neither can be chosen by himself, and an address is not
enough: whoever may set one at the provider would take over the account that has it here.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.base import AuthProcess
from django.db import transaction
from django.http import HttpRequest
from django.shortcuts import render

from apps.accounts.models import User
from apps.audit.services import record
from apps.core import crypto

LONGEST_UID = 191


class SignOnAdapter(DefaultSocialAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return True

    def is_auto_signup_allowed(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return True

    def list_apps(self, *args: Any, **kwargs: Any) -> list[SocialApp]:
        """The providers, with the secrets that the admin keeps encrypted."""
        apps = super().list_apps(*args, **kwargs)
        for app in apps:
            if app.pk and app.secret:
                app.secret = crypto.decrypt(app.secret)
        return apps

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        claims = claims_of(sociallogin.account.extra_data)
        if sociallogin.is_existing or claims is None:
            # Nobody is kept under the bare subject that was looked for so far.
            raise _refused(request, "The provider did not say who you are.")
        if sociallogin.state.get("process") == AuthProcess.CONNECT:
            raise _refused(request, "An administrator joins accounts, not their people.")
        sociallogin.account.uid = identity(claims["iss"], claims["sub"])
        sociallogin.lookup()
        if not sociallogin.is_existing:
            self._prepare_new(request, sociallogin, claims)

    def _prepare_new(
        self, request: HttpRequest, sociallogin: SocialLogin, claims: dict[str, Any]
    ) -> None:
        email = claims.get("email")
        if not isinstance(email, str) or "@" not in email:
            raise _refused(request, "The provider did not tell your mail address.")
        known = User.objects.filter(email__iexact=email).first()
        if known is None:
            return
        trusted = bool(sociallogin.provider.app.settings.get("link_verified_email"))
        is_plain = known.is_active and not (
            known.is_superuser or known.is_staff or known.is_service_account
        )
        if not (trusted and is_plain and claims.get("email_verified") is True):
            raise _refused(
                request,
                "There is an account with your address already, and it is not joined to this "
                "sign-on. Ask an administrator.",
            )
        with transaction.atomic():
            sociallogin.connect(request, known)
            _record_join(sociallogin, known)

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: Any) -> User:
        user: User = sociallogin.user
        user.email = data.get("email") or ""
        user.username = (data.get("username") or user.email.partition("@")[0] or "")[:150]
        user.name = (data.get("name") or "")[:150]
        return user

    @transaction.atomic
    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> User:
        user: User = super().save_user(request, sociallogin, form)
        now = {"name": user.name, "email": user.email}
        record(actor=None, action="user.create", obj=user, data={"now": now})
        _record_join(sociallogin, user)
        return user


def claims_of(extra_data: Mapping[str, Any]) -> dict[str, Any] | None:
    """The claims of ID token and user info together; None where they do not say who it is."""
    token, told = extra_data.get("id_token"), extra_data.get("userinfo") or {}
    if not isinstance(token, dict) or not isinstance(told, dict):
        return None
    issuer, subject = token.get("iss"), token.get("sub")
    if not (isinstance(issuer, str) and isinstance(subject, str) and issuer and subject):
        return None
    # OpenID Connect Core, 5.3.2: user info of somebody else must not be used.
    if told.get("sub", subject) != subject:
        return None
    return {**token, **told, "iss": issuer, "sub": subject}


def identity(issuer: str, subject: str) -> str:
    """Under what a person is kept: readable where it fits."""
    plain = f"{issuer} {subject}"
    if len(plain) <= LONGEST_UID:
        return plain
    return f"sha256 {hashlib.sha256(plain.encode()).hexdigest()}"


def _record_join(sociallogin: SocialLogin, user: User) -> None:
    data = {"provider": sociallogin.account.provider, "identity": sociallogin.account.uid}
    record(actor=None, action="user.join", obj=user, data=data)


def _refused(request: HttpRequest, sentence: str) -> ImmediateHttpResponse:
    page = render(request, "accounts/sign_on_refused.html", {"sentence": sentence}, status=403)
    return ImmediateHttpResponse(page)
