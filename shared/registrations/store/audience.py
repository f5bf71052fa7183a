"""Device rows as rules see them, and what is copied to them, in DynamoDB."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition
from typing_extensions import override

from shared.kernel.clock import from_milliseconds, from_rfc3339, milliseconds
from shared.kernel.events import Purpose
from shared.kernel.paging import Page
from shared.platform.dynamodb import (
    Check,
    Delete,
    Put,
    Raw,
    Row,
    Update,
    WriteRefusedError,
    bind,
    commit,
    plain_rows,
)
from shared.registrations.model.apps import Platform
from shared.registrations.model.audience import (
    Audience,
    AudienceMember,
    DeviceFacts,
    Happening,
    Happenings,
    PushConsent,
)
from shared.registrations.model.devices import Device, PushPermission
from shared.registrations.ports import AudienceStore
from shared.registrations.store.contacts import MemberRow
from shared.registrations.store.devices import (
    DeviceRow,
    audience_partition,
    commit_or_stale,
    contact_partition,
    device_key,
)

_ASKED = (
    "device_id",
    "contact_id",
    "anonymous",
    "platform",
    "address",
    "locale",
    "timezone",
    "app_version",
    "os_version",
    "model",
    "attributes",
    "push_permission",
    "tags",
    "registered_at",
    "last_seen_at",
    "audience",
)
_NOTHING = "{}"


class HappeningsRow(Row):
    """The last happenings under one contact: JSON, type to pairs of instant and sequence."""

    happened = UnicodeAttribute()
    version = NumberAttribute()


class DynamoAudienceStore(AudienceStore):
    """Audiences, in the registrations table."""

    def __init__(self, *, table: str) -> None:
        self._device = bind(DeviceRow, table=table)
        self._happenings = bind(HappeningsRow, table=table)
        self._member = bind(MemberRow, table=table)

    @override
    def page(
        self, app_id: str, shard: int, *, after: str | None, limit: int
    ) -> Page[AudienceMember]:
        key = self._device.sk
        rows = plain_rows(
            self._device,
            audience_partition(app_id, shard),
            key.startswith("D#") if after is None else key > f"D#{after}",
            newest_first=False,
            page_size=limit,
            attributes=_ASKED,
        )
        items = [_member_of(row) for row in islice(rows, limit)]
        return Page(items=items, next_cursor=items[-1].device_id if len(items) == limit else None)

    @override
    def members(self, device_ids: Iterable[str], *, app_id: str) -> Sequence[AudienceMember]:
        keys = [device_key(app_id, device_id) for device_id in set(device_ids)]
        rows = self._device.batch_get(keys, consistent_read=True) if keys else ()
        found = [_member_of(row.attribute_values) for row in rows]
        return sorted(found, key=lambda member: member.device_id)

    @override
    def put_audience(self, device: Device, audience: Audience) -> bool:
        row, text = self._device, _audience_text(audience)
        is_same: Condition = row.contact_id == device.contact_id
        copied = Update(
            row=row(*device_key(device.app_id, device.device_id)),
            actions=[row.audience.set(text)],
            condition=is_same & (row.audience != text),
        )
        if text == _NOTHING:
            copied = replace(
                copied,
                actions=[row.audience.remove()],
                condition=is_same & row.audience.exists(),
            )
        try:
            commit({"audience": copied})
        except WriteRefusedError:
            return False
        return True

    @override
    def happenings(self, contact_ids: Iterable[str], *, app_id: str) -> Mapping[str, Happenings]:
        keys = {_happenings_key(app_id, one): one for one in contact_ids}
        rows = self._happenings.batch_get(list(keys), consistent_read=True)
        found = {keys[row.pk, row.sk]: _happenings_of(row) for row in rows}
        return {one: found.get(one, Happenings()) for one in keys.values()}

    @override
    def replace_happenings(self, contact_id: str, happenings: Happenings, *, app_id: str) -> None:
        row, before = self._happenings, happenings.version - 1
        stored = row(
            *_happenings_key(app_id, contact_id),
            happened=_happenings_text(happenings),
            version=happenings.version,
        )
        follows = row.version == before if before else row.pk.does_not_exist()
        place = self._member(contact_partition(app_id, contact_id), "M")
        commit_or_stale(
            {
                "happenings": Put(row=stored, condition=follows),
                # Nothing is noted again of who is just being erased.
                "place": Check(row=place, condition=self._member.erasure_id.does_not_exist()),
            }
        )

    @override
    def forget_happenings(self, contact_id: str, *, app_id: str) -> None:
        commit({"happenings": forget_happenings(self._happenings, contact_id, app_id=app_id)})


def forget_happenings(row: type[HappeningsRow], contact_id: str, *, app_id: str) -> Delete:
    """Return the write that forgets what happened to a contact."""
    return Delete(row=row(*_happenings_key(app_id, contact_id)))


def _happenings_key(app_id: str, contact_id: str) -> tuple[str, str]:
    return contact_partition(app_id, contact_id), "H"


def _happenings_text(happenings: Happenings) -> str:
    return _compact(
        {
            event_type: [[milliseconds(one.at), one.sequence] for one in found]
            for event_type, found in happenings.by_type.items()
        }
    )


def _happenings_of(row: HappeningsRow) -> Happenings:
    by_type = {
        event_type: tuple(Happening(from_milliseconds(at), sequence) for at, sequence in found)
        for event_type, found in json.loads(row.happened).items()
    }
    return Happenings(by_type=by_type, version=int(row.version))


def _audience_text(audience: Audience) -> str:
    """Return what is copied of a person as compact JSON: every campaign reads it of every device.

    Instants are in whole seconds; what is empty is left out.
    """
    parts = {
        "consents": {
            purpose.value: [consent.is_given, *sorted(consent.unlike)]
            for purpose, consent in sorted(audience.consents.items())
        },
        "attributes": dict(sorted(audience.attributes.items())),
        "happened": {
            event_type: [_seconds(at) for at in instants]
            for event_type, instants in sorted(audience.happened.items())
        },
    }
    return _compact({name: part for name, part in parts.items() if part})


def _compact(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _seconds(at: datetime) -> int:
    return milliseconds(at) // 1000


def _member_of(row: Raw) -> AudienceMember:
    return AudienceMember(
        device_id=row["device_id"], contact_id=row["contact_id"], facts=_facts_of(row)
    )


def _facts_of(row: Raw) -> DeviceFacts:
    copied = json.loads(row.get("audience", _NOTHING))
    own = json.loads(row.get("attributes", _NOTHING))
    return DeviceFacts(
        platform=Platform(row["platform"]),
        push_permission=PushPermission(row["push_permission"]),
        is_anonymous="anonymous" in row,
        has_address="address" in row,
        registered_at=from_rfc3339(row["registered_at"]),
        last_seen_at=from_rfc3339(row["last_seen_at"]),
        locale=row.get("locale"),
        timezone=row.get("timezone"),
        app_version=row.get("app_version"),
        os_version=row.get("os_version"),
        model=row.get("model"),
        tags=frozenset(row.get("tags", ())),
        attributes={**own, **copied.get("attributes", {})},
        consents={
            Purpose(purpose): PushConsent(is_given=is_given, unlike=frozenset(unlike))
            for purpose, (is_given, *unlike) in copied.get("consents", {}).items()
        },
        happened={
            event_type: tuple(from_milliseconds(second * 1000) for second in seconds)
            for event_type, seconds in copied.get("happened", {}).items()
        },
    )
