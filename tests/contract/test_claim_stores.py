"""Every store of claims, real or fake, keeps these promises."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.coupons.errors import (
    CodeTakenError,
    CouponExhaustedError,
    PublicationNotFoundError,
)
from shared.coupons.events import CouponClaimed
from shared.coupons.model.claims import Claim, ClaimedBy, ClaimState
from shared.coupons.model.codes import Code, CodeKind
from shared.coupons.model.publications import Publication, Recipients, Tally
from shared.coupons.ports.claims import ClaimStore, PublicationStore
from shared.kernel.envelope import Envelope, seal
from shared.kernel.ids import Ids
from shared.kernel.paging import Page
from tests.capacity import metered
from tests.fakes.clock import ManualClock
from tests.fakes.coupon_claims import InMemoryClaimStore, InMemoryPublicationStore
from tests.tables import MakeTables

APP = "app_" + "0" * 26
AT = datetime(2026, 11, 23, 12, 0, 30, tzinfo=UTC)
IDS = Ids(clock=ManualClock(AT))
CLAIM = Claim(
    claim_id="clm_1",
    app_id=APP,
    coupon_id="cpn_1",
    contact_id="con_1",
    claimed_at=AT,
    by=ClaimedBy.DEVICE,
)
FULL = replace(
    CLAIM,
    device_id="dev_1",
    fingerprint="f" * 64,
    last_four="7QK2",
    expires_at=AT + timedelta(days=7),
    remind_at=AT + timedelta(days=6),
)
CODE = Code(
    app_id=APP,
    coupon_id="cpn_1",
    fingerprint="f" * 64,
    last_four="7QK2",
    kind=CodeKind.UNIQUE,
    created_at=AT,
)


@dataclass(frozen=True, kw_only=True)
class Kept:
    claims: ClaimStore
    publications: PublicationStore
    told: Callable[[], list[str]]

    def add(
        self, claim: Claim = CLAIM, first: int | None = None, code: Code | None = None
    ) -> Claim:
        return self.claims.add_claim(claim, event_of(claim), first=first, code=code)

    def find(self, claim: Claim = CLAIM) -> Claim | None:
        return self.claims.find_claim(claim.coupon_id, contact_id=claim.contact_id, app_id=APP)

    def due(self, minute: datetime) -> list[str]:
        return [one.claim_id for one in self.claims.due_in(APP, minute=minute)]


def event_of(claim: Claim) -> Envelope:
    event = CouponClaimed(
        app_id=APP,
        occurred_at=claim.claimed_at,
        coupon_id=claim.coupon_id,
        contact_id=claim.contact_id,
        claim_id=claim.claim_id,
        by=claim.by.value,
    )
    return seal(event, sequence=IDS.sequence())


def claim_of(number: int, **fields: Any) -> Claim:
    return replace(CLAIM, claim_id=f"clm_{number}", contact_id=f"con_{number}", **fields)


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> Kept:
    if request.param == "memory":
        claims = InMemoryClaimStore()
        return Kept(
            claims=claims,
            publications=InMemoryPublicationStore(),
            told=lambda: [event.type for event in claims.events],
        )
    return on_dynamodb(request)


def on_dynamodb(request: pytest.FixtureRequest) -> Kept:
    tables = request.getfixturevalue("tables")
    return kept_in(tables, request.getfixturevalue("dynamodb_client"))


def kept_in(tables: Mapping[str, str], client: Any) -> Kept:
    from shared.coupons.store.claims import (  # noqa: PLC0415 - needs the environment's tables
        DynamoClaimStore,
    )
    from shared.coupons.store.publications import DynamoPublicationStore  # noqa: PLC0415
    from shared.platform.dynamodb import Put, Row, bind  # noqa: PLC0415
    from shared.platform.ledger import Ledger  # noqa: PLC0415

    row = bind(Row, table=tables["coupons"])

    def put_code(code: Code) -> Put:
        kept = row(f"APP#{APP}#CODE#{code.fingerprint}", "C")
        return Put(row=kept, condition=row.pk.does_not_exist())

    def told() -> list[str]:
        rows = client.scan(TableName=tables["contact_events"])["Items"]
        return [one["type"]["S"] for one in rows]

    return Kept(
        claims=DynamoClaimStore(
            table=tables["coupons"],
            ledger=Ledger(table=tables["contact_events"]),
            put_code=put_code,
        ),
        publications=DynamoPublicationStore(table=tables["coupons"]),
        told=told,
    )


@pytest.mark.parametrize("claim", [CLAIM, FULL])
def test_a_claim_comes_back_as_it_was_stored(it: Kept, claim: Claim) -> None:
    assert it.add(claim) == claim
    assert it.find() == claim
    assert it.told() == ["coupon.claimed.v1"]
    assert it.claims.find_claim("cpn_1", contact_id="con_1", app_id="app_other") is None


def test_a_person_has_one_claim_of_a_coupon(it: Kept) -> None:
    first = it.add(first=5)
    assert it.add(replace(CLAIM, claim_id="clm_2"), first=5) == first
    assert it.told() == ["coupon.claimed.v1"]
    assert it.claims.granted("cpn_1", app_id=APP) == 1


def test_the_first_claims_are_granted_and_no_more(it: Kept) -> None:
    for number in range(20):
        it.add(claim_of(number), first=20)
    with pytest.raises(CouponExhaustedError):
        it.add(claim_of(20), first=20)
    assert it.claims.granted("cpn_1", app_id=APP) == 20
    assert it.add(claim_of(3, state=ClaimState.USED), first=20) == claim_of(3)


def test_more_claims_are_granted_when_the_bound_is_raised(it: Kept) -> None:
    for number in range(3):
        it.add(claim_of(number), first=3)
    for number in range(3, 40):
        it.add(claim_of(number), first=40)
    with pytest.raises(CouponExhaustedError):
        it.add(claim_of(40), first=40)
    assert it.add(claim_of(41), first=None) == claim_of(41)
    assert it.claims.granted("cpn_1", app_id=APP) == 40


def test_a_claim_brings_its_code_or_nothing(it: Kept) -> None:
    it.add(FULL, first=2, code=CODE)
    with pytest.raises(CodeTakenError):
        it.add(claim_of(2), first=2, code=CODE)
    assert it.find(claim_of(2)) is None
    assert it.claims.granted("cpn_1", app_id=APP) == 1


def test_a_persons_claims_are_listed_page_by_page(it: Kept) -> None:
    for number in (3, 1, 2):
        it.add(replace(CLAIM, coupon_id=f"cpn_{number}", claim_id=f"clm_{number}"))
    it.add(claim_of(9))
    page = it.claims.claims_of("con_1", app_id=APP, limit=2, cursor=None)
    assert [one.coupon_id for one in page.items] == ["cpn_1", "cpn_2"]
    rest = it.claims.claims_of("con_1", app_id=APP, limit=2, cursor=page.next_cursor)
    assert [one.coupon_id for one in rest.items] == ["cpn_3"]
    assert rest.next_cursor is None


def test_of_two_changes_of_one_version_one_is_refused(it: Kept) -> None:
    it.add()
    used = CLAIM.moved_to(ClaimState.USED)
    assert it.claims.replace_claim(used, None, before=CLAIM)
    assert not it.claims.replace_claim(CLAIM.moved_to(ClaimState.EXPIRED), None, before=CLAIM)
    assert it.find() == used


def test_a_claim_is_due_in_its_minute_until_it_is_done(it: Kept) -> None:
    assert it.claims.done_until(APP) is None
    it.add(FULL)
    assert it.claims.done_until(APP) == AT.replace(second=0)
    remind, end = AT + timedelta(days=6), AT + timedelta(days=7)
    assert (it.due(remind), it.due(end)) == (["clm_1"], [])
    reminded = FULL.reminded()
    assert it.claims.replace_claim(reminded, None, before=FULL)
    assert (it.due(remind), it.due(end)) == ([], ["clm_1"])
    it.claims.drop_due(reminded)
    it.claims.drop_due(reminded)
    assert it.due(end) == []


def test_a_claim_stays_due_in_a_minute_that_it_does_not_leave(it: Kept) -> None:
    close = replace(FULL, remind_at=AT, expires_at=AT + timedelta(seconds=20))
    it.add(close)
    assert it.claims.replace_claim(close.reminded(), None, before=close)
    assert it.due(AT) == ["clm_1"]


def test_a_claim_moves_with_all_that_is_due_unless_its_taker_has_one(it: Kept) -> None:
    it.add(FULL)
    assert FULL.remind_at is not None
    assert it.claims.move_claim(FULL, to="con_2")
    assert it.find() is None
    moved = it.claims.find_claim("cpn_1", contact_id="con_2", app_id=APP)
    assert moved == replace(FULL, contact_id="con_2", origin="con_1", version=2)
    assert it.due(FULL.remind_at) == ["clm_1"]
    assert not it.claims.move_claim(FULL, to="con_3")
    second = it.add(replace(CLAIM, claim_id="clm_9"))
    assert not it.claims.move_claim(moved, to="con_1")
    assert it.find() == second
    assert it.claims.find_claim("cpn_1", contact_id="con_2", app_id=APP) == moved


def test_what_is_done_never_goes_back(it: Kept) -> None:
    it.add(FULL)
    later = AT.replace(second=0) + timedelta(hours=2)
    it.claims.mark_done(APP, until=later)
    it.claims.mark_done(APP, until=later - timedelta(hours=1))
    assert it.claims.done_until(APP) == later


def test_a_publication_comes_back_as_it_was_stored(it: Kept) -> None:
    first = Publication(
        publication_id="pub_1",
        app_id=APP,
        coupon_id="cpn_1",
        source_id="spring",
        recipients=Recipients(contacts=("con_1",), devices=("dev_1",), segment_id="seg_1"),
        by="ada",
        created_at=AT.replace(microsecond=123_000),
    )
    assert it.publications.add_publication(first) == first
    assert it.publications.add_publication(replace(first, by="ben")) == first
    after = first.advanced(Tally(given=2, known=1, refused=3), after="9")
    assert it.publications.replace_publication(after, before=first)
    assert not it.publications.replace_publication(after, before=first)
    assert it.publications.get_publication("pub_1", app_id=APP) == after
    with pytest.raises(PublicationNotFoundError):
        it.publications.get_publication("pub_1", app_id="app_other")
    others = replace(first, publication_id="pub_2", coupon_id="cpn_2")
    later = replace(first, publication_id="pub_3", created_at=AT + timedelta(seconds=1))
    for one in (others, later):
        it.publications.add_publication(one)

    def listed(limit: int, cursor: str | None) -> Page[Publication]:
        return it.publications.list_publications("cpn_1", app_id=APP, limit=limit, cursor=cursor)

    page = listed(1, None)
    assert page.items == [later]
    assert listed(1, page.next_cursor) == Page(items=[after])
    assert listed(2, None) == Page(items=[later, after])


@pytest.mark.parametrize("it", ["dynamodb"], indirect=True)
def test_the_first_claims_are_granted_exactly_under_a_race(it: Kept) -> None:
    first, people = 50, 150

    def take(number: int) -> bool:
        try:
            it.add(claim_of(number % people), first=first)
        except CouponExhaustedError:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        granted = sum(pool.map(take, range(people)))
    assert granted == first
    assert it.claims.granted("cpn_1", app_id=APP) == first
    assert len(it.told()) == first
    there = [number for number in range(people) if it.find(claim_of(number))]
    assert len(there) == first


@pytest.mark.parametrize(
    ("claim", "first", "units"),
    [(CLAIM, None, 4), (CLAIM, 100, 6), (FULL, None, 6), (FULL, 100, 8)],
)
def test_a_claim_takes_two_units_for_each_thing_that_it_writes(
    aws: None,
    make_tables: MakeTables,
    dynamodb_client: Any,
    claim: Claim,
    first: int | None,
    units: int,
) -> None:
    it = kept_in(make_tables(indexed=False), dynamodb_client)
    it.add(replace(FULL, contact_id="con_0"))  # the app's mark is set once
    with metered() as meter:
        it.add(claim, first=first)
    assert meter.writes == units


def test_a_claim_that_is_removed_is_neither_found_nor_due(it: Kept) -> None:
    it.add(FULL)
    for _ in range(2):
        it.claims.remove_claim(FULL)
        assert it.find(FULL) is None
        assert it.due(AT + timedelta(days=6)) == []
