"""Every store of the keys of tills, real or fake, keeps these promises."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

import pytest

from shared.coupons.errors import ShopChangedError, ShopNotFoundError, TooManyTillKeysError
from shared.coupons.events import TillKeyRemoved
from shared.coupons.model.shops import MOST_KEYS, ShopKey, letters_of
from shared.coupons.ports.shops import ShopStore
from shared.coupons.service.shops import ShopService
from shared.kernel.envelope import seal
from shared.kernel.errors import InvalidFieldsError
from shared.kernel.ids import Ids
from shared.kernel.principal import TillKey
from shared.platform.auth.errors import UnauthenticatedError
from shared.platform.auth.tills import verify_till_token
from tests.fakes.clock import NOON, ManualClock
from tests.fakes.shops import InMemoryShopStore
from tests.fakes.tills import Till

APP, CLUB = "app_" + "0" * 26, "app_" + "1" * 26


def public_key(seed: str) -> str:
    return letters_of(Till(app_id=APP, seed=seed).key.public)


@dataclass(frozen=True, kw_only=True)
class Shops:
    """The service on one kind of store, and a way to read what it told."""

    service: ShopService
    clock: ManualClock
    told: Callable[[], list[str]]

    def register(
        self,
        seed: str = "till",
        *,
        app_id: str = APP,
        store_id: str = "zurich-1",
        name: str = "the till at the door",
    ) -> tuple[ShopKey, bool]:
        return self.service.register_key(
            public_key(seed), app_id=app_id, store_id=store_id, name=name, by="ada"
        )

    def remove(self, key_id: str, *, app_id: str = APP, store_id: str = "zurich-1") -> None:
        self.service.remove_key(key_id, app_id=app_id, store_id=store_id, by="ada")

    def keys(self, *, app_id: str = APP, store_id: str = "zurich-1") -> list[ShopKey]:
        return list(self.service.list_keys(app_id=app_id, store_id=store_id))


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> Shops:
    if request.param == "memory":
        shops = InMemoryShopStore()
        return assemble(shops, told=lambda: [event.type for event in shops.events])
    return on_dynamodb(request)


def on_dynamodb(request: pytest.FixtureRequest) -> Shops:
    from shared.coupons.store.shops import (  # noqa: PLC0415 - needs the environment's tables
        DynamoShopStore,
    )
    from shared.platform.ledger import Ledger  # noqa: PLC0415 - the same

    tables = request.getfixturevalue("tables")
    client = request.getfixturevalue("dynamodb_client")

    def told() -> list[str]:
        rows = client.scan(TableName=tables["contact_events"])["Items"]
        return [row["type"]["S"] for row in sorted(rows, key=lambda row: row["sequence"]["S"])]

    ledger = Ledger(table=tables["contact_events"])
    return assemble(DynamoShopStore(table=tables["coupons"], ledger=ledger), told=told)


def assemble(shops: ShopStore, *, told: Callable[[], list[str]]) -> Shops:
    clock = ManualClock()
    service = ShopService(shops=shops, clock=clock, ids=Ids(clock=clock))
    return Shops(service=service, clock=clock, told=told)


def test_a_till_is_known_by_the_key_of_its_store_until_that_is_removed(it: Shops) -> None:
    key, is_new = it.register()
    assert is_new
    token = Till(app_id=APP, key_id=key.key_id).token("till-3")

    def enter() -> str:
        def key_of(store_id: str, key_id: str) -> TillKey | None:
            return it.service.till_key(APP, store_id, key_id)

        return verify_till_token(token, app_id=APP, key_of=key_of, at=NOON).till

    assert enter() == "till-3"
    it.remove(key.key_id)
    with pytest.raises(UnauthenticatedError):
        enter()
    assert it.told() == ["till_key.registered.v1", "till_key.removed.v1"]


def test_keys_are_listed_in_the_order_in_which_they_came(it: Shops) -> None:
    first, _ = it.register("one", name="Kasse «Tür»")
    it.clock.advance(timedelta(minutes=1))
    second, _ = it.register("another")
    assert it.keys() == [first, second]
    assert [key.registered_at for key in (first, second)] == [NOON, NOON + timedelta(minutes=1)]


def test_a_key_that_the_store_has_stays_as_it_is(it: Shops) -> None:
    first, _ = it.register(name="first")
    it.clock.advance(timedelta(minutes=1))
    again, is_new = it.register(name="again")
    assert (again, is_new) == (first, False)
    assert it.keys() == [first]
    assert it.told() == ["till_key.registered.v1"]


def test_a_removed_key_may_come_again(it: Shops) -> None:
    key, _ = it.register()
    it.remove(key.key_id)
    assert it.keys() == []
    assert it.register() == (key, True)


def test_a_key_speaks_for_one_store_of_one_app(it: Shops) -> None:
    key, _ = it.register()
    for app_id, store_id in ((CLUB, "zurich-1"), (APP, "bern-1"), (APP, "zurich")):
        assert it.keys(app_id=app_id, store_id=store_id) == []
        assert it.service.till_key(app_id, store_id, key.key_id) is None
        with pytest.raises(ShopNotFoundError):
            it.remove(key.key_id, app_id=app_id, store_id=store_id)
    assert it.service.till_key(APP, "zurich-1", "another") is None
    assert it.service.till_key(APP, "zurich-1", key.key_id) == TillKey(
        key_id=key.key_id, public=key.public
    )


def test_a_key_that_is_gone_cannot_be_removed(it: Shops) -> None:
    key, _ = it.register()
    it.remove(key.key_id)
    with pytest.raises(ShopNotFoundError):
        it.remove(key.key_id)


def test_what_is_unusable_leaves_nothing_behind(it: Shops) -> None:
    with pytest.raises(InvalidFieldsError):
        it.register(store_id="zurich#1")
    with pytest.raises(InvalidFieldsError):
        it.service.register_key("AAAA", app_id=APP, store_id="zurich-1", name="", by="ada")
    assert it.keys() == []
    assert it.told() == []


def test_twenty_keys_are_the_limit_also_in_a_race(it: Shops) -> None:
    for number in range(MOST_KEYS - 2):
        it.register(f"key {number}")

    def register(number: int) -> bool:
        try:
            return it.register(f"late key {number}")[1]
        except (ShopChangedError, TooManyTillKeysError):
            return False

    with ThreadPoolExecutor(6) as pool:
        won = sum(pool.map(register, range(6)))
    assert 1 <= won <= 2
    assert len(it.keys()) == len(it.told()) == MOST_KEYS - 2 + won


def test_a_change_that_somebody_else_overtook_is_not_written(it: Shops) -> None:
    shops = it.service.shops
    empty = shops.get_shop(APP, "zurich-1")
    first, _ = it.register("first")
    one = shops.get_shop(APP, "zurich-1")
    second, _ = it.register("second")
    event = TillKeyRemoved(
        app_id=APP, occurred_at=NOON, store_id="zurich-1", key_id="k", name="", by="eve"
    )
    for late in (empty.with_key(second), one.without(first)):
        with pytest.raises(ShopChangedError):
            shops.replace_shop(late, seal(event, sequence=it.service.ids.sequence()))
    assert it.keys() == [first, second]
    assert it.told() == ["till_key.registered.v1"] * 2
