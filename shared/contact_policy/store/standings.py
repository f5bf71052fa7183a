"""What a person said, as one compact JSON text: what is empty is left out."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.contact_policy.model.people import Link
from shared.contact_policy.model.policy import CooldownCause, Hours, Period, Weekday, Window
from shared.contact_policy.model.standing import (
    Case,
    ConsentKey,
    ConsentMark,
    ConsentStatus,
    FrequencyWish,
    Part,
    Preferences,
    Whereabouts,
)
from shared.kernel.clock import from_milliseconds, milliseconds
from shared.kernel.events import Channel, Purpose


def standing_text(parts: Mapping[str, Part], links: Mapping[str, Link]) -> str:
    """Return the text of what was said under every contact, and of what joins the contacts."""
    plain = {
        "parts": {origin: _plain_part(part) for origin, part in parts.items()},
        "links": dict(links),
    }
    return json.dumps(plain, separators=(",", ":"), ensure_ascii=False)


def standing_of(text: str) -> tuple[dict[str, Part], dict[str, Link]]:
    """Return the parts and the links of a text."""
    plain = json.loads(text)
    return (
        {origin: _part_of(part) for origin, part in plain["parts"].items()},
        {edge_id: Link(*link) for edge_id, link in plain["links"].items()},
    )


def _told(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return what says something; a moment of 0 does."""
    return {
        name: value
        for name, value in plain.items()
        if value is not None and value is not False and value not in ([], {})
    }


def _plain_part(part: Part) -> dict[str, Any]:
    return _told(
        {
            "erased": part.is_erased,
            "consents": [
                [
                    key.purpose.value,
                    key.channel,
                    key.topic,
                    mark.status.value,
                    milliseconds(mark.at),
                    _moment(mark.expires_at),
                    sorted(mark.answers),
                ]
                for key, mark in part.consents.items()
            ],
            "preferences": _plain_wishes(part.preferences) if part.preferences else None,
            "cases": {
                case_id: [case.kind, milliseconds(case.opened_at)]
                for case_id, case in part.cases.items()
            },
            "cooldowns": [
                [cause.value, channel, milliseconds(at)]
                for (cause, channel), at in part.cooldowns.items()
            ],
            "where": _told(
                {
                    "devices": dict(part.whereabouts.device_zones),
                    "phone": sorted(part.whereabouts.phone_zones),
                    "address": sorted(part.whereabouts.address_zones),
                    "countries": sorted(part.whereabouts.countries),
                }
            ),
            "control": sorted(part.control_groups),
        }
    )


def _part_of(plain: Mapping[str, Any]) -> Part:
    where = plain.get("where", {})
    wishes = plain.get("preferences")
    return Part(
        is_erased=plain.get("erased", False),
        consents=dict(map(_consent_of, plain.get("consents", ()))),
        preferences=_wishes_of(wishes) if wishes else None,
        cases={
            case_id: Case(kind=kind, opened_at=from_milliseconds(at))
            for case_id, (kind, at) in plain.get("cases", {}).items()
        },
        cooldowns={
            (CooldownCause(cause), _channel(channel)): from_milliseconds(at)
            for cause, channel, at in plain.get("cooldowns", ())
        },
        whereabouts=Whereabouts(
            device_zones=where.get("devices", {}),
            phone_zones=frozenset(where.get("phone", ())),
            address_zones=frozenset(where.get("address", ())),
            countries=frozenset(where.get("countries", ())),
        ),
        control_groups=frozenset(plain.get("control", ())),
    )


def _consent_of(plain: list[Any]) -> tuple[ConsentKey, ConsentMark]:
    purpose, channel, topic, status, at, expires_at, answers = plain
    key = ConsentKey(Purpose(purpose), _channel(channel), topic)
    mark = ConsentMark(
        status=ConsentStatus(status),
        at=from_milliseconds(at),
        expires_at=_instant(expires_at),
        answers=frozenset(answers),
    )
    return key, mark


def _plain_wishes(wishes: Preferences) -> dict[str, Any]:
    cap, hours = wishes.frequency, wishes.hours
    return _told(
        {
            "at": milliseconds(wishes.at),
            "channels_off": sorted(wishes.channels_off),
            "topics_off": sorted(wishes.topics_off),
            "frequency": [cap.limit, cap.per.value] if cap else None,
            "paused_until": _moment(wishes.paused_until),
            "hours": _plain_hours(hours) if hours else None,
            "preferred": wishes.preferred_channel,
            "zone": wishes.zone,
            "answers": sorted(wishes.answers),
        }
    )


def _wishes_of(plain: Mapping[str, Any]) -> Preferences:
    cap, hours = plain.get("frequency"), plain.get("hours")
    return Preferences(
        at=from_milliseconds(plain["at"]),
        channels_off=frozenset(map(Channel, plain.get("channels_off", ()))),
        topics_off=frozenset(plain.get("topics_off", ())),
        frequency=FrequencyWish(limit=cap[0], per=Period(cap[1])) if cap else None,
        paused_until=_instant(plain.get("paused_until")),
        hours=_hours_of(hours) if hours else None,
        preferred_channel=_channel(plain.get("preferred")),
        zone=plain.get("zone"),
        answers=frozenset(plain.get("answers", ())),
    )


def _plain_hours(hours: Hours) -> list[Any]:
    windows = [[sorted(window.days), window.opens, window.closes] for window in hours.windows]
    return [windows, hours.holidays]


def _hours_of(plain: list[Any]) -> Hours:
    windows, holidays = plain
    return Hours(
        windows=tuple(
            Window(days=frozenset(map(Weekday, days)), opens=opens, closes=closes)
            for days, opens, closes in windows
        ),
        holidays=holidays,
    )


def _moment(at: datetime | None) -> int | None:
    return None if at is None else milliseconds(at)


def _instant(moment: int | None) -> datetime | None:
    return None if moment is None else from_milliseconds(moment)


def _channel(word: str | None) -> Channel | None:
    return None if word is None else Channel(word)
