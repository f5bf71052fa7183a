"""The vendors as tests have them: a sample of each, signed as it signs, and by somebody else."""

import hmac
import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import parse_qsl

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from twilio.request_validator import RequestValidator
from typing_extensions import override

from shared.kernel.clock import system_clock
from shared.platform.http.bodies import FORM
from tests.unit.contact_events.dialects.samples import sample

Sign: TypeAlias = Callable[[bytes, str], dict[str, str]]
"""Returns the headers of a body that a vendor sends to a URL."""


@dataclass(frozen=True, kw_only=True)
class Vendor:
    """A sample that a vendor sends, and two who sign it: the one whom the app believes, and not."""

    dialect: str
    secret: str
    """By which the app believes the vendor."""
    sample: str
    sign: Sign
    forge: Sign

    @property
    def body(self) -> bytes:
        body = sample(self.dialect, self.sample).body
        return (body if isinstance(body, str) else json.dumps(body)).encode()

    @property
    def tells(self) -> list[str]:
        """Return the types that the sample is to us."""
        told = json.loads(sample(self.dialect, self.sample).told.read_text())
        return sorted(event["type"] for event in told["events"])

    @override
    def __str__(self) -> str:
        return f"{self.dialect} {self.sample}"


def by_api_key(secret: str) -> Sign:
    """Return what an API destination of EventBridge proves itself by."""
    return lambda _body, _url: {"x-api-key": secret}


def by_shopify(secret: str) -> Sign:
    def sign(body: bytes, _url: str) -> dict[str, str]:
        made = b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()
        return {"x-shopify-hmac-sha256": made, "x-shopify-topic": "orders/create"}

    return sign


def by_twilio(secret: str) -> Sign:
    def sign(body: bytes, url: str) -> dict[str, str]:
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
        made = RequestValidator(secret).compute_signature(url, fields)
        return {"content-type": FORM, "x-twilio-signature": made}

    return sign


def by_sendgrid(key: ec.EllipticCurvePrivateKey) -> Sign:
    def sign(body: bytes, _url: str) -> dict[str, str]:
        second = str(int(system_clock().timestamp()))
        made = b64encode(key.sign(second.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
        named = {"signature": made, "timestamp": second}
        return {f"x-twilio-email-event-webhook-{name}": value for name, value in named.items()}

    return sign


def as_sendgrid_shows(key: ec.EllipticCurvePrivateKey) -> str:
    """Return the public key as SendGrid shows it: base64 of its DER form."""
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b64encode(public).decode()


SECRET, OTHER = "the-secret-of-the-app", "the-secret-of-another"
KEY, OTHER_KEY = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
VENDORS = (
    Vendor(
        dialect="connect",
        secret=SECRET,
        sample="disconnected",
        sign=by_api_key(SECRET),
        forge=by_api_key(OTHER),
    ),
    Vendor(
        dialect="sendgrid",
        secret=as_sendgrid_shows(KEY),
        sample="batch",
        sign=by_sendgrid(KEY),
        forge=by_sendgrid(OTHER_KEY),
    ),
    Vendor(
        dialect="ses",
        secret=SECRET,
        sample="eventbridge",
        sign=by_api_key(SECRET),
        forge=by_api_key(OTHER),
    ),
    Vendor(
        dialect="shopify",
        secret=SECRET,
        sample="created",
        sign=by_shopify(SECRET),
        forge=by_shopify(OTHER),
    ),
    Vendor(
        dialect="twilio",
        secret=SECRET,
        sample="incoming_stop",
        sign=by_twilio(SECRET),
        forge=by_twilio(OTHER),
    ),
)
