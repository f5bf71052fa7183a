"""Every store of write keys, real or fake, keeps these promises."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from shared.kernel.idempotency import Attempt, IdempotencyKeyReusedError
from shared.kernel.ids import Ids
from shared.registrations.errors import (
    AppNotFoundError,
    StaleError,
    TooManyWriteKeysError,
    WriteKeyNotFoundError,
    WriteKeyRotatingError,
)
from shared.registrations.model.write_keys import MOST_KEYS
from shared.registrations.ports import AppStore, WriteKeyStore
from shared.registrations.service.apps import AppService
from shared.registrations.service.write_keys import IssuedWriteKey, WriteKeyService
from tests.contract.test_registration_stores import SETTINGS
from tests.fakes.clock import ManualClock
from tests.fakes.registrations import InMemoryAppStore, InMemoryWriteKeyStore, Memory

ATTEMPT = Attempt(caller="ada", key="k", fingerprint="f")


@dataclass(frozen=True, kw_only=True)
class Keys:
    """The service on one kind of store, and a way to read what it told."""

    service: WriteKeyService
    apps: AppService
    told: Callable[[], list[str]]

    def an_app(self) -> str:
        return self.apps.create_app(SETTINGS, attempt=None)[0].app_id

    def issue(
        self, app_id: str, name: str = "web shop", *, attempt: Attempt | None = None
    ) -> IssuedWriteKey:
        return self.service.create_key(name, app_id=app_id, by="ada", attempt=attempt)

    def text(self, app_id: str, name: str = "web shop") -> str:
        text = self.issue(app_id, name).text
        assert text
        return text


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> Keys:
    if request.param == "memory":
        memory = Memory()
        return assemble(
            InMemoryAppStore(memory),
            InMemoryWriteKeyStore(memory),
            told=lambda: [event.type for event in memory.events],
        )
    return on_dynamodb(request)


def on_dynamodb(request: pytest.FixtureRequest) -> Keys:
    from shared.platform.ledger import Ledger  # noqa: PLC0415 - needs the environment's tables
    from shared.registrations.store import DynamoAppStore, DynamoWriteKeyStore  # noqa: PLC0415

    tables = request.getfixturevalue("tables")
    client = request.getfixturevalue("dynamodb_client")
    ledger = Ledger(table=tables["contact_events"])

    def told() -> list[str]:
        rows = client.scan(TableName=tables["contact_events"])["Items"]
        return [row["type"]["S"] for row in sorted(rows, key=lambda row: row["sequence"]["S"])]

    return assemble(
        DynamoAppStore(table=tables["registrations"], ledger=ledger),
        DynamoWriteKeyStore(table=tables["registrations"], ledger=ledger),
        told=told,
    )


def assemble(apps: AppStore, keys: WriteKeyStore, *, told: Callable[[], list[str]]) -> Keys:
    clock = ManualClock()
    ids = Ids(clock=clock)
    return Keys(
        service=WriteKeyService(apps=apps, write_keys=keys, clock=clock, ids=ids),
        apps=AppService(store=apps, clock=clock, ids=ids),
        told=told,
    )


def test_an_app_is_known_by_the_key_it_got(it: Keys) -> None:
    app_id, other = it.an_app(), it.an_app()
    text, theirs = it.text(app_id), it.text(other)
    assert (it.service.app_of(text), it.service.app_of(theirs)) == (app_id, other)
    assert it.service.app_of("wk_guessed") is None
    (key,) = it.service.list_keys(app_id)
    assert key.name == "web shop"
    assert text not in repr(key)
    assert it.told()[2:] == ["write_key.created.v1"] * 2


def test_two_keys_of_a_source_hold_until_one_is_deleted(it: Keys) -> None:
    app_id = it.an_app()
    old, new = it.issue(app_id), it.text(app_id)
    with pytest.raises(WriteKeyRotatingError):
        it.issue(app_id)
    it.service.delete_key(old.key.key_id, app_id=app_id, by="ada")
    assert it.service.app_of(old.text or "") is None
    assert it.service.app_of(new) == app_id
    with pytest.raises(WriteKeyNotFoundError):
        it.service.delete_key(old.key.key_id, app_id=app_id, by="ada")
    assert it.told()[-1] == "write_key.deleted.v1"
    assert it.service.app_of(it.text(app_id)) == app_id


def test_an_app_has_as_many_keys_as_it_may(it: Keys) -> None:
    app_id = it.an_app()
    for number in range(MOST_KEYS):
        it.issue(app_id, f"source {number}")
    with pytest.raises(TooManyWriteKeysError):
        it.issue(app_id, "one more")


def test_an_app_that_is_none_has_no_keys(it: Keys) -> None:
    with pytest.raises(AppNotFoundError):
        it.issue("app_none")
    with pytest.raises(AppNotFoundError):
        it.service.list_keys("app_none")


def test_an_attempt_makes_one_key_and_shows_it_once(it: Keys) -> None:
    app_id = it.an_app()
    issued = it.issue(app_id, attempt=ATTEMPT)
    again = it.issue(app_id, attempt=ATTEMPT)
    assert (again.key, again.text, again.replayed) == (issued.key, None, True)
    with pytest.raises(IdempotencyKeyReusedError):
        it.issue(app_id, attempt=Attempt(caller="ada", key="k", fingerprint="other"))
    it.service.delete_key(issued.key.key_id, app_id=app_id, by="ada")
    with pytest.raises(WriteKeyNotFoundError):
        it.issue(app_id, attempt=ATTEMPT)


def test_two_keys_are_the_limit_also_in_a_race(it: Keys) -> None:
    app_id = it.an_app()

    def issue(_: int) -> Any:
        try:
            return it.issue(app_id).text
        except (WriteKeyRotatingError, StaleError):
            return None

    with ThreadPoolExecutor(6) as pool:
        won = [text for text in pool.map(issue, range(6)) if text]
    assert len(won) == 2
    assert [it.service.app_of(text) for text in won] == [app_id, app_id]


def test_keys_do_not_repeat_and_fit_into_a_url(it: Keys) -> None:
    app_id = it.an_app()
    texts = {it.text(app_id, f"source {number}") for number in range(9)}
    assert len(texts) == 9
    assert all(text.replace("_", "").replace("-", "").isalnum() for text in texts)
