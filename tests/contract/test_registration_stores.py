"""Every store of registrations, real or fake, keeps these promises."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from shared.kernel.addresses import Address, AddressKind
from shared.kernel.idempotency import Attempt
from shared.kernel.ids import Ids
from shared.kernel.principal import Role
from shared.platform.encryption import DataKeyCipher
from shared.registrations.errors import (
    AppChangedError,
    AppNotFoundError,
    DeviceNotFoundError,
    StaleError,
    TooManyDevicesError,
)
from shared.registrations.model.apps import App, Platform
from shared.registrations.model.contacts import MOST_DEVICES
from shared.registrations.model.devices import Device, DeviceState
from shared.registrations.ports import (
    AppStore,
    ContactStore,
    DeviceStore,
    ErasureStore,
    KeyStore,
    PersonalDomain,
    StatefulDomain,
    SystemStore,
)
from shared.registrations.service.apps import AppService
from shared.registrations.service.contacts import ContactService
from shared.registrations.service.devices import DeviceService
from shared.registrations.service.erasures import ErasureService, ForgettingService
from shared.registrations.service.exports import ExportService
from shared.registrations.service.identifiers import IdentifierService
from shared.registrations.service.origins import OriginService
from shared.registrations.service.people import PeopleService
from shared.registrations.service.reach import ReachService
from shared.registrations.service.resolution import ResolutionService
from shared.registrations.service.rotation import RotationService
from shared.registrations.service.systems import SystemService
from shared.registrations.service.vault import VaultService
from tests.fakes.clock import NOON, ManualClock
from tests.fakes.registrations import (
    InMemoryAppStore,
    InMemoryContactStore,
    InMemoryDeviceStore,
    InMemoryErasureStore,
    InMemoryKeyStore,
    InMemorySystemStore,
    Memory,
    PlainHasher,
    TrustingAppCheck,
)

SETTINGS: dict[str, Any] = {
    "name": "Shop",
    "org": "com.example",
    "platforms": (Platform.ANDROID,),
    "default_locale": "en",
    "default_timezone": "Europe/Madrid",
}
ANDROID = DeviceState(platform=Platform.ANDROID)


def fid(value: str) -> Address:
    return Address(kind=AddressKind.FID, value=value)


def reachable_at(value: str) -> DeviceState:
    return replace(ANDROID, address=fid(value))


@dataclass(frozen=True, kw_only=True)
class Registrations:
    """The services on one kind of store, and a way to read what they told."""

    app_store: AppStore
    device_store: DeviceStore
    contact_store: ContactStore
    apps: AppService
    devices: DeviceService
    contacts: ContactService
    people: PeopleService
    resolution: ResolutionService
    origins: OriginService
    vault: VaultService
    exports: ExportService
    erasures: ErasureService
    forgetting: ForgettingService
    rotation: RotationService
    systems: SystemService
    hasher: PlainHasher
    secrets: list[bytes]
    reach: ReachService
    clock: ManualClock
    told: Callable[[], list[str]]

    def an_app(self) -> str:
        return self.apps.create_app(SETTINGS, attempt=None)[0].app_id

    def register(
        self, app_id: str, device_id: str, state: DeviceState = ANDROID, *, seq: int = 1
    ) -> Device:
        return self.devices.register_device(
            app_id=app_id,
            device_id=device_id,
            state=state,
            client_seq=seq,
            owns=lambda _: True,
            app_check_token=None,
        )[0]

    def logged_in(self, app_id: str, subject: str, *device_ids: str) -> str:
        """Register devices, log a person in on each, and return their contact."""
        bound = []
        for device_id in device_ids:
            self.register(app_id, device_id)
            bound.append(self.identify(app_id, device_id, subject).contact_id)
        return bound[-1]

    def identify(self, app_id: str, device_id: str, subject: str) -> Device:
        return self.contacts.identify(
            app_id=app_id, device_id=device_id, issuer="https://id.example", subject=subject
        )


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> Registrations:
    if request.param == "memory":
        return in_memory()
    return on_dynamodb(request)


def in_memory(memory: Memory | None = None) -> Registrations:
    memory = memory or Memory()
    return assemble(
        InMemoryAppStore(memory),
        InMemoryDeviceStore(memory),
        InMemoryContactStore(memory),
        InMemoryErasureStore(memory),
        InMemoryKeyStore(memory),
        InMemorySystemStore(memory),
        told=lambda: [event.type for event in memory.events],
    )


def on_dynamodb(request: pytest.FixtureRequest) -> Registrations:
    from shared.platform.ledger import Ledger  # noqa: PLC0415 - needs the environment's tables
    from shared.registrations.store import (  # noqa: PLC0415
        DynamoAppStore,
        DynamoContactStore,
        DynamoDeviceStore,
        DynamoErasureStore,
        DynamoKeyStore,
        DynamoSystemStore,
    )

    tables = request.getfixturevalue("tables")
    client = request.getfixturevalue("dynamodb_client")
    ledger = Ledger(table=tables["contact_events"])

    def told() -> list[str]:
        pages = client.get_paginator("scan").paginate(TableName=tables["contact_events"])
        # Guards of foreign events lie there too, which are none.
        rows = [row for page in pages for row in page["Items"] if "sequence" in row]
        return [row["type"]["S"] for row in sorted(rows, key=lambda row: row["sequence"]["S"])]

    return assemble(
        DynamoAppStore(table=tables["registrations"], ledger=ledger),
        DynamoDeviceStore(table=tables["registrations"], ledger=ledger),
        DynamoContactStore(table=tables["registrations"], ledger=ledger),
        DynamoErasureStore(table=tables["registrations"], ledger=ledger),
        DynamoKeyStore(table=tables["registrations"]),
        DynamoSystemStore(table=tables["registrations"], ledger=ledger),
        told=told,
    )


def assemble(
    apps: AppStore,
    devices: DeviceStore,
    contacts: ContactStore,
    erasures: ErasureStore,
    keys: KeyStore,
    systems: SystemStore,
    *,
    told: Callable[[], list[str]],
    domains: Sequence[StatefulDomain] = (),
    personal: Mapping[str, PersonalDomain] | None = None,
) -> Registrations:
    clock = ManualClock()
    ids = Ids(clock=clock)
    hasher, secrets = PlainHasher(), [b"first"]
    cipher = DataKeyCipher(keys=lambda: secrets)
    identifiers = IdentifierService(contacts=contacts, hasher=hasher)
    vault = VaultService(keys=keys, apps=apps, cipher=cipher)
    people = PeopleService(
        contacts=contacts, devices=devices, domains=domains, clock=clock, ids=ids
    )
    return Registrations(
        app_store=apps,
        device_store=devices,
        contact_store=contacts,
        apps=AppService(store=apps, clock=clock, ids=ids),
        devices=DeviceService(
            devices=devices, apps=apps, app_check=TrustingAppCheck(), clock=clock, ids=ids
        ),
        contacts=ContactService(
            contacts=contacts,
            devices=devices,
            people=people,
            identifiers=identifiers,
            vault=vault,
            clock=clock,
            ids=ids,
        ),
        people=people,
        resolution=ResolutionService(
            contacts=contacts,
            people=people,
            identifiers=identifiers,
            vault=vault,
            clock=clock,
            ids=ids,
        ),
        origins=OriginService(contacts=contacts, devices=devices),
        vault=vault,
        exports=ExportService(
            contacts=contacts, devices=devices, vault=vault, domains=personal or {}
        ),
        erasures=ErasureService(
            contacts=contacts, devices=devices, erasures=erasures, clock=clock, ids=ids
        ),
        forgetting=ForgettingService(
            devices=devices,
            erasures=erasures,
            domains=list((personal or {}).values()),
            clock=clock,
            ids=ids,
        ),
        rotation=RotationService(
            contacts=contacts,
            keys=keys,
            systems=systems,
            cipher=cipher,
            identifiers=identifiers,
            vault=vault,
        ),
        systems=SystemService(apps=apps, systems=systems, cipher=cipher, clock=clock, ids=ids),
        hasher=hasher,
        secrets=secrets,
        reach=ReachService(device_store=devices, contact_store=contacts, clock=clock, ids=ids),
        clock=clock,
        told=told,
    )


def test_an_unknown_app_is_not_found(it: Registrations) -> None:
    with pytest.raises(AppNotFoundError):
        it.apps.get_app("app_none")


def test_an_app_comes_back_as_it_was_created(it: Registrations) -> None:
    app, replayed = it.apps.create_app(SETTINGS, attempt=None)
    assert it.apps.get_app(app.app_id) == app
    assert not replayed
    assert it.told() == ["app.created.v1"]


def test_a_repeated_attempt_creates_one_app(it: Registrations) -> None:
    attempt = Attempt(caller="ada", key="k", fingerprint="f")
    first, _ = it.apps.create_app(SETTINGS, attempt=attempt)
    again, replayed = it.apps.create_app(SETTINGS, attempt=attempt)
    assert (again, replayed) == (first, True)
    assert it.told() == ["app.created.v1"]


def test_apps_are_listed_page_by_page(it: Registrations) -> None:
    created = [it.an_app() for _ in range(3)]
    first = it.app_store.list_apps(limit=2, cursor=None)
    rest = it.app_store.list_apps(limit=2, cursor=first.next_cursor)
    assert [app.app_id for app in [*first.items, *rest.items]] == created
    assert rest.next_cursor is None


def test_two_changes_of_the_same_version_do_not_both_stand(it: Registrations) -> None:
    app_id = it.an_app()
    ours = it.apps.get_app(app_id)
    it.apps.update_app(app_id, {"name": "Theirs"})
    after, _ = ours.changed_by({"name": "Ours"})
    with pytest.raises(AppChangedError):
        it.app_store.replace_app(after, event_of(it, after))
    assert it.apps.get_app(app_id).name == "Theirs"


def event_of(it: Registrations, app: App) -> Any:
    from shared.kernel.envelope import seal  # noqa: PLC0415
    from shared.registrations.events import AppUpdated  # noqa: PLC0415

    event = AppUpdated(app_id=app.app_id, occurred_at=NOON, changed=("name",))
    return seal(event, sequence=it.apps.ids.sequence())


def test_grants_add_up_to_the_strongest_role(it: Registrations) -> None:
    it.app_store.grant("ada", app_id="app_1", role=Role.VIEWER)
    it.app_store.grant("sales", app_id="app_1", role=Role.SENDER)
    it.app_store.grant("ada", app_id="*", role=Role.EDITOR)
    assert it.app_store.grants_of(["ada", "sales"]) == {"app_1": Role.SENDER, "*": Role.EDITOR}
    it.app_store.revoke("sales", app_id="app_1")
    assert it.app_store.grants_of(["ada", "sales"]) == {"app_1": Role.VIEWER, "*": Role.EDITOR}
    assert it.app_store.list_grants(limit=9, cursor=None).items == [
        ("ada", "*", Role.EDITOR),
        ("ada", "app_1", Role.VIEWER),
    ]


def test_an_unknown_device_is_not_found(it: Registrations) -> None:
    with pytest.raises(DeviceNotFoundError):
        it.devices.get_device(app_id="app_1", device_id="phone-001")


def test_a_device_comes_back_as_it_was_registered(it: Registrations) -> None:
    app_id = it.an_app()
    state = DeviceState(
        platform=Platform.IOS,
        address=fid("there"),
        locale="de-CH",
        timezone="Europe/Zurich",
        app_version="1.2",
        os_version="19",
        model="Phone 9",
        attributes={"plan": "gold", "level": 3, "beta": True, "score": 0.5},
    )
    registered = it.register(app_id, "phone-001", state)
    assert it.devices.get_device(app_id=app_id, device_id="phone-001") == registered
    assert it.told()[1:] == ["device.registered.v1"]


def test_registering_again_unchanged_tells_nothing_and_is_seen(it: Registrations) -> None:
    app_id = it.an_app()
    it.register(app_id, "phone-001")
    it.clock.advance(timedelta(days=1))
    again = it.register(app_id, "phone-001", seq=2)
    assert again.last_seen_at == NOON + timedelta(days=1)
    assert it.devices.get_device(app_id=app_id, device_id="phone-001") == again
    assert it.told()[1:] == ["device.registered.v1"]


def test_what_arrives_late_changes_nothing(it: Registrations) -> None:
    app_id = it.an_app()
    newer = it.register(app_id, "phone-001", replace(ANDROID, app_version="2"), seq=2)
    assert it.register(app_id, "phone-001", replace(ANDROID, app_version="1"), seq=1) == newer
    assert it.devices.get_device(app_id=app_id, device_id="phone-001") == newer


def test_an_address_belongs_to_one_device(it: Registrations) -> None:
    app_id = it.an_app()
    it.register(app_id, "phone-001", reachable_at("there"))
    it.register(app_id, "phone-002", reachable_at("there"))
    loser = it.devices.get_device(app_id=app_id, device_id="phone-001")
    assert loser.state.address is None
    assert it.device_store.owner_of(fid("there"), app_id=app_id) == "phone-002"
    assert sorted(it.told()[1:]) == [
        "device.address_removed.v1",
        "device.registered.v1",
        "device.registered.v1",
    ]


def test_the_same_address_in_two_apps_is_two_addresses(it: Registrations) -> None:
    one, other = it.an_app(), it.an_app()
    it.register(one, "phone-001", reachable_at("there"))
    it.register(other, "phone-001", reachable_at("there"))
    assert it.devices.get_device(app_id=one, device_id="phone-001").state.address == fid("there")


def test_a_changed_address_frees_the_old_one(it: Registrations) -> None:
    app_id = it.an_app()
    it.register(app_id, "phone-001", reachable_at("here"))
    it.register(app_id, "phone-001", reachable_at("there"), seq=2)
    assert it.device_store.owner_of(fid("here"), app_id=app_id) is None
    assert it.device_store.owner_of(fid("there"), app_id=app_id) == "phone-001"


def test_a_dead_address_is_removed_only_by_exact_match(it: Registrations) -> None:
    app_id = it.an_app()
    it.register(app_id, "phone-001", reachable_at("here"))
    it.register(app_id, "phone-001", reachable_at("there"), seq=2)
    removed = it.reach.remove_dead_address(
        app_id=app_id, device_id="phone-001", address=fid("here")
    )
    kept = it.devices.get_device(app_id=app_id, device_id="phone-001")
    assert (removed, kept.state.address) == (False, fid("there"))
    assert it.reach.remove_dead_address(app_id=app_id, device_id="phone-001", address=fid("there"))
    assert it.device_store.owner_of(fid("there"), app_id=app_id) is None


def test_a_state_that_was_overtaken_is_not_stored(it: Registrations) -> None:
    app_id = it.an_app()
    first = it.register(app_id, "phone-001")
    it.register(app_id, "phone-001", replace(ANDROID, app_version="2"), seq=2)
    after = first.refreshed(replace(ANDROID, app_version="3"), client_seq=3, at=NOON)
    with pytest.raises(StaleError):
        it.device_store.touch_device(after, before=first)


def test_an_unregistered_device_is_gone_and_its_address_free(it: Registrations) -> None:
    app_id = it.an_app()
    it.register(app_id, "phone-001", reachable_at("there"))
    it.identify(app_id, "phone-001", "ada")
    it.devices.unregister_device(app_id=app_id, device_id="phone-001")
    assert it.device_store.device_epoch(app_id=app_id, device_id="phone-001") is None
    assert it.device_store.owner_of(fid("there"), app_id=app_id) is None
    assert it.told()[-1] == "device.unregistered.v1"


def test_identifying_joins_the_anonymous_history(it: Registrations) -> None:
    app_id = it.an_app()
    anonymous = it.register(app_id, "phone-001").contact_id
    known = it.identify(app_id, "phone-001", "ada").contact_id
    assert known != anonymous
    assert it.origins.origins_of(known, app_id=app_id) == [known, anonymous]
    assert it.origins.canonical(anonymous, app_id=app_id) == known
    assert it.told()[-1] == "contact.identified.v1"


def test_identifying_again_changes_nothing(it: Registrations) -> None:
    app_id = it.an_app()
    it.register(app_id, "phone-001")
    first = it.identify(app_id, "phone-001", "ada")
    assert it.identify(app_id, "phone-001", "ada") == first
    assert it.told().count("contact.identified.v1") == 1


def test_a_contact_is_known_on_all_its_devices(it: Registrations) -> None:
    app_id = it.an_app()
    contact_id = it.logged_in(app_id, "ada", "phone-001", "phone-002")
    found = it.device_store.devices_of(contact_id, app_id=app_id)
    assert [device.device_id for device in found] == ["phone-001", "phone-002"]


def test_an_anonymous_contact_is_known_on_its_device(it: Registrations) -> None:
    app_id = it.an_app()
    device = it.register(app_id, "phone-001")
    found = it.device_store.devices_of(device.contact_id, app_id=app_id)
    assert found == [device]


def test_a_shared_tablet_joins_nobody(it: Registrations) -> None:
    app_id = it.an_app()
    it.register(app_id, "tablet-01")
    ada = it.identify(app_id, "tablet-01", "ada").contact_id
    grace = it.identify(app_id, "tablet-01", "grace").contact_id
    assert it.origins.origins_of(grace, app_id=app_id) == [grace]
    assert it.device_store.devices_of(ada, app_id=app_id) == []


def test_logging_out_makes_the_device_anonymous_and_voids_its_tokens(it: Registrations) -> None:
    app_id = it.an_app()
    it.register(app_id, "phone-001")
    known = it.identify(app_id, "phone-001", "ada")
    left = it.contacts.log_out(app_id=app_id, device_id="phone-001")
    assert left.is_anonymous
    assert left.contact_id != known.contact_id
    assert left.epoch > known.epoch
    assert it.device_store.devices_of(known.contact_id, app_id=app_id) == []
    assert it.contacts.log_out(app_id=app_id, device_id="phone-001") == left


def test_tags_are_copied_to_every_device_of_the_contact(it: Registrations) -> None:
    app_id = it.an_app()
    contact_id = it.logged_in(app_id, "ada", "phone-001", "phone-002")
    it.contacts.update_contact(
        app_id=app_id,
        contact_id=contact_id,
        add_tags=frozenset({"vip", "beta"}),
        remove_tags=frozenset(),
        attributes={"plan": "gold"},
    )
    profile = it.contacts.update_contact(
        app_id=app_id,
        contact_id=contact_id,
        add_tags=frozenset(),
        remove_tags=frozenset({"beta"}),
        attributes={},
    )
    assert profile.tags == {"vip"}
    stored = it.contacts.get_profile(app_id=app_id, contact_id=contact_id)
    assert stored == profile
    assert [device.tags for device in stored.devices] == [{"vip"}, {"vip"}]


def test_an_anonymous_contact_can_be_tagged(it: Registrations) -> None:
    app_id = it.an_app()
    device = it.register(app_id, "phone-001")
    it.contacts.update_contact(
        app_id=app_id,
        contact_id=device.contact_id,
        add_tags=frozenset({"visitor"}),
        remove_tags=frozenset(),
        attributes={},
    )
    assert it.devices.get_device(app_id=app_id, device_id="phone-001").tags == {"visitor"}


def test_a_contact_has_at_most_fifty_devices(it: Registrations) -> None:
    app_id = it.an_app()
    for number in range(MOST_DEVICES):
        it.register(app_id, f"phone-{number:03d}")
        it.identify(app_id, f"phone-{number:03d}", "ada")
    it.register(app_id, "phone-999")
    with pytest.raises(TooManyDevicesError):
        it.identify(app_id, "phone-999", "ada")


def test_forty_eight_writers_end_with_the_newest_version_of_every_device(
    it: Registrations,
) -> None:
    app_id = it.an_app()
    devices, versions = 200, 5

    def write(turn: int) -> None:
        device, seq = turn % devices, turn // devices + 1
        # every second version moves the address, so that address rows race too
        state = replace(ANDROID, app_version=str(seq), address=fid(f"{device}-{seq // 2}"))
        it.register(app_id, f"phone-{device:03d}", state, seq=seq)

    with ThreadPoolExecutor(48) as pool:
        list(pool.map(write, range(devices * versions)))
    newest = [
        it.devices.get_device(app_id=app_id, device_id=f"phone-{number:03d}")
        for number in range(devices)
    ]
    assert [device.client_seq for device in newest] == [versions] * devices
    assert all(
        it.device_store.owner_of(fid(f"{number}-2"), app_id=app_id) == f"phone-{number:03d}"
        for number in range(devices)
    )
