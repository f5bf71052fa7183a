"""Claiming a coupon, giving it away, being reminded of it, and its end."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.coupons.errors import (
    ClaimContendedError,
    ClaimRefusedError,
    CouponNotFoundError,
    PublicationSourceReusedError,
)
from shared.coupons.model.claims import SHARDS, Claim, ClaimedBy, ClaimState, share_of
from shared.coupons.model.coupons import CouponState
from shared.coupons.model.publications import SLICE, PublicationState, Recipients, Tally
from shared.coupons.model.rules import Circumstances, Reason
from shared.coupons.service.claims import ClaimService
from shared.coupons.service.publishing import PublishingService
from shared.coupons.service.reminders import ReminderService
from shared.kernel.errors import InvalidFieldsError
from shared.kernel.ids import Ids
from tests.fakes.clock import ManualClock
from tests.fakes.coupon_claims import (
    InMemoryClaimStore,
    InMemoryPublicationStore,
    KnownPeople,
    ListedSegments,
    NotedPublications,
    NotedReminders,
    NumberedCodes,
)
from tests.fakes.coupons import InMemoryCouponStore
from tests.unit.coupons.definitions import APP, coupon

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FREE = {"enabled": True}


@dataclass(kw_only=True)
class Shop:
    coupons: InMemoryCouponStore = field(default_factory=InMemoryCouponStore)
    claims: InMemoryClaimStore = field(default_factory=InMemoryClaimStore)
    publications: InMemoryPublicationStore = field(default_factory=InMemoryPublicationStore)
    codes: NumberedCodes = field(default_factory=NumberedCodes)
    people: KnownPeople = field(default_factory=KnownPeople)
    segments: ListedSegments = field(default_factory=ListedSegments)
    queue: NotedPublications = field(default_factory=NotedPublications)
    reminders: NotedReminders = field(default_factory=NotedReminders)
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW))

    def __post_init__(self) -> None:
        ids = Ids(clock=self.clock)
        self.service = ClaimService(
            coupons=self.coupons,
            claims=self.claims,
            codes=self.codes,
            people=self.people,
            clock=self.clock,
            ids=ids,
        )
        self.publishing = PublishingService(
            coupons=self.coupons,
            publications=self.publications,
            claims=self.service,
            people=self.people,
            segments=self.segments,
            queue=self.queue,
            clock=self.clock,
        )
        self.sweeper = ReminderService(
            coupons=self.coupons,
            claims=self.claims,
            reminders=self.reminders,
            clock=self.clock,
            ids=ids,
        )

    def offer(self, state: CouponState = CouponState.ACTIVE, **fields: Any) -> None:
        made = replace(coupon(**{"claims": FREE, **fields}), state=state)
        self.coupons.kept[APP, made.coupon_id] = made

    def claim(self, contact_id: str = "con_1", by: ClaimedBy = ClaimedBy.DEVICE) -> Claim:
        return self.service.claim(
            "cpn_1", app_id=APP, contact_id=contact_id, device_id="dev_1", by=by
        )[0]

    def kept(self, contact_id: str = "con_1") -> Claim:
        return self.claims.kept[APP, contact_id, "cpn_1"]

    def publish(self, source_id: str = "spring", **recipients: Any) -> str:
        publication = self.publishing.publish(
            "cpn_1", Recipients(**recipients), source_id=source_id, app_id=APP, by="ada"
        )
        return publication.publication_id

    def run(self, publication_id: str) -> Tally:
        while True:
            after = self.publishing.advance(publication_id, app_id=APP)
            if after.state is PublicationState.DONE:
                return after.tally

    def told(self) -> list[str]:
        return [event.type for event in self.claims.events]


@pytest.fixture
def it() -> Shop:
    return Shop()


def refusal(it: Shop, contact_id: str = "con_1", by: ClaimedBy = ClaimedBy.DEVICE) -> str:
    with pytest.raises(ClaimRefusedError) as refused:
        it.claim(contact_id, by)
    return refused.value.fields[0].code


def test_a_claim_puts_the_coupon_into_a_persons_hands_once(it: Shop) -> None:
    it.offer()
    claim = it.claim()
    assert (claim.contact_id, claim.device_id, claim.claimed_at) == ("con_1", "dev_1", NOW)
    assert claim.state is ClaimState.HELD
    assert it.service.claim(
        "cpn_1", app_id=APP, contact_id="con_1", device_id="dev_2", by=ClaimedBy.CONTACT
    ) == (claim, True)
    assert it.told() == ["coupon.claimed.v1"]
    assert list(it.service.claims_of("con_1", app_id=APP, limit=9, cursor=None).items) == [claim]


def test_a_claim_is_told_with_the_last_four_of_its_code(it: Shop) -> None:
    it.offer(claims={"enabled": True, "with_code": True})
    claim = it.claim()
    assert (claim.fingerprint, claim.last_four) == ("print_1", "0001")
    assert it.claims.events[0].data["last_four"] == "0001"


def test_a_code_that_others_have_is_made_anew(it: Shop) -> None:
    it.offer(claims={"enabled": True, "with_code": True})
    it.claims.codes = {"print_1", "print_2"}
    assert it.claim().fingerprint == "print_3"
    it.claims.codes = {f"print_{number}" for number in range(99)}
    with pytest.raises(ClaimContendedError):
        it.claim("con_2")


def test_a_claim_ends_with_its_time(it: Shop) -> None:
    it.offer(validity={"after_claim_minutes": 60, "end": "2026-11-30"})
    assert it.claim().expires_at == NOW + HOUR


@pytest.mark.parametrize(
    ("state", "fields", "reason"),
    [
        (CouponState.PAUSED, {}, Reason.DISABLED),
        (CouponState.ACTIVE, {"claims": {}}, Reason.DISABLED),
        (CouponState.ACTIVE, {"validity": {"end": "2026-11-22"}}, Reason.EXPIRED),
        (CouponState.ACTIVE, {"rules": {"segments": ["seg_1"]}}, Reason.SEGMENT),
        (CouponState.ACTIVE, {"rules": {"first_order": True}}, Reason.FIRST_ORDER),
    ],
)
def test_a_claim_is_refused_with_its_reason(
    it: Shop, state: CouponState, fields: dict[str, Any], reason: Reason
) -> None:
    it.offer(state, **fields)
    assert refusal(it) == reason
    assert it.told() == []


def test_who_is_in_the_segment_may_claim(it: Shop) -> None:
    it.offer(rules={"segments": ["seg_1"]})
    it.people.facts["con_1"] = Circumstances(app_id=APP, at=NOW, segments=frozenset({"seg_1"}))
    assert it.claim().state is ClaimState.HELD


def test_a_coupon_may_be_claimed_before_it_is_valid(it: Shop) -> None:
    it.offer(validity={"start": "2026-12-01"}, rules={"stores": ["bern"]})
    assert it.claim().state is ClaimState.HELD


def test_a_marketer_gives_what_nobody_can_take(it: Shop) -> None:
    it.offer(claims={}, rules={"segments": ["seg_1"]})
    assert it.claim(by=ClaimedBy.MARKETER).by is ClaimedBy.MARKETER
    it.offer(CouponState.ENDED)
    assert refusal(it, "con_2", ClaimedBy.MARKETER) == Reason.DISABLED


def test_the_first_claims_are_granted(it: Shop) -> None:
    it.offer(claims={"enabled": True, "first": 2}, rules={"texts": {"quantity_exceeded": "Weg!"}})
    it.claim("con_1")
    it.claim("con_2")
    with pytest.raises(ClaimRefusedError) as refused:
        it.claim("con_3")
    assert (refused.value.fields[0].code, refused.value.detail) == (Reason.EXHAUSTED, "Weg!")
    assert it.claim("con_2").contact_id == "con_2"
    assert it.service.granted("cpn_1", app_id=APP) == 2


def test_what_the_app_does_not_have_is_not_claimed(it: Shop) -> None:
    with pytest.raises(CouponNotFoundError):
        it.claim()


@given(first=st.integers(1, 10**6), more=st.integers(0, 10**6))
def test_counters_share_the_first_claims_and_a_raised_bound_takes_from_none(
    first: int, more: int
) -> None:
    before = [share_of(first, shard) for shard in range(SHARDS)]
    after = [share_of(first + more, shard) for shard in range(SHARDS)]
    assert (sum(before), sum(after)) == (first, first + more)
    assert all(one <= two for one, two in zip(before, after, strict=True))


def test_a_use_is_noted_and_taken_back(it: Shop) -> None:
    it.offer()
    it.claim()
    it.service.note_used("cpn_1", contact_id="con_1", app_id=APP)
    it.service.note_used("cpn_1", contact_id="con_1", app_id=APP)
    assert (it.kept().state, it.kept().version) == (ClaimState.USED, 2)
    it.service.note_returned("cpn_1", contact_id="con_1", app_id=APP)
    assert it.kept().state is ClaimState.HELD
    it.service.note_used("cpn_1", contact_id="con_9", app_id=APP)


@dataclass(frozen=True)
class Merge:
    stays: str
    moves: str
    members: frozenset[str]
    app_id: str = APP


MERGE = Merge("con_1", "con_2", frozenset({"con_2", "con_3"}))


def contacts(it: Shop) -> dict[tuple[str, str], str]:
    return {
        (contact, coupon_id): one.claimed_as
        for (_, contact, coupon_id), one in it.claims.kept.items()
    }


def test_the_claims_of_two_people_who_are_one_are_theirs_until_they_part(it: Shop) -> None:
    it.offer()
    it.claim("con_2")
    for _ in range(2):
        it.service.unite(MERGE)
        assert contacts(it) == {("con_1", "cpn_1"): "con_2"}
    assert it.claim("con_1").claimed_as == "con_2"
    for _ in range(2):
        it.service.split(MERGE)
        assert contacts(it) == {("con_2", "cpn_1"): "con_2"}
    assert it.told() == ["coupon.claimed.v1"]


def test_who_stays_keeps_their_own_claim_and_so_does_who_leaves(it: Shop) -> None:
    it.offer()
    first, second = it.claim("con_1"), it.claim("con_2")
    it.service.unite(MERGE)
    assert it.claim("con_1") == first
    it.service.split(MERGE)
    assert (it.kept("con_1"), it.kept("con_2")) == (first, second)


REMINDED: dict[str, Any] = {
    "claims": {"enabled": True, "remind_before_hours": 24, "reminder_template_id": "tpl_1"},
    "validity": {"after_claim_minutes": 7 * 24 * 60},
}


def sweep(it: Shop, after: timedelta) -> None:
    it.clock.at = NOW + after
    while it.sweeper.catch_up(APP, minutes=1_000):
        pass


def test_a_person_is_reminded_once_and_then_the_claim_ends(it: Shop) -> None:
    it.offer(**REMINDED)
    claim = it.claim()
    sweep(it, 6 * DAY)
    assert it.reminders.told == []
    sweep(it, 6 * DAY + timedelta(minutes=2))
    sweep(it, 6 * DAY + HOUR)
    assert it.reminders.told == [(claim.claim_id, "tpl_1")]
    assert it.kept().state is ClaimState.HELD
    sweep(it, 7 * DAY + timedelta(minutes=2))
    sweep(it, 8 * DAY)
    assert it.kept().state is ClaimState.EXPIRED
    assert it.told() == ["coupon.claimed.v1", "claim.expired.v1"]
    assert it.claims.due == {}


def test_who_claims_too_late_for_a_reminder_gets_none(it: Shop) -> None:
    it.offer(**{**REMINDED, "validity": {"after_claim_minutes": 60}})
    assert it.claim().remind_at is None


def test_a_used_claim_is_neither_reminded_of_nor_told_to_end(it: Shop) -> None:
    it.offer(**REMINDED)
    it.claim()
    it.service.note_used("cpn_1", contact_id="con_1", app_id=APP)
    sweep(it, 8 * DAY)
    assert it.reminders.told == []
    assert it.told() == ["coupon.claimed.v1"]
    assert it.claims.due == {}


def test_a_use_that_is_returned_before_the_end_still_ends(it: Shop) -> None:
    it.offer(**REMINDED)
    it.claim()
    it.service.note_used("cpn_1", contact_id="con_1", app_id=APP)
    sweep(it, 6 * DAY + HOUR)
    it.service.note_returned("cpn_1", contact_id="con_1", app_id=APP)
    sweep(it, 8 * DAY)
    assert it.kept().state is ClaimState.EXPIRED


def test_a_coupon_that_is_prolonged_prolongs_its_claims(it: Shop) -> None:
    it.offer(validity={"end": "2026-11-24"})
    claim = it.claim()
    it.offer(validity={"end": "2026-11-26"})
    sweep(it, 2 * DAY)
    assert it.kept().expires_at == datetime(2026, 11, 27, tzinfo=UTC)
    assert it.told() == ["coupon.claimed.v1"]
    sweep(it, 4 * DAY)
    assert it.kept().state is ClaimState.EXPIRED
    assert it.told()[1:] == ["claim.expired.v1"]
    assert it.kept().claim_id == claim.claim_id


def test_a_claim_of_a_coupon_that_ends_no_more_is_never_over(it: Shop) -> None:
    it.offer(validity={"end": "2026-11-24"})
    it.claim()
    it.offer()
    sweep(it, 4 * DAY)
    assert (it.kept().state, it.kept().expires_at) == (ClaimState.HELD, None)
    assert it.claims.due == {}


def test_nobody_is_reminded_of_a_coupon_that_cannot_be_used(it: Shop) -> None:
    it.offer(**REMINDED)
    it.claim()
    it.offer(CouponState.ENDED, **REMINDED)
    sweep(it, 6 * DAY + HOUR)
    assert it.reminders.told == []


def test_a_reminder_that_failed_is_sent_again(it: Shop) -> None:
    it.offer(**REMINDED)
    it.claim()
    it.reminders.fails = True
    with pytest.raises(ConnectionError):
        sweep(it, 6 * DAY + HOUR)
    sweep(it, 6 * DAY + HOUR)
    assert len(it.reminders.told) == 1


def test_a_coupon_is_given_to_contacts_and_devices(it: Shop) -> None:
    it.offer(claims={"first": 3})
    it.claim("con_1", ClaimedBy.MARKETER)
    publication = it.publish(contacts=("con_1", "con_2"), devices=("dev_3", "nobody", "dev_4"))
    assert it.run(publication) == Tally(given=2, known=1, refused=2)
    assert it.kept("con_3").device_id == "dev_3"


def test_a_coupon_is_given_to_a_segment_step_by_step(it: Shop) -> None:
    it.offer(claims={})
    it.segments.contacts = [f"con_{number}" for number in range(2 * SLICE + 5)]
    publication = it.publish(segment_id="seg_1")
    first = it.publishing.advance(publication, app_id=APP)
    assert (first.state, first.tally.given) == (PublicationState.RUNNING, SLICE)
    assert it.run(publication) == Tally(given=2 * SLICE + 5)
    assert it.queue.woken == [publication] * 3
    assert it.run(publication) == Tally(given=2 * SLICE + 5)


def test_the_same_source_gives_once(it: Shop) -> None:
    it.offer(claims={})
    first = it.publish(contacts=("con_1",))
    assert it.publish(contacts=("con_1",)) == first
    it.run(first)
    assert it.publish(contacts=("con_1",)) == first
    assert it.queue.woken == [first] * 2
    with pytest.raises(PublicationSourceReusedError):
        it.publish(contacts=("con_2",))
    assert it.run(it.publish("again", contacts=("con_1",))) == Tally(known=1)


def test_a_step_that_crashed_before_its_account_is_taken_again(it: Shop) -> None:
    it.offer(claims={})
    publication = it.publish(contacts=("con_1", "con_2"))
    it.claim("con_1", ClaimedBy.MARKETER)  # what the crashed step had done
    assert it.run(publication) == Tally(given=1, known=1)
    assert it.told() == ["coupon.claimed.v1"] * 2


@pytest.mark.parametrize(
    "recipients",
    [
        {},
        {"contacts": ("con_1",), "segment_id": "seg_1"},
        {"contacts": tuple(f"con_{number}" for number in range(1_001))},
    ],
)
def test_recipients_are_named_in_one_way(it: Shop, recipients: dict[str, Any]) -> None:
    it.offer()
    with pytest.raises(InvalidFieldsError):
        it.publish(**recipients)
    assert it.queue.woken == []


def test_an_unknown_segment_is_refused_before_anything_is_kept(it: Shop) -> None:
    it.offer()
    with pytest.raises(LookupError):
        it.publish(segment_id="seg_9")
    assert it.publications.kept == {}
