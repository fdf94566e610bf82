"""A security key as it registers itself: right in form, and nobody's."""

import secrets
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)


def registration(challenge: bytes = b"challenge") -> dict[str, Any]:
    """What a browser sends once somebody has touched his key."""
    public = ES256.from_cryptography_key(ec.generate_private_key(ec.SECP256R1()).public_key())
    key_id = secrets.token_bytes(16)
    flags = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.AT
    data = AuthenticatorData.create(
        sha256(b"localhost").digest(),
        flags,
        0,
        AttestedCredentialData.create(Aaguid.NONE, key_id, public),
    )
    said = CollectedClientData.create("webauthn.create", challenge, "http://localhost")
    return {
        "id": websafe_encode(key_id),
        "rawId": websafe_encode(key_id),
        "type": "public-key",
        "response": {
            "clientDataJSON": websafe_encode(said),
            "attestationObject": websafe_encode(AttestationObject.create("none", data, {})),
        },
        "clientExtensionResults": {},
    }
