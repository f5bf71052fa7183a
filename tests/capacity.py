"""What each operation may take of DynamoDB, in its own units, and a meter.

Single writes and reads are as DynamoDB Local reports them. Of a transaction it reports four units a
table, however many items (1.25.1), and of a batch of statements nothing, so these are counted by
the documented rule: for each item and each 1 kB begun two units in a transaction, and one for a
statement, whether or not it is refused. Items are of at most 1 kB, as the design counts them. An
index entry is one unit more, and not counted.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from functions.send_push.wiring import PolicyPermission
from shared.contact_events.store import DynamoEventStore, DynamoForeignEventStore
from shared.contact_policy.model.standing import ConsentKey, Whereabouts
from shared.contact_policy.model.told import SENT
from shared.contact_policy.service.decisions import Request
from shared.contact_policy.store import DynamoDeferralStore, DynamoPersonStore, DynamoPolicyStore
from shared.coupons.model.guesses import Guesser
from shared.coupons.model.limits import Limit, Subject
from shared.coupons.model.redemptions import Redemption
from shared.coupons.service.guesses import Guess
from shared.kernel.addresses import Address, AddressKind
from shared.kernel.decisions import Candidate
from shared.kernel.envelope import Envelope
from shared.kernel.events import Channel, Purpose
from shared.placements.model.ad_state import Known
from shared.placements.model.demand import Kind
from shared.placements.model.leases import Lease
from shared.platform import dynamodb
from shared.platform.ledger import Ledger
from shared.push.model import Chunk, Receipt, ReceiptKind, Recipient
from shared.push.model.planning import LARGEST_CHUNK
from shared.push.service.quota import Governor
from shared.push.store import DynamoChunkStore, DynamoTemplateStore
from shared.push.store.chunks import ChunkRows
from shared.push.store.quota import DynamoQuotaStore
from shared.registrations.model.apps import Platform
from shared.registrations.model.audience import AUDIENCE_SHARDS, Audience, shard_of
from shared.registrations.model.devices import DeviceState
from shared.registrations.store import (
    DynamoAppStore,
    DynamoAudienceStore,
    DynamoContactStore,
    DynamoDeviceStore,
    DynamoErasureStore,
    DynamoKeyStore,
    DynamoSegmentStore,
    DynamoSystemStore,
)
from tests.contract.ad_people import ADA as ADA_WATCHES
from tests.contract.ad_people import APP as OF_ADS
from tests.contract.ad_people import AdPeople, seen
from tests.contract.ad_people import on_table as ad_people_on
from tests.contract.booking_ads import Office
from tests.contract.coupon_codes import APP as OF_CODES
from tests.contract.coupon_codes import Codes
from tests.contract.coupon_codes import on_dynamodb as codes_on
from tests.contract.policy import PolicyServices, a_candidate, statement
from tests.contract.policy import assemble as assemble_policy
from tests.contract.redeeming import ADA, BASKET, CouponServices, a_coupon
from tests.contract.redeeming import on_tables as coupons_on_tables
from tests.contract.test_audience_stores import AGREED, ORDER, Audiences
from tests.contract.test_audience_stores import assemble as assemble_audiences
from tests.contract.test_chunk_stores import APP, Push
from tests.contract.test_chunk_stores import assemble as assemble_push
from tests.contract.test_lease_stores import GRACE, Leases
from tests.contract.test_lease_stores import on_table as leases_on
from tests.contract.test_records import CUSTOMER, EMAIL, VISITOR, Records
from tests.contract.test_records import assemble as assemble_records
from tests.contract.test_registration_stores import assemble as assemble_registrations
from tests.contract.test_segment_stores import Segments
from tests.contract.test_segment_stores import assemble as assemble_segments
from tests.contract.test_template_stores import Templates
from tests.contract.test_template_stores import assemble as assemble_templates
from tests.fakes.campaigns_sent import a_chunk
from tests.fakes.clock import NOON
from tests.fakes.told import an_event
from tests.tables import MakeTables

PHONE = DeviceState(
    platform=Platform.ANDROID,
    address=Address(kind=AddressKind.FID, value="c" * 22),
    locale="de-CH",
    timezone="Europe/Zurich",
    app_version="1.2.3",
    os_version="16",
    model="Phone 9",
)
MOVED = replace(PHONE, address=Address(kind=AddressKind.FID, value="d" * 22))


class Meter:
    """Adds up the units of what goes by, and counts the requests that read."""

    def __init__(self) -> None:
        self.writes = self.reads = 0.0
        self.requests_to_read = 0

    def ask(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        params["ReturnConsumedCapacity"] = "TOTAL"
        if model.name == "TransactWriteItems":
            self.writes += sum(2 * _kilobytes(item) for item in params["TransactItems"])
        if model.name == "BatchExecuteStatement":
            self.writes += sum(_kilobytes_of_statement(one) for one in params["Statements"])

    def note(self, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        consumed = parsed.get("ConsumedCapacity", ())
        self.requests_to_read += model.name in {"BatchGetItem", "GetItem", "Query"}
        if model.name in {"PutItem", "UpdateItem", "DeleteItem"}:
            self.writes += consumed["CapacityUnits"]
        elif model.name == "BatchGetItem":
            self.reads += sum(one["CapacityUnits"] for one in consumed)
        elif model.name in {"GetItem", "Query"}:
            self.reads += consumed["CapacityUnits"]


def _kilobytes(write: dict[str, Any]) -> int:
    """Return the units of 1 kB of a write; of an update and a delete, whose item is not sent, one.

    An item is as large as the names and values of its attributes in UTF-8 (AWS: CapacityUnit
    calculations); a number takes less than its digits.
    """
    item = write["Put"]["Item"] if "Put" in write else {}
    return _units_of("".join(item), item.values())


def _kilobytes_of_statement(statement: dict[str, Any]) -> int:
    """Return the units of 1 kB of a statement: its parameters are the item, and it names them."""
    names = re.findall(r"""["'](\w+)["'](?:: | = )\?""", statement["Statement"])
    return _units_of("".join(names), statement["Parameters"])


def _units_of(names: str, values: Iterable[dict[str, Any]]) -> int:
    plain = (next(iter(value.values())) for value in values)
    size = len(names.encode()) + sum(
        len(one if isinstance(one, bytes) else str(one).encode()) for one in plain
    )
    return max(1, -(-size // 1024))


@contextmanager
def metered() -> Iterator[Meter]:
    """Count the units of what the stores do within."""
    meter, events = Meter(), dynamodb.connection().client.meta.events
    events.register("before-parameter-build.dynamodb", meter.ask)
    events.register("after-call.dynamodb", meter.note)
    try:
        yield meter
    finally:
        events.unregister("before-parameter-build.dynamodb", meter.ask)
        events.unregister("after-call.dynamodb", meter.note)


@dataclass(frozen=True, slots=True)
class Deployed:
    """The services over one set of tables."""

    push: Push
    records: Records
    policy: PolicyServices
    templates: Templates
    segments: Segments
    audiences: Audiences
    chunk_rows: ChunkRows
    codes: Codes
    coupons: CouponServices
    leases: Leases
    ad_people: AdPeople
    ads: Office


class OneProject:
    """All apps share a Firebase project."""

    def project_of(self, app_id: str) -> str:
        return "project"


def deployed_for(operation: "Operation", make_tables: MakeTables) -> Deployed:
    """Make the tables that an operation is measured on, and the services over them."""
    names = make_tables(indexed=operation.indexed)
    ledger = Ledger(table=names["contact_events"])
    registrations = assemble_registrations(
        DynamoAppStore(table=names["registrations"], ledger=ledger),
        DynamoDeviceStore(table=names["registrations"], ledger=ledger),
        DynamoContactStore(table=names["registrations"], ledger=ledger),
        DynamoErasureStore(table=names["registrations"], ledger=ledger),
        DynamoKeyStore(table=names["registrations"]),
        DynamoSystemStore(table=names["registrations"], ledger=ledger),
        told=list,
    )
    store = DynamoChunkStore(table=names["push"], ledger_table=names["contact_events"])
    policy = assemble_policy(
        DynamoPolicyStore(table=names["contact_policy"], ledger=ledger),
        DynamoPersonStore(table=names["contact_policy"], ledger=ledger),
        DynamoDeferralStore(table=names["contact_policy"], ledger=ledger),
        told=list,
    )
    permission = PolicyPermission(decisions=policy.decisions, deferrals=policy.deferrals)
    return Deployed(
        push=assemble_push(
            registrations,
            store,
            told=list,
            permission=permission,
            quota=Governor(
                store=DynamoQuotaStore(table=names["push"]),
                projects=OneProject(),
                clock=registrations.clock,
            ),
        ),
        chunk_rows=ChunkRows(table=names["push"]),
        codes=codes_on(names),
        coupons=coupons_on_tables(names),
        leases=leases_on(names["placements"]),
        ad_people=ad_people_on(names["placements"]),
        ads=Office(names),
        records=assemble_records(
            registrations,
            DynamoEventStore(table=names["contact_events"]),
            DynamoForeignEventStore(table=names["contact_events"]),
        ),
        policy=policy,
        templates=assemble_templates(
            DynamoTemplateStore(table=names["push"], ledger=ledger), told=list
        ),
        segments=assemble_segments(
            registrations.app_store,
            DynamoSegmentStore(table=names["registrations"], ledger=ledger),
            told=list,
        ),
        audiences=assemble_audiences(
            registrations, DynamoAudienceStore(table=names["registrations"])
        ),
    )


@dataclass(frozen=True, slots=True)
class Operation:
    """What is done, after what, and how many units of writing and reading it may take.

    The design names the writes of a first registration, of an unchanged refresh, of an event of
    our own and of a foreign one; the others are pinned as they were measured, so that a change is
    seen and weighed.
    ``indexed`` is for those that read an index. They may write in transactions only: of these the
    meter counts no index entry, of single writes the engine would.
    """

    writes: float
    reads: float
    prepare: Callable[[Deployed], Any]
    run: Callable[[Deployed, Any], Any]
    indexed: bool = False


def _register(it: Deployed, *, state: DeviceState = PHONE, seq: int = 1) -> Any:
    return it.push.registrations.register(APP, "phone-001", state, seq=seq)


def _ten_queued(it: Deployed) -> Any:
    names = [f"phone-{number:03d}" for number in range(10)]
    for name in names:
        it.push.a_phone(name)
    return it.push.send(*names)


def _whole_chunk(it: Deployed) -> Chunk:
    it.policy.policies.put_policy(APP, {}, version=None, by="ada")
    recipients = [
        Recipient(device_id=name, contact_id=it.push.a_phone(name), variant="a")
        for name in (f"phone-{number:03d}" for number in range(LARGEST_CHUNK))
    ]
    planned = a_chunk(APP, recipients)
    chunk = replace(planned, terms=replace(planned.terms, holdout_percent=0))
    dynamodb.commit(it.chunk_rows.writes_of_new_chunk(chunk))
    return chunk


def _work_on(it: Deployed, chunk: Chunk) -> None:
    it.push.sender.work(chunk.chunk_id, app_id=APP, holder="sender")


def _sent(it: Deployed) -> Receipt:
    it.push.a_phone("phone-001")
    accepted = it.push.send("phone-001")
    it.push.work(accepted)
    message_id = accepted.chunk.message_id(0)
    return Receipt(message_id=message_id, kind=ReceiptKind.OPENED, at=it.push.clock())


def _nothing(_: Deployed) -> None:
    """Prepare nothing."""


def _identify(it: Deployed, _: Any) -> Any:
    return it.push.registrations.identify(APP, "phone-001", "ada")


def _known(it: Deployed) -> Any:
    return it.records.record("1", CUSTOMER, EMAIL)


def _logged_in(it: Deployed) -> Any:
    it.records.record("1", VISITOR)
    return it.records.record("2", VISITOR, CUSTOMER, EMAIL)


WHOLE_CHUNK = "a whole chunk of a campaign sent"

CHUNK_OVERHEAD = 27
"""Units that a whole chunk takes beside its messages': a lease, a block of the quota, and of each
slice a mark, then the states and the books' line in one transaction."""

FULL_ID = "0" * 26
"""An id as long as real ones, since keys are a part of what an item weighs."""

OF_POLICY = f"app_{FULL_ID}"

GUESSER = Guesser(
    app_id=OF_CODES, device_id="phone-001", contact_id=f"con_{FULL_ID}", address="192.0.2.1"
)


def _asked(number: int = 0, app_id: str = OF_POLICY) -> Candidate:
    return a_candidate(f"con_{number:026d}", app_id=app_id)


def _known_person(it: PolicyServices) -> None:
    """Have somebody say this and that, and be told 19 things."""
    it.policies.put_policy(OF_POLICY, {}, version=None, by="ada")
    it.rules.rules_of(OF_POLICY)
    contact_id = _asked().contact_id
    for key in (ConsentKey(Purpose.MARKETING, channel) for channel in Channel):
        it.consents.give(replace(statement(contact_id, key), app_id=OF_POLICY))
    zones = Whereabouts(device_zones={"phone-001": "Europe/Zurich"})
    it.whereabouts.note(contact_id, zones, app_id=OF_POLICY)
    for _ in range(19):
        it.decisions.reserve(_asked())


def _ten_people(it: PolicyServices) -> list[Request]:
    _known_person(it)
    requests = [Request(candidate=_asked(number)) for number in range(10)]
    zones = Whereabouts(device_zones={"phone-001": "Europe/Zurich"})
    for request in requests:
        it.whereabouts.note(request.candidate.contact_id, zones, app_id=OF_POLICY)
    it.decisions.reserve_many(requests)
    return requests


def _held(it: PolicyServices) -> str:
    _known_person(it)
    _, reservation = it.decisions.reserve(_asked(), hold=timedelta(hours=1))
    assert reservation is not None
    return reservation.reservation_id


def _consented(it: PolicyServices) -> Any:
    return it.consents.give(replace(statement(_asked().contact_id), app_id=OF_POLICY))


def _sent_elsewhere() -> Envelope:
    return an_event(SENT, contact_id=_asked().contact_id, app_id=OF_POLICY, channel="sms")


KNOWN = Audience(
    consents=AGREED,
    attributes={"plan": "gold", "city": "Zürich", "since": 2019},
    happened={ORDER: (NOON, NOON - timedelta(days=3))},
)
"""What is copied of a person of whom a usual amount is known."""


def _a_hundred_devices(it: Deployed) -> None:
    """Register devices of one shard, and copy to each what is known of its person."""
    names = [f"{number:032x}" for number in range(100 * AUDIENCE_SHARDS * 2)]
    for name in [one for one in names if shard_of(one) == 0][:100]:
        address = Address(kind=AddressKind.FID, value=name[-22:])
        state = replace(PHONE, address=address, attributes={"theme": "dark", "visits": 17})
        device = it.audiences.registrations.register(it.audiences.app_id, name, state)
        it.audiences.store.put_audience(device, KNOWN)


def _asks_for_orders(it: Deployed) -> str:
    return it.audiences.registrations.logged_in(it.audiences.app_id, "ada", "phone-001")


def _guess(it: Deployed, letters: str) -> Guess:
    return it.codes.throttle.begin(letters, GUESSER)


def _missed_before(it: Deployed) -> None:
    it.codes.throttle.miss(_guess(it, "NOSUCHCODE"))


def _typed(it: Deployed) -> None:
    it.codes.service.add_generic("SUMMER10", coupon_id="cpn_1", app_id=OF_CODES)
    _missed_before(it)


def _looked_up(it: Deployed) -> None:
    _guess(it, "SUMMER10")
    it.codes.service.find("SUMMER10", app_id=OF_CODES)


def _on_the_air(it: Deployed) -> Lease:
    """Give an ad of an exact flight, so that its counter is there, and known to the process."""
    lease = it.leases.draw()
    assert lease is not None
    return lease


def _marked(it: Deployed) -> None:
    """Give an ad that is not shown, and let its token run out."""
    _on_the_air(it)
    it.leases.sweep()
    it.leases.clock.advance(GRACE)


def _watcher(it: Deployed) -> None:
    """Show a person so many ads that their state fills what it may."""
    promises = [seen(f"{number:026}-1", NOON, ad_id=f"ad_{number}") for number in range(40)]
    before = it.ad_people.state()
    known = Known(device_epochs={"dev_1": 0})
    state = before.told(known, at=NOON).promised(promises)
    assert it.ad_people.states.replace(state, before=before)


def _looked_at(it: Deployed) -> None:
    it.ad_people.service.current(
        ADA_WATCHES, device_id="dev_1", app_id=OF_ADS, policy_version=0, at=NOON
    )


def _snapshot_of_slots(it: Deployed) -> None:
    """Book five placements, and compile them."""
    for number in range(5):
        it.ads.book(Kind.PLACEMENT, name=f"slot-{number}")
    it.ads.compiled()


def _coupon_of_a_thousand(it: Deployed) -> None:
    """Offer a coupon with a limit of its own and one of each person; its window is open."""
    total = Limit(limit_id="lim_total", subject=Subject.COUPON, uses=1_000)
    each = Limit(limit_id="lim_each", subject=Subject.CONTACT, uses=3)
    it.coupons.has(a_coupon(total, each, coupon_id=f"cpn_{FULL_ID}"))
    _redeem(it, 1)


def _coupon_of_money(it: Deployed) -> None:
    """Offer a coupon with a budget; its window is open."""
    money = Limit(limit_id="lim_money", subject=Subject.COUPON, amount=1_000_000)
    it.coupons.has(a_coupon(money, coupon_id=f"cpn_{FULL_ID}"))
    _redeem(it, 1)


def _redeem(it: Deployed, number: int) -> Redemption:
    return it.coupons.redeem(number, ADA, basket=USUAL_BASKET, fingerprint="0" * 64)


def _held_use(it: Deployed) -> None:
    _coupon_of_a_thousand(it)
    it.coupons.reserve(2, ADA, basket=USUAL_BASKET, fingerprint="0" * 64)


USUAL_BASKET = replace(
    BASKET,
    lines=tuple(
        replace(
            BASKET.lines[0], line_id=f"{number}", product_id=f"SKU-{number:08}", quantity=number
        )
        for number in range(1, 6)
    ),
)
"""Five lines, as an order usually has at most."""


def _on_policy(prepare: Callable[[PolicyServices], Any]) -> Callable[[Deployed], Any]:
    return lambda it: prepare(it.policy)


OPERATIONS: Mapping[str, Operation] = {
    # The device, its address' owner and the event, in one transaction.
    "first registration": Operation(6, 2.5, _nothing, lambda it, _: _register(it)),
    "unchanged refresh": Operation(1, 1, _register, lambda it, _: _register(it, seq=2)),
    # As the first one, and the old address is freed.
    "changed address": Operation(8, 2, _register, lambda it, _: _register(it, state=MOVED, seq=2)),
    "what arrives late": Operation(
        0, 1, lambda it: _register(it, seq=2), lambda it, _: _register(it)
    ),
    # Device, contact, identifier and event; the edge and a mark at both of its ends.
    "log in": Operation(16, 6.5, _register, _identify, indexed=True),
    # The chunk, its recipients and its event, in one transaction.
    "one push queued": Operation(
        6, 1, lambda it: it.push.a_phone("phone-001"), lambda it, _: it.push.send("phone-001")
    ),
    # Each message's reservation and ledger row; the chunk's item for its lease, its mark and its
    # states; a block of the quota, which is good for 500. The engine charges nothing for people of
    # whom nothing is kept yet; AWS charges two units for each.
    "ten pushes sent": Operation(
        10 + 10 + 3 + 1, 15, _ten_queued, lambda it, accepted: it.push.work(accepted)
    ),
    # As before, in five slices: of each a mark, and the states with the chunk's line in the books,
    # in one transaction. Each device is read; of people of whom nothing is kept see above.
    WHOLE_CHUNK: Operation(
        2 * LARGEST_CHUNK + CHUNK_OVERHEAD, LARGEST_CHUNK + 10, _whole_chunk, _work_on
    ),
    # The chunk and its recipients are read.
    "one receipt": Operation(
        1,
        2,
        _sent,
        lambda it, receipt: it.push.messages.hear([receipt], app_id=APP, device_id="phone-001"),
    ),
    # The template, its name and the event, in one transaction.
    "a template created": Operation(6, 0, _nothing, lambda it, _: it.templates.create()),
    # The segment, its version, its name and the event, in one transaction.
    "a segment created": Operation(8, 0.5, _nothing, lambda it, _: it.segments.create()),
    # Half a unit for each 4 kB: a device's row has 685 bytes here, 162 of them are of its person.
    "a page of a hundred devices of an audience": Operation(
        0,
        8.5,
        _a_hundred_devices,
        lambda it, _: it.audiences.audience.page(it.audiences.app_id, 0, limit=1000),
    ),
    "what is known of a person copied to a device": Operation(
        1,
        0,
        _register,
        lambda it, device: it.audiences.store.put_audience(device, KNOWN),
    ),
    # The last happenings, and a check that nobody erases the person. The engine charges nothing for
    # happenings that are not there yet; AWS charges a unit.
    "an event that a segment asks for": Operation(
        4,
        1,
        _asks_for_orders,
        lambda it, contact_id: it.audiences.note(contact_id, 1),
        indexed=True,
    ),
    # Its guard and its event, in one transaction; each identifier is read.
    "foreign event": Operation(4, 2, _known, lambda it, _: it.records.record("2", CUSTOMER, EMAIL)),
    # As before, and whether two contacts are one person.
    "foreign event of a visitor who logged in": Operation(
        4, 5, _logged_in, lambda it, _: it.records.record("3", VISITOR, CUSTOMER, EMAIL)
    ),
    # Both items of a person by one query, and one put: the twentieth touch of one who spoke of all
    # channels. What is sent then writes nothing more.
    "a decision with reservation": Operation(
        1, 1, _on_policy(_known_person), lambda it, _: it.policy.decisions.reserve(_asked())
    ),
    "a decision": Operation(
        0, 1, _on_policy(_known_person), lambda it, _: it.policy.decisions.decide(_asked())
    ),
    # In a batch every item is a unit.
    "ten people reserved at once": Operation(
        10,
        20,
        _on_policy(_ten_people),
        lambda it, requests: it.policy.decisions.reserve_many(requests),
    ),
    "a reservation committed": Operation(
        1, 1, _on_policy(_held), lambda it, held: it.policy.decisions.commit(held, app_id=OF_POLICY)
    ),
    # What another system sent is counted as what is reserved is.
    "a touch of another system": Operation(
        1, 1, _on_policy(_known_person), lambda it, _: it.policy.effects.apply(_sent_elsewhere())
    ),
    # Each code is a put of its own; beside them the job's lease, its two steps, a sheet of 20 kB,
    # and its end with an event in one transaction.
    "five hundred codes made": Operation(
        500 + 3 + 20 + 4, 6, lambda it: it.codes.ordered(500), lambda it, job: it.codes.work(job)
    ),
    # The code, and half a unit for each bucket that has had a miss.
    "a right code": Operation(0, 2.5, _typed, lambda it, _: _looked_up(it)),
    # A unit for each bucket: device, contact, address and the code's beginning.
    "a wrong code": Operation(
        4, 2, _missed_before, lambda it, _: it.codes.throttle.miss(_guess(it, "NOSUCHCODE"))
    ),
    # The person's noted uses and the ticket, each alone; the redemption, the ticket's slot and the
    # event in one transaction. Read are the redemption, which is not there, the noted uses, and,
    # before and after, whether they moved to another contact.
    "a coupon redeemed": Operation(8, 4, _coupon_of_a_thousand, lambda it, _: _redeem(it, 2)),
    # The redemption, the event, the budget's counter and the note of who drew, in one transaction.
    "a coupon redeemed from a budget": Operation(
        8, 1, _coupon_of_money, lambda it, _: _redeem(it, 2)
    ),
    # The redemption and the event, in one transaction.
    "a held coupon committed": Operation(4, 1, _held_use, lambda it, _: it.coupons.commit(2)),
    # As before, and the slot and the counter; then the noted uses.
    "a held coupon released": Operation(9, 4, _held_use, lambda it, _: it.coupons.release(2)),
    # What an exact flight writes for a decision; both bounds lie in its counter.
    "an ad of an exact flight given": Operation(1, 0, _on_the_air, lambda it, _: it.leases.draw()),
    # The slot alone; with the event it is a transaction, of two units each.
    "an ad of an exact flight shown": Operation(
        1, 0, _on_the_air, lambda it, lease: it.leases.show(lease, "token")
    ),
    # The tombstone, the counter and a check of the budget in one transaction, and the mark. Read
    # are the budget twice, the counter, the mark and a block of slots, which is empty.
    "an ad that was never shown taken back": Operation(
        7, 4, _marked, lambda it, _: it.leases.sweep()
    ),
    # The thing and its event, in one transaction; what it names is read.
    "an ad campaign booked": Operation(
        4,
        1,
        lambda it: it.ads.book(Kind.ADVERTISER),
        lambda it, advertiser: it.ads.book(Kind.AD_CAMPAIGN, advertiser_id=advertiser),
    ),
    # As before, and its name.
    "a placement booked": Operation(6, 0, _nothing, lambda it, _: it.ads.book(Kind.PLACEMENT)),
    # Half a unit: what each process looks at every ten seconds.
    "a look for a newer snapshot": Operation(
        0, 0.5, _snapshot_of_slots, lambda it, _: it.ads.look()
    ),
    # The pointer is read as it is now, and so is all that is booked: a unit for each 4 kB.
    "a snapshot compiled": Operation(1, 2, _snapshot_of_slots, lambda it, _: it.ads.compiled()),
    # Half a unit: an item of at most 4 kB, eventually consistent.
    "an ad decision in lazy mode": Operation(0, 0.5, _watcher, lambda it, _: _looked_at(it)),
    # As before, and one write for all placements: a unit for each kilobyte of the state, which has
    # forty ads here.
    "an ad decision under a strict cap": Operation(
        3, 0.5, _watcher, lambda it, _: it.ad_people.asks("token", cap=99)
    ),
    # What was said, the proof, and the event, in one transaction.
    "a consent given": Operation(
        6, 1, _on_policy(_known_person), lambda it, _: _consented(it.policy)
    ),
}
"""Every operation that exists; a later domain adds its own here, for the test and the benchmark."""
