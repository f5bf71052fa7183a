"""Policies and control groups in DynamoDB."""

import json
from collections.abc import Sequence
from typing import Any

from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from typing_extensions import override

from shared.contact_policy.errors import PolicyNotFoundError
from shared.contact_policy.model.control_groups import ControlGroup
from shared.contact_policy.model.document import document_of, policy_of
from shared.contact_policy.ports import ControlGroups, PolicyStore, PutPolicy
from shared.contact_policy.store.writes import VersionedRow, commit_or_stale, next_of
from shared.kernel.clock import from_rfc3339, rfc3339
from shared.kernel.envelope import Envelope
from shared.kernel.events import Channel
from shared.platform.dynamodb import Put, bind
from shared.platform.ledger import Ledger

_CURRENT, _CONTROL_GROUPS, _VERSION = "CURRENT", "CONTROL_GROUPS", "V#"
_HIGHEST = 9_999_999_999
"""The last version that ten digits hold."""


class _RulesRow(VersionedRow):
    """A policy, or the control groups, as one JSON text."""

    text = UnicodeAttribute()


class DynamoPolicyStore(PolicyStore):
    """Policies and control groups, in the contact policy's table."""

    def __init__(self, *, table: str, ledger: Ledger) -> None:
        self._row = bind(_RulesRow, table=table)
        self._ledger = ledger

    @override
    def rules(self, app_id: str) -> tuple[PutPolicy | None, ControlGroups]:
        # Both sort keys begin with a C, and no other does.
        rows = self._row.query(
            _partition(app_id), self._row.sk.startswith("C"), consistent_read=True
        )
        found = {row.sk: row for row in rows}
        current, groups = found.get(_CURRENT), found.get(_CONTROL_GROUPS)
        return (
            None if current is None else _policy_of(current),
            ControlGroups() if groups is None else _groups_of(groups),
        )

    @override
    def get_policy(self, app_id: str, *, version: int) -> PutPolicy:
        try:
            return _policy_of(self._row.get(_partition(app_id), _past(version)))
        except DoesNotExist as error:
            raise PolicyNotFoundError(f"version {version}") from error

    @override
    def list_policies(self, app_id: str, *, limit: int, before: int | None) -> Sequence[PutPolicy]:
        newest = _HIGHEST if before is None else min(before - 1, _HIGHEST)
        found = self._row.query(
            _partition(app_id),
            self._row.sk.between(_VERSION, _past(newest)),
            scan_index_forward=False,
            limit=limit,
        )
        return [_policy_of(row) for row in found]

    @override
    def put_policy(self, app_id: str, put: PutPolicy, *, event: Envelope) -> None:
        text = json.dumps(
            {
                "document": document_of(put.policy),
                "by": put.by,
                "at": rfc3339(put.at) if put.at else None,
            },
            separators=(",", ":"),
        )
        current = self._row(_partition(app_id), _CURRENT, text=text, version=put.version)
        past = self._row(_partition(app_id), _past(put.version), text=text, version=put.version)
        commit_or_stale(
            {
                "policy": next_of(current, before=put.version - 1),
                "past": Put(row=past),
                "event": self._ledger.record(event),
            }
        )

    @override
    def put_control_groups(self, app_id: str, groups: ControlGroups, *, event: Envelope) -> None:
        text = json.dumps([_plain(group) for group in groups.groups], separators=(",", ":"))
        row = self._row(_partition(app_id), _CONTROL_GROUPS, text=text, version=groups.version)
        commit_or_stale(
            {
                "control groups": next_of(row, before=groups.version - 1),
                "event": self._ledger.record(event),
            }
        )


def _partition(app_id: str) -> str:
    return f"APP#{app_id}#POLICY"


def _past(version: int) -> str:
    return f"{_VERSION}{version:010d}"


def _policy_of(row: _RulesRow) -> PutPolicy:
    put = json.loads(row.text)
    return PutPolicy(
        policy=policy_of(put["document"]),
        version=int(row.version),
        by=put["by"],
        at=from_rfc3339(put["at"]) if put["at"] else None,
    )


def _groups_of(row: _RulesRow) -> ControlGroups:
    groups = tuple(_group_of(plain) for plain in json.loads(row.text))
    return ControlGroups(groups=groups, version=int(row.version))


def _plain(group: ControlGroup) -> list[Any]:
    channels = None if group.channels is None else sorted(group.channels)
    return [group.id, group.salt, group.percent, channels, group.campaign_id]


def _group_of(plain: list[Any]) -> ControlGroup:
    group_id, salt, percent, channels, campaign_id = plain
    return ControlGroup(
        id=group_id,
        salt=salt,
        percent=percent,
        channels=None if channels is None else frozenset(map(Channel, channels)),
        campaign_id=campaign_id,
    )
