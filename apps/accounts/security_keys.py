"""allauth's forms for security keys, which take it on trust what a browser says of one.

Whoever made that up by hand broke the library that reads it, also before he was signed in.
"""

import struct
from typing import Any

from allauth.mfa.adapter import get_adapter
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from django import forms
from fido2.webauthn import AuthenticationResponse, RegistrationResponse

UNREADABLE = (
    AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError, struct.error,
)  # fmt: skip


class Said(forms.JSONField):
    """What a browser says, if it can be read as the kind of answer that was asked for."""

    def __init__(self, kind: type[RegistrationResponse | AuthenticationResponse]) -> None:
        super().__init__(required=True, widget=forms.HiddenInput)
        self.kind = kind

    def to_python(self, value: Any) -> Any:
        try:
            found = super().to_python(value)
            if found is not None:
                self.kind.from_dict(found)
        except UNREADABLE:
            raise get_adapter().validation_error("incorrect_code") from None
        return found

    def bound_data(self, data: Any, initial: Any) -> Any:
        # An answer is good once, so that it is not shown again with what was wrong with it.
        return initial


class Adding(AddWebAuthnForm):
    credential = Said(RegistrationResponse)


class SigningIn(AuthenticateWebAuthnForm):
    credential = Said(AuthenticationResponse)


class Confirming(ReauthenticateWebAuthnForm):
    credential = Said(AuthenticationResponse)
