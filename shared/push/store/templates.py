"""Templates in DynamoDB.

| what                | pk                       | sk         |
| ------------------- | ------------------------ | ---------- |
| template            | APP#<app>#TEMPLATES      | T#<id>     |
| name of a template  | APP#<app>#TEMPLATES      | N#<name>   |
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from typing_extensions import override

from shared.kernel.clock import from_rfc3339, rfc3339
from shared.kernel.envelope import Envelope
from shared.kernel.events import Purpose
from shared.kernel.idempotency import Attempt, Remembered
from shared.kernel.paging import Page
from shared.platform.attempts import Attempts
from shared.platform.dynamodb import Delete, Put, Row, Write, WriteRefusedError, bind, commit
from shared.platform.ledger import Ledger
from shared.push.errors import (
    TemplateChangedError,
    TemplateNameTakenError,
    TemplateNotFoundError,
)
from shared.push.model import Priority
from shared.push.model.templates import Android, ButtonDraft, Template, TemplateDraft, Words
from shared.push.ports import TemplateStore
from shared.push.store.chunks import apns_of


class _TemplateRow(Row):
    """A template; what the marketer wrote is one JSON text."""

    draft = UnicodeAttribute()
    version = NumberAttribute()
    created_at = UnicodeAttribute()
    updated_at = UnicodeAttribute()


class _NameRow(Row):
    """The fact that a name is taken, and by which template."""

    template_id = UnicodeAttribute()


class DynamoTemplateStore(TemplateStore):
    """Templates, in the push table."""

    def __init__(self, *, table: str, ledger: Ledger) -> None:
        self._template = bind(_TemplateRow, table=table)
        self._name = bind(_NameRow, table=table)
        self._attempts = Attempts(table=table)
        self._ledger = ledger

    @override
    def add_template(self, template: Template, event: Envelope, *, attempt: Attempt | None) -> bool:
        writes: dict[str, Write] = {
            "template": Put(row=self._row(template), condition=self._template.pk.does_not_exist()),
            "name": self._take_name(template),
            "event": self._ledger.record(event),
        }
        if attempt:
            writes["attempt"] = self._attempts.remember(
                attempt,
                app_id=template.app_id,
                result=template.template_id,
                at=template.created_at,
            )
        try:
            commit(writes)
        except WriteRefusedError as error:
            if "attempt" in error.failed:
                return False
            raise TemplateNameTakenError(template.draft.name) from error
        return True

    @override
    def recall(self, attempt: Attempt, *, app_id: str) -> Remembered | None:
        return self._attempts.recall(attempt, app_id=app_id)

    @override
    def get_template(self, template_id: str, *, app_id: str) -> Template:
        try:
            row = self._template.get(*_key(app_id, template_id), consistent_read=True)
        except DoesNotExist as error:
            raise TemplateNotFoundError(template_id) from error
        return _template_of(row, app_id=app_id)

    @override
    def list_templates(self, app_id: str, *, limit: int, cursor: str | None) -> Page[Template]:
        # The keys of templates lie after every name's, at the end of their partition.
        rows = list(
            self._template.query(
                _partition(app_id), self._template.sk > f"T#{cursor or ''}", limit=limit + 1
            )
        )
        items = [_template_of(row, app_id=app_id) for row in rows[:limit]]
        more = items[-1].template_id if len(rows) > limit else None
        return Page(items=items, next_cursor=more)

    @override
    def replace_template(self, template: Template, event: Envelope, *, before: Template) -> None:
        unchanged = self._template.version == before.version
        writes: dict[str, Write] = {
            "template": Put(row=self._row(template), condition=unchanged),
            "event": self._ledger.record(event),
        }
        if template.draft.name != before.draft.name:
            writes["name"] = self._take_name(template)
            writes["former name"] = self._free_name(before)
        try:
            commit(writes)
        except WriteRefusedError as error:
            if "template" in error.failed:
                raise TemplateChangedError(template.template_id) from error
            raise TemplateNameTakenError(template.draft.name) from error

    @override
    def remove_template(self, template: Template, event: Envelope) -> None:
        row = self._template(*_key(template.app_id, template.template_id))
        try:
            commit(
                {
                    "template": Delete(
                        row=row, condition=self._template.version == template.version
                    ),
                    "name": self._free_name(template),
                    "event": self._ledger.record(event),
                }
            )
        except WriteRefusedError as error:
            raise TemplateChangedError(template.template_id) from error

    def _take_name(self, template: Template) -> Put:
        row = self._name(*_name_key(template), template_id=template.template_id)
        return Put(row=row, condition=self._name.pk.does_not_exist())

    def _free_name(self, template: Template) -> Delete:
        return Delete(row=self._name(*_name_key(template)))

    def _row(self, template: Template) -> _TemplateRow:
        return self._template(
            *_key(template.app_id, template.template_id),
            draft=draft_text(template.draft),
            version=template.version,
            created_at=rfc3339(template.created_at),
            updated_at=rfc3339(template.updated_at),
        )


def _partition(app_id: str) -> str:
    return f"APP#{app_id}#TEMPLATES"


def _key(app_id: str, template_id: str) -> tuple[str, str]:
    return _partition(app_id), f"T#{template_id}"


def _name_key(template: Template) -> tuple[str, str]:
    return _partition(template.app_id), f"N#{template.draft.name}"


def draft_text(draft: TemplateDraft) -> str:
    """Return what a marketer wrote, as it is stored."""
    fields = {name: getattr(draft, name) for name in draft.__dataclass_fields__}
    ttl = draft.android.time_to_live
    plain = {
        **fields,
        "contents": {locale: asdict(words) for locale, words in draft.contents.items()},
        "buttons": [_plain_button(button) for button in draft.buttons],
        "data": dict(draft.data),
        "android": {
            **asdict(draft.android),
            "time_to_live": None if ttl is None else int(ttl.total_seconds()),
        },
        "apns": asdict(draft.apns),
        "variables": dict(draft.variables),
    }
    return json.dumps(plain, separators=(",", ":"), ensure_ascii=False)


def _plain_button(button: ButtonDraft) -> dict[str, Any]:
    title = button.title if isinstance(button.title, str) else dict(button.title)
    return {"id": button.id, "title": title, "link": button.link}


def _template_of(row: _TemplateRow, *, app_id: str) -> Template:
    return Template(
        app_id=app_id,
        template_id=row.sk.removeprefix("T#"),
        draft=draft_of(json.loads(row.draft)),
        version=int(row.version),
        created_at=from_rfc3339(row.created_at),
        updated_at=from_rfc3339(row.updated_at),
    )


def draft_of(plain: Mapping[str, Any]) -> TemplateDraft:
    """Return what a marketer wrote, from what is stored of it."""
    return TemplateDraft(
        **{
            **plain,
            "purpose": Purpose(plain["purpose"]),
            "contents": {locale: Words(**words) for locale, words in plain["contents"].items()},
            "buttons": tuple(ButtonDraft(**button) for button in plain["buttons"]),
            "android": _android_of(plain["android"]),
            "apns": apns_of(plain["apns"]),
        }
    )


def _android_of(plain: Mapping[str, Any]) -> Android:
    ttl = plain["time_to_live"]
    return Android(
        **{
            **plain,
            "priority": Priority(plain["priority"]),
            "time_to_live": None if ttl is None else timedelta(seconds=ttl),
        }
    )
