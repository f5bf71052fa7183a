"""Messages of Amazon SNS over HTTPS: what they carry, and that SNS signed them.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html. Anybody may own a
topic that SNS signs for, so a signature says nothing without the topic: an app names those it
believes.
"""

import re
from base64 import b64decode
from collections.abc import Iterator
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from shared.contact_events.dialects.reading import Part, UnreadablePartError, document_in
from shared.contact_events.errors import SignatureMismatchError
from shared.contact_events.model.payloads import Payload, Trust

NOTIFICATION = "Notification"
SUBSCRIPTION = "SubscriptionConfirmation"

TOLERANCE = timedelta(hours=1)
"""A topic tries an HTTPS endpoint for at most 3,600 seconds, under the timestamp of the start."""

_SIGNED = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    SUBSCRIPTION: (
        "Message",
        "MessageId",
        "SubscribeURL",
        "Timestamp",
        "Token",
        "TopicArn",
        "Type",
    ),
}
_SIGNED["UnsubscribeConfirmation"] = _SIGNED[SUBSCRIPTION]

_HOST = re.compile(r"sns\.[a-z0-9-]{3,}\.amazonaws\.com(\.cn)?")
_CERTIFICATE = re.compile(r"/SimpleNotificationService-[0-9a-f]+\.pem")


def is_message(document: Part) -> bool:
    """Say whether a document is a message of SNS; its type need not be known."""
    return document.has("Type") and document.has("TopicArn") and document.has("MessageId")


def confirmation_of(payload: Payload) -> str | None:
    """Return the URL that confirms a subscription; ``None`` where none is asked for.

    To be fetched once the payload is verified.

    Raises:
        SignatureMismatchError: the URL is none of SNS.
    """
    try:
        document = document_in(payload.body)
        if not is_message(document) or document.text("Type") != SUBSCRIPTION:
            return None
        url = document.text("SubscribeURL")
    except UnreadablePartError:
        return None
    if not _is_of_sns(url):
        raise SignatureMismatchError("the URL that confirms a subscription is none of SNS")
    return url


def verify(payload: Payload, *, trust: Trust) -> None:
    """Check that SNS signed a message, of a topic that the app believes, in the last hour.

    Raises:
        SignatureMismatchError: it did not.
    """
    try:
        document = document_in(payload.body)
        if document.text("TopicArn") not in trust.topics:
            raise SignatureMismatchError("the app does not believe this topic")
        sent_at = document.instant("Timestamp")
        signed = "".join(_lines(document)).encode()
        url = document.text("SigningCertURL")
        version = document.text("SignatureVersion")
        signature = b64decode(document.text("Signature"), validate=True)
    except (UnreadablePartError, ValueError):
        raise SignatureMismatchError("not a signed message of SNS") from None
    if abs(payload.received_at - sent_at) > TOLERANCE:
        raise SignatureMismatchError("the message is too old, or of the future")
    if trust.certificate_of is None or not _is_of_sns(url, path=_CERTIFICATE):
        raise SignatureMismatchError("the certificate is none of SNS")
    _check(signature, signed, trust.certificate_of(url), version=version, at=payload.received_at)


def _lines(document: Part) -> Iterator[str]:
    """Yield what is signed: names and values, each with its line feed, sorted by name."""
    for name in _SIGNED.get(document.text("Type"), ()):
        if name != "Subject" or document.has("Subject"):
            value = document.at(name).value
            if not isinstance(value, str):
                raise document.at(name).wrong("a text")
            yield f"{name}\n{value}\n"


def _is_of_sns(url: str, *, path: re.Pattern[str] | None = None) -> bool:
    """Say whether a URL leads to SNS itself: nobody else answers at such a host."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    # The whole authority: a user or a port before or behind the host would lead elsewhere.
    return (
        parts.scheme == "https"
        and _HOST.fullmatch(parts.netloc) is not None
        and (path is None or path.fullmatch(parts.path) is not None)
    )


def _check(signature: bytes, signed: bytes, pem: bytes, *, version: str, at: datetime) -> None:
    # 20 ms of cold start that other dialects do not need.
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415
    from cryptography.x509 import load_pem_x509_certificate  # noqa: PLC0415

    # Version 1 is SHA-1, and what a topic has unless its owner says 2.
    algorithms = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303
    try:
        certificate = load_pem_x509_certificate(pem)
        key = certificate.public_key()
    except ValueError:
        raise SignatureMismatchError("the certificate cannot be read") from None
    if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
        raise SignatureMismatchError("the certificate is not valid now")
    if version not in algorithms or not isinstance(key, RSAPublicKey):
        raise SignatureMismatchError("no signature of SNS that is known")
    try:
        key.verify(signature, signed, PKCS1v15(), algorithms[version])
    except InvalidSignature:
        raise SignatureMismatchError("the message is signed by somebody else") from None
