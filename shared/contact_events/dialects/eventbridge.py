"""Events of Amazon EventBridge: what they carry, and who may bring them.

A rule hands an event to a function of the same account, whose right to be invoked is the proof; or,
from another account, to an API destination, which proves itself by an API key of its connection.
https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html
"""

from hmac import compare_digest

from shared.contact_events.dialects.reading import Part
from shared.contact_events.errors import SignatureMismatchError
from shared.contact_events.model.payloads import Payload, Trust

KEY_HEADER = "x-api-key"
"""The name to give the API key of the connection."""


def is_event(document: Part) -> bool:
    """Say whether a document is an event of EventBridge."""
    return document.has("detail-type") and document.has("detail")


def verify(payload: Payload, *, trust: Trust) -> None:
    """Check the API key of an API destination.

    Raises:
        SignatureMismatchError: it is none of the app's.
    """
    said = payload.headers.get(KEY_HEADER, "").encode()
    if not any(compare_digest(said, secret.encode()) for secret in trust.secrets if secret):
        raise SignatureMismatchError(f"{KEY_HEADER} is no key of the app's")
