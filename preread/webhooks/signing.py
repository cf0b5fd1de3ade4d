"""Signs messages as Standard Webhooks 1.0 does: HMAC-SHA256 over ID, time and body.

The public package for it is a dozen lines of hmac behind five further dependencies, so the rule
stands here; ``tests/unit/test_webhook_rules.py`` holds it to the specification's own example.
"""

import base64
import hashlib
import hmac
import secrets
from typing import Final

PREFIX: Final = "whsec_"
_SECRET_BYTES: Final = 32  # the specification wants 24 to 64


def new_secret() -> str:
    """Return a new signing secret as a receiver's library takes it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signed_headers(secret: str, message_id: str, sent_s: int, body: bytes) -> dict[str, str]:
    """Return the headers that prove who sent a body, and when.

    Parameters
    ----------
    secret
        Of the subscription, with its prefix.
    message_id
        The same at every attempt; has no dot.
    sent_s
        Time of this attempt in seconds since 1970.
    body
        The very bytes that are sent.
    """
    key = base64.b64decode(secret.removeprefix(PREFIX))
    content = f"{message_id}.{sent_s}.".encode() + body
    digest = hmac.new(key, content, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(sent_s),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
