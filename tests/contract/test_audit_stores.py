"""Every store of audit logs, real or fake, keeps these promises; the service is tried on both."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from shared.kernel.audit import AuditedCall
from shared.kernel.ids import Ids
from shared.registrations.model.audit import AUDIT_KEPT
from shared.registrations.ports import AuditStore
from shared.registrations.service import audit
from shared.registrations.service.audit import AuditService
from tests.capacity import metered
from tests.fakes.clock import NOON, ManualClock
from tests.fakes.registrations import InMemoryAuditStore

SHOP, CAFE = f"app_{'1' * 26}", f"app_{'2' * 26}"
DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Logs:
    """The service on one kind of store."""

    service: AuditService
    clock: ManualClock

    def note(self, name: str, *, app_id: str | None = SHOP, by: str = "ada") -> None:
        """Note a call, which its request id names, a second after the one before."""
        self.clock.advance(timedelta(seconds=1))
        self.service.note(a_call(name, app_id=app_id, by=by))

    def names(self, app_id: str | None = SHOP, **wanted: datetime | str) -> list[str]:
        page = self.service.list_entries(app_id, limit=100, **wanted)  # type: ignore[arg-type]
        assert page.next_cursor is None
        return [entry.call.request_id for entry in page.items]


def a_call(name: str, *, app_id: str | None = SHOP, by: str = "ada") -> AuditedCall:
    return AuditedCall(
        app_id=app_id,
        by=by,
        route="PATCH /v1/apps/{app_id}",
        parameters={"app_id": app_id} if app_id else {},
        status=403,
        code="forbidden",
        request_id=name,
    )


def assemble(entries: AuditStore) -> Logs:
    clock = ManualClock()
    service = AuditService(entries=entries, clock=clock, ids=Ids(clock=clock))
    return Logs(service=service, clock=clock)


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> Logs:
    if request.param == "memory":
        return assemble(InMemoryAuditStore())
    from shared.registrations.store import DynamoAuditStore  # noqa: PLC0415 - wants its tables

    return assemble(DynamoAuditStore(table=request.getfixturevalue("tables")["registrations"]))


def test_an_entry_says_what_it_was_told_and_when(it: Logs) -> None:
    it.note("first")
    (entry,) = it.service.list_entries(SHOP, limit=1).items
    assert (entry.call, entry.at) == (a_call("first"), NOON + timedelta(seconds=1))


def test_the_newest_entries_come_first_over_months_and_years(it: Logs) -> None:
    for month in ("2026-12-31", "2027-01-01", "2027-03-01"):
        it.clock.at = datetime.fromisoformat(month).replace(tzinfo=UTC)
        it.note(month)
    assert it.names() == ["2027-03-01", "2027-01-01", "2026-12-31"]


def test_each_app_has_its_log_and_one_is_above_apps(it: Logs) -> None:
    for app_id in (SHOP, CAFE, None):
        it.note(f"of {app_id}", app_id=app_id)
    assert [it.names(app_id) for app_id in (SHOP, CAFE, None)] == [
        [f"of {SHOP}"],
        [f"of {CAFE}"],
        ["of None"],
    ]


def test_a_range_includes_its_beginning_and_not_its_end(it: Logs) -> None:
    for name in ("a", "b", "c"):
        it.note(name)
    second = NOON + timedelta(seconds=2)
    assert it.names(since=second) == ["c", "b"]
    assert it.names(until=second) == ["a"]
    assert it.names(since=second, until=second) == []
    assert it.names(since=second + DAY, until=second) == []


def test_pages_go_on_where_the_last_one_ended(it: Logs) -> None:
    for number in range(5):
        it.note(str(number))
        it.clock.advance(30 * DAY)
    seen, cursor = [], None
    for _ in range(3):
        page = it.service.list_entries(SHOP, limit=2, cursor=cursor)
        seen.append([entry.call.request_id for entry in page.items])
        cursor = page.next_cursor
    assert (seen, cursor) == ([["4", "3"], ["2", "1"], ["0"]], None)


def test_a_log_is_read_by_who_did_it(it: Logs) -> None:
    for number, by in enumerate(("ada", "bob", "ada")):
        it.note(str(number), by=by)
    assert it.names(by="ada") == ["2", "0"]


def test_behind_somebody_rare_a_page_comes_short(it: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "MOST_SCANNED", 2)
    for number, by in enumerate(("rare", "ada", "ada", "ada")):
        it.note(str(number), by=by)
    first = it.service.list_entries(SHOP, by="rare", limit=2)
    assert first.items == []
    last = it.service.list_entries(SHOP, by="rare", limit=2, cursor=first.next_cursor)
    assert [entry.call.request_id for entry in last.items] == ["0"]


def test_nothing_is_shown_that_is_older_than_it_is_kept(it: Logs) -> None:
    it.note("old")
    it.clock.advance(AUDIT_KEPT)
    assert it.names() == ["old"]
    it.clock.advance(timedelta(seconds=1))
    assert it.names() == []


def test_an_entry_is_one_unit_and_vanishes_after_400_days(
    tables: dict[str, str], dynamodb_client: object
) -> None:
    from shared.registrations.store import DynamoAuditStore  # noqa: PLC0415 - wants its tables

    logs = assemble(DynamoAuditStore(table=tables["registrations"]))
    with metered() as meter:
        logs.note("first")
    assert meter.writes == 1
    (item,) = dynamodb_client.scan(TableName=tables["registrations"])["Items"]  # type: ignore[attr-defined]
    assert int(item["expires_at"]["N"]) == int((logs.clock() + 400 * DAY).timestamp())
