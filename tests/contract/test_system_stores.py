"""Every store of other systems, real or fake, keeps these promises."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

import pytest

from shared.kernel.events import Channel
from shared.kernel.idempotency import Attempt, IdempotencyKeyReusedError
from shared.kernel.ids import Ids
from shared.platform.encryption import DataKeyCipher
from shared.registrations.errors import (
    AppNotFoundError,
    StaleError,
    SystemRotatingError,
    WebhookSecretNotFoundError,
)
from shared.registrations.model.systems import OVERLAP
from shared.registrations.ports import AppStore, SystemStore
from shared.registrations.service.apps import AppService
from shared.registrations.service.systems import IssuedSecret, SystemService
from tests.contract.test_registration_stores import SETTINGS
from tests.fakes.clock import ManualClock
from tests.fakes.registrations import InMemoryAppStore, InMemorySystemStore, Memory

EMAIL = frozenset({Channel.EMAIL})


@dataclass(frozen=True, kw_only=True)
class Systems:
    """The service on one kind of store, and a way to read what it told."""

    service: SystemService
    apps: AppService
    clock: ManualClock
    told: Callable[[], list[str]]

    def an_app(self) -> str:
        return self.apps.create_app(SETTINGS, attempt=None)[0].app_id

    def issue(
        self, app_id: str, name: str = "suite", *, attempt: Attempt | None = None
    ) -> IssuedSecret:
        return self.service.create_secret(
            name, app_id=app_id, channels=EMAIL, by="ada", attempt=attempt
        )

    def keys(self, app_id: str) -> list[bytes]:
        return [system.key for system in self.service.systems_of(app_id)]


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> Systems:
    if request.param == "memory":
        memory = Memory()
        return assemble(
            InMemoryAppStore(memory),
            InMemorySystemStore(memory),
            told=lambda: [event.type for event in memory.events],
        )
    return on_dynamodb(request)


def on_dynamodb(request: pytest.FixtureRequest) -> Systems:
    from shared.platform.ledger import Ledger  # noqa: PLC0415 - needs the environment's tables
    from shared.registrations.store import DynamoAppStore, DynamoSystemStore  # noqa: PLC0415

    tables = request.getfixturevalue("tables")
    client = request.getfixturevalue("dynamodb_client")
    ledger = Ledger(table=tables["contact_events"])

    def told() -> list[str]:
        rows = client.scan(TableName=tables["contact_events"])["Items"]
        return [row["type"]["S"] for row in sorted(rows, key=lambda row: row["sequence"]["S"])]

    return assemble(
        DynamoAppStore(table=tables["registrations"], ledger=ledger),
        DynamoSystemStore(table=tables["registrations"], ledger=ledger),
        told=told,
    )


def assemble(apps: AppStore, systems: SystemStore, *, told: Callable[[], list[str]]) -> Systems:
    clock = ManualClock()
    ids = Ids(clock=clock)
    return Systems(
        service=SystemService(
            apps=apps,
            systems=systems,
            cipher=DataKeyCipher(keys=lambda: [b"the deployment's secret"]),
            clock=clock,
            ids=ids,
        ),
        apps=AppService(store=apps, clock=clock, ids=ids),
        clock=clock,
        told=told,
    )


def test_a_system_is_known_by_the_secret_it_got(it: Systems) -> None:
    app_id = it.an_app()
    issued = it.issue(app_id)
    (system,) = it.service.systems_of(app_id)
    assert (system.name, system.channels, system.key) == ("suite", EMAIL, issued.key)
    assert list(it.service.list_secrets(app_id)) == [issued.secret]
    assert it.told()[1:] == ["webhook_secret.created.v1"]


def test_both_secrets_hold_until_the_older_one_ends(it: Systems) -> None:
    app_id = it.an_app()
    old, new = it.issue(app_id).key, it.issue(app_id).key
    assert it.keys(app_id) == [old, new]
    with pytest.raises(SystemRotatingError):
        it.issue(app_id)
    it.clock.advance(OVERLAP)
    assert it.keys(app_id) == [new]


def test_a_deleted_secret_is_no_more(it: Systems) -> None:
    app_id = it.an_app()
    gone, stays = it.issue(app_id), it.issue(app_id)
    it.service.delete_secret(gone.secret.secret_id, app_id=app_id, by="ada")
    assert it.keys(app_id) == [stays.key]
    with pytest.raises(WebhookSecretNotFoundError):
        it.service.delete_secret(gone.secret.secret_id, app_id=app_id, by="ada")
    assert it.told()[-1] == "webhook_secret.deleted.v1"


def test_an_apps_secret_opens_nothing_of_another_app(it: Systems) -> None:
    one, other = it.an_app(), it.an_app()
    issued = it.issue(one)
    assert it.keys(other) == []
    with pytest.raises(WebhookSecretNotFoundError):
        it.service.delete_secret(issued.secret.secret_id, app_id=other, by="ada")


def test_an_unknown_app_has_no_systems_and_gets_none(it: Systems) -> None:
    assert it.keys("app_none") == []
    with pytest.raises(AppNotFoundError):
        it.issue("app_none")
    with pytest.raises(AppNotFoundError):
        it.service.list_secrets("app_none")


def test_an_attempt_makes_one_secret(it: Systems) -> None:
    app_id = it.an_app()
    attempt = Attempt(caller="ada", key="k", fingerprint="f")
    first, again = it.issue(app_id, attempt=attempt), it.issue(app_id, attempt=attempt)
    assert (first.replayed, again.replayed) == (False, True)
    assert (again.secret, again.key) == (first.secret, first.key)
    assert it.keys(app_id) == [first.key]
    with pytest.raises(IdempotencyKeyReusedError):
        it.issue(app_id, attempt=Attempt(caller="ada", key="k", fingerprint="other"))


def test_an_attempt_whose_secret_was_deleted_makes_none_again(it: Systems) -> None:
    app_id = it.an_app()
    attempt = Attempt(caller="ada", key="k", fingerprint="f")
    issued = it.issue(app_id, attempt=attempt)
    it.service.delete_secret(issued.secret.secret_id, app_id=app_id, by="ada")
    with pytest.raises(WebhookSecretNotFoundError):
        it.issue(app_id, attempt=attempt)


def test_two_secrets_are_the_limit_also_in_a_race(it: Systems) -> None:
    app_id = it.an_app()

    def issue(_: int) -> bytes | None:
        try:
            return it.issue(app_id).key
        except (SystemRotatingError, StaleError):
            return None

    with ThreadPoolExecutor(6) as pool:
        won = [key for key in pool.map(issue, range(6)) if key]
    assert len(won) == 2
    assert sorted(it.keys(app_id)) == sorted(won)


def test_one_attempt_in_a_race_makes_one_secret(it: Systems) -> None:
    app_id = it.an_app()
    attempt = Attempt(caller="ada", key="k", fingerprint="f")
    with ThreadPoolExecutor(4) as pool:
        issued = list(pool.map(lambda _: it.issue(app_id, attempt=attempt), range(4)))
    assert it.keys(app_id) == list({one.key for one in issued})


def test_the_end_of_a_secret_outlives_the_store(it: Systems) -> None:
    app_id = it.an_app()
    it.issue(app_id)
    it.clock.advance(timedelta(days=1))
    at = it.clock()
    it.issue(app_id)
    assert [one.ends_at for one in it.service.list_secrets(app_id)] == [at + OVERLAP, None]
