"""What the story's marketer and other systems write: documents as the API takes them."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from random import Random
from typing import Any, Final

from shared.kernel.clock import rfc3339

ZONES: Final = ("Asia/Tokyo", "Europe/Zurich", "America/New_York", "America/Mexico_City")
"""From east to west: when the clocks of the last show an hour, all others have seen it today."""
LOCALES: Final = ("en-GB", "de-CH", "fr-CH", "it-CH", "es-MX")

TOUCHES_A_DAY: Final = 2
HOLDOUT_PERCENT: Final = 10
PRICE: Final = 5_000
"""Minor units: what the basket of the story costs."""

POLICY: Final[Mapping[str, Any]] = {
    "description": "Two touches a day, push and e-mail together.",
    "consent": [
        {
            "id": "not-objected",
            "channels": ["push", "email", "ad"],
            "purposes": ["marketing"],
            "requires": "no_objection",
        }
    ],
    "cooldowns": [{"id": "after-complaint", "after": "complaint", "days": 30}],
    "caps": [
        {
            "id": "two-a-day",
            "channels": ["push", "email"],
            "limit": TOUCHES_A_DAY,
            "window": {"rolling": 24},
        }
    ],
}
"""Without quiet hours, so that the story is the same at any hour."""

SEGMENT: Final[Mapping[str, Any]] = {
    "name": "Whom a push can show on",
    "rule": {
        "all": [
            {"device": "has_address", "is": True},
            {"not": {"device": "push_permission", "is": "denied"}},
        ]
    },
}

TEMPLATE: Final[Mapping[str, Any]] = {
    "name": "Winter",
    "purpose": "marketing",
    "default_locale": "en",
    "contents": {
        "en": {"title": "Warm feet", "body": "A tenth off your boots, today."},
        "de": {"title": "Warme Füsse", "body": "Ein Zehntel Rabatt auf Stiefel, heute."},
        "fr": {"title": "Pieds au chaud", "body": "Un dixième de moins sur vos bottes."},
        "it": {"title": "Piedi caldi", "body": "Un decimo di sconto sugli stivali."},
        "es": {"title": "Pies calientes", "body": "Una décima parte menos en botas."},
    },
}

COUPON: Final[Mapping[str, Any]] = {
    "name": "A tenth off",
    "discount": {"kind": "percent", "percent_off": 10},
    "limits": [{"subject": "coupon", "uses": 1_000}],
    "claims": {"enabled": True},
}

CODE: Final = "WARMFEET2026"

BASKET: Final[Mapping[str, Any]] = {
    "currency": "EUR",
    "lines": [{"line_id": "1", "product_id": "boots", "quantity": 1, "unit_price": PRICE}],
}

SLOT: Final = "home-top"


def campaign(
    segment_id: str, template_id: str, *, wall: datetime, expires_at: datetime
) -> dict[str, Any]:
    """Return a campaign at what the clocks on people's walls show; ``wall`` has no zone."""
    return {
        "name": "Winter",
        "segment_id": segment_id,
        "variants": [{"name": "a", "template_id": template_id}],
        "send_at": wall.isoformat(timespec="seconds"),
        "local_time": True,
        "expires_at": rfc3339(expires_at),
        "holdout_percent": HOLDOUT_PERCENT,
    }


COLUMNS: Final = "device_id,platform,address.kind,address.value,timezone,locale,push_permission"


def device_rows(run: str, count: int, chance: Random) -> Iterator[str]:
    """Yield a file of devices, as a company brings that moves; CSV, line by line."""
    yield COLUMNS
    for number in range(count):
        name = f"{run}-{number:04}"
        platform = chance.choice(("android", "ios"))
        zone, locale = chance.choice(ZONES), chance.choice(LOCALES)
        yield f"{name},{platform},fid,fid-{name},{zone},{locale},granted"


def zones_of(rows: Iterable[str]) -> dict[str, str]:
    """Return the zone of each address of such a file."""
    return {row["address.value"]: row["timezone"] for row in csv.DictReader(rows)}


def letter(contact_id: str, *, id_: str, kind: str, at: datetime) -> dict[str, Any]:
    """Return what the system of e-mails tells of one: ``sent`` or ``opened``; a CloudEvent."""
    return {
        "specversion": "1.0",
        "id": f"{id_}-{kind}",
        "source": "/newsletter",
        "type": f"message.{kind}.v1",
        "channel": "email",
        "direction": "out" if kind == "sent" else "in",
        "purpose": "marketing",
        "subject": f"contact/{contact_id}",
        "time": rfc3339(at),
        "data": {"message_id": id_, "campaign_id": "autumn-news"},
    }


def complaint(email: str, *, id_: str, at: datetime) -> dict[str, Any]:
    """Return what Amazon SES tells by EventBridge when somebody calls an e-mail junk."""
    told_at = rfc3339(at)
    return {
        "version": "0",
        "id": id_,
        "detail-type": "Email Complaint Received",
        "source": "aws.ses",
        "account": "123456789012",
        "time": told_at,
        "region": "eu-central-1",
        "resources": [],
        "detail": {
            "eventType": "Complaint",
            "mail": {
                "timestamp": told_at,
                "source": "Shop <news@shop.example>",
                "messageId": id_,
                "destination": [email],
                "tags": {},
            },
            "complaint": {
                "complainedRecipients": [{"emailAddress": email}],
                "timestamp": told_at,
                "feedbackId": id_,
                "complaintFeedbackType": "abuse",
            },
        },
    }


def chosen(of: Sequence[Any], *, share: float, chance: Random) -> list[Any]:
    """Return a share of some, in their order."""
    places = sorted(chance.sample(range(len(of)), round(len(of) * share)))
    return [of[place] for place in places]
