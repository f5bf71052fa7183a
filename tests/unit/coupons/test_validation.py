"""Validating an order, what one can use, quotes, and redeeming."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from shared.coupons.errors import (
    CodeRefusedError,
    QuoteInvalidError,
    RedemptionRefusedError,
)
from shared.coupons.model.baskets import Basket, Line
from shared.coupons.model.claims import Claim, ClaimedBy, ClaimState
from shared.coupons.model.codes import Code, CodeKind
from shared.coupons.model.coupons import Coupon, CouponState
from shared.coupons.model.discounts import PercentOff
from shared.coupons.model.quotes import (
    LIFETIME,
    Quote,
    Quoted,
    fingerprint_of,
    quote_of,
    text_of,
)
from shared.coupons.model.redemptions import Redemption, RedemptionState
from shared.coupons.model.rules import Circumstances, Reason
from shared.coupons.model.validation import UNKNOWN, Presented, Status
from shared.coupons.service.claims import ClaimService
from shared.coupons.service.qualification import Qualification, QualificationService
from shared.coupons.service.quotes import QuoteSigner
from shared.coupons.service.redeeming import RedeemingService
from shared.coupons.service.validation import Request, Validation, ValidationService
from shared.kernel.errors import InvalidFieldsError
from shared.kernel.idempotency import Attempt, IdempotencyKeyReusedError
from shared.kernel.ids import Ids
from tests.fakes.clock import ManualClock
from tests.fakes.coupon_claims import InMemoryClaimStore, KnownPeople, NumberedCodes
from tests.fakes.coupon_orders import (
    CountedGuesses,
    KnownAvailability,
    ListedCodes,
    PlainPricing,
    UnlimitedRedeemer,
)
from tests.fakes.coupons import InMemoryCouponStore
from tests.unit.coupons.definitions import APP, PLAIN, coupon

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SHOES = Line(line_id="1", product_id="shoes", quantity=1, unit_price=5_000)
BASKET = Basket(currency="EUR", lines=(SHOES,))
ANNA = Circumstances(app_id=APP, at=NOW, contact_id="con_a", device_id="dev_a")
BEN = replace(ANNA, contact_id="con_b", device_id="dev_b")
TILL = Circumstances(app_id=APP, at=NOW, store_id="bern", till_id="till_1")
ATTEMPT = Attempt(caller="dev_a", key="k", fingerprint="f")
JOINT = {"combination": "joint", "combines_with": ["default"]}


class LoggedCoupons(InMemoryCouponStore):
    def __init__(self, log: list[str]) -> None:
        super().__init__()
        self.log = log

    @override
    def find_coupons(self, coupon_ids: Any, *, app_id: str) -> Any:
        self.log.append("coupons")
        return super().find_coupons(coupon_ids, app_id=app_id)


class LoggedClaims(InMemoryClaimStore):
    def __init__(self, log: list[str]) -> None:
        super().__init__()
        self.log = log

    @override
    def find_claim(self, coupon_id: str, *, contact_id: str, app_id: str) -> Claim | None:
        self.log.append("claim")
        return super().find_claim(coupon_id, contact_id=contact_id, app_id=app_id)


class LoggedPeople(KnownPeople):
    def __init__(self, log: list[str]) -> None:
        super().__init__()
        self.log = log

    @override
    def know(self, circumstances: Circumstances) -> Circumstances:
        self.log.append("person")
        return super().know(circumstances)


@dataclass(kw_only=True)
class Shop:
    log: list[str] = field(default_factory=list)
    guesses: CountedGuesses = field(default_factory=CountedGuesses)
    availability: KnownAvailability = field(default_factory=KnownAvailability)
    redeemer: UnlimitedRedeemer = field(default_factory=UnlimitedRedeemer)
    keys: list[bytes] = field(default_factory=lambda: [b"secret"])

    def __post_init__(self) -> None:
        self.coupons = LoggedCoupons(self.log)
        self.claims = LoggedClaims(self.log)
        self.people = LoggedPeople(self.log)
        self.codes = ListedCodes(log=self.log)
        self.quotes = QuoteSigner(keys=lambda: self.keys)
        pricing = PlainPricing()
        self.validations = ValidationService(
            coupons=self.coupons,
            claims=self.claims,
            codes=self.codes,
            guesses=self.guesses,
            people=self.people,
            availability=self.availability,
            pricing=pricing,
            quotes=self.quotes,
        )
        self.qualifications = QualificationService(
            coupons=self.coupons,
            claims=self.claims,
            people=self.people,
            availability=self.availability,
            pricing=pricing,
        )
        clock = ManualClock(NOW)
        self.redeeming = RedeemingService(
            validations=self.validations,
            redeemer=self.redeemer,
            quotes=self.quotes,
            claims=ClaimService(
                coupons=self.coupons,
                claims=self.claims,
                codes=NumberedCodes(),
                people=self.people,
                clock=clock,
                ids=Ids(clock=clock),
            ),
        )

    def offer(
        self, coupon_id: str = "cpn_1", *, state: CouponState = CouponState.ACTIVE, **fields: Any
    ) -> Coupon:
        made = replace(coupon(PLAIN, **fields), coupon_id=coupon_id, state=state)
        self.coupons.kept[APP, coupon_id] = made
        return made

    def code(self, letters: str = "SAVE", coupon_id: str = "cpn_1", **fields: Any) -> Code:
        made = Code(
            app_id=APP,
            coupon_id=coupon_id,
            fingerprint=f"print_{letters}",
            last_four=letters[-4:],
            kind=CodeKind.GENERIC,
            created_at=NOW,
        )
        self.codes.codes[letters] = replace(made, **fields)
        return made

    def claimed(self, coupon_id: str = "cpn_1", **fields: Any) -> Claim:
        claim = Claim(
            claim_id=f"clm_{coupon_id}",
            app_id=APP,
            coupon_id=coupon_id,
            contact_id="con_a",
            claimed_at=NOW - timedelta(hours=1),
            by=ClaimedBy.DEVICE,
        )
        self.claims.kept[APP, "con_a", coupon_id] = replace(claim, **fields)
        return self.claims.kept[APP, "con_a", coupon_id]

    def validate(self, *codes: str, who: Circumstances = ANNA, **fields: Any) -> Validation:
        return self.validations.validate(request(*codes, who=who, **fields), with_best=True)

    def redeem(
        self,
        *codes: str,
        attempt: Attempt = ATTEMPT,
        hold: timedelta | None = None,
        **fields: Any,
    ) -> tuple[Redemption, bool]:
        return self.redeeming.redeem(request(*codes, **fields), attempt=attempt, hold=hold)

    def qualify(self, basket: Basket | None = None) -> Qualification:
        return self.qualifications.qualify(ANNA, basket=basket)


def request(
    *codes: str,
    who: Circumstances = ANNA,
    claimed: tuple[str, ...] = (),
    basket: Basket = BASKET,
    quote: str | None = None,
) -> Request:
    presented = (
        *(Presented(code=one) for one in codes),
        *(Presented(coupon_id=one) for one in claimed),
    )
    return Request(presented=presented, basket=basket, circumstances=who, quote=quote)


def reasons(validation: Validation, place: int = 0) -> list[Reason]:
    return [one.reason for one in validation.verdicts[place].refusals]


@pytest.fixture
def it() -> Shop:
    return Shop()


def test_a_generic_code_that_applies_says_what_it_gives(it: Shop) -> None:
    it.offer()
    it.code()
    validation = it.validate("SAVE")
    (verdict,) = validation.verdicts
    assert verdict.status is Status.APPLICABLE
    assert verdict.applied is not None
    assert (verdict.applied.discount, verdict.applied.last_four) == (500, "SAVE")
    assert (validation.priced.before, validation.priced.total) == (5_000, 4_500)
    assert it.guesses.missed == []


REFUSED: list[dict[str, Any]] = [
    {"state": CouponState.PAUSED},
    {"validity": {"end": "2026-11-22"}},
    {"rules": {"currency": "EUR", "minimum_amount": 9_000}},
    {"claims": {"required": True}},
    {"discount": {"kind": "unit", "product_id": "hat"}},
]


@pytest.mark.parametrize("fields", REFUSED)
def test_a_stranger_cannot_tell_a_refused_code_from_one_that_is_none(
    it: Shop, fields: dict[str, Any]
) -> None:
    it.offer(**fields)
    it.code()
    there = it.validate("SAVE")
    work = it.log.copy()
    it.log.clear()
    nowhere = it.validate("NONE")
    assert there.verdicts == nowhere.verdicts == (UNKNOWN,)
    assert work == it.log == ["code", "person", "coupons", "claim"]
    assert (there.miss, there.quote, there.priced.total) == (None, None, 5_000)
    assert it.guesses.missed == ["SAVE", "NONE"]


def test_a_stranger_is_not_told_what_does_not_go_together(it: Shop) -> None:
    for name in ("A", "B"):
        it.offer(f"cpn_{name}")
        it.code(name, f"cpn_{name}")
    validation = it.validate("A", "B")
    assert validation.verdicts[0].status is Status.APPLICABLE
    assert validation.verdicts[1] == UNKNOWN


def test_who_comes_too_late_is_told_so_and_is_no_guesser(it: Shop) -> None:
    it.offer()
    it.code()
    it.availability.gone["cpn_1"] = Reason.EXHAUSTED
    assert reasons(it.validate("SAVE")) == [Reason.EXHAUSTED]
    assert it.guesses.missed == []


def test_a_refused_code_that_is_sold_out_is_no_more_than_a_refused_one(it: Shop) -> None:
    it.offer(state=CouponState.PAUSED)
    it.code()
    it.availability.gone["cpn_1"] = Reason.EXHAUSTED
    assert it.validate("SAVE").verdicts == (UNKNOWN,)


def test_what_is_left_is_the_redeemers_to_say(it: Shop) -> None:
    it.offer()
    it.code()
    # As the limit stands after a first try that crashed: its own use is in it.
    it.availability.gone["cpn_1"] = Reason.PERSON_LIMIT
    assert it.redeem("SAVE")[0].state is RedemptionState.REDEEMED


def test_somebody_elses_code_is_no_code(it: Shop) -> None:
    it.offer()
    it.code(contact_id="con_b")
    assert it.validate("SAVE").verdicts == (UNKNOWN,)
    assert it.validate("SAVE", who=BEN).verdicts[0].status is Status.APPLICABLE


def test_who_claimed_a_coupon_is_a_stranger_to_its_other_codes(it: Shop) -> None:
    it.offer(state=CouponState.PAUSED)
    it.claimed(fingerprint="print_OWN")
    it.code("OWN", kind=CodeKind.UNIQUE, contact_id="con_a")
    it.code("HERS", kind=CodeKind.UNIQUE, contact_id="con_b")
    it.code("FREE", kind=CodeKind.UNIQUE)
    validation = it.validate("OWN", "HERS", "FREE", "NONE")
    assert reasons(validation) == [Reason.DISABLED]
    assert validation.verdicts[1:] == (UNKNOWN, UNKNOWN, UNKNOWN)


def test_a_code_of_any_contact_of_a_person_is_theirs_while_they_are_one() -> None:
    it = Shop()
    it.offer()
    it.code(contact_id="con_b")
    assert it.validate("SAVE").verdicts == (UNKNOWN,)
    it.people.facts["con_a"] = replace(ANNA, members=frozenset({"con_a", "con_b"}))
    assert it.validate("SAVE").verdicts[0].status is Status.APPLICABLE
    it.people.facts.clear()
    assert it.validate("SAVE").verdicts == (UNKNOWN,)


def test_a_code_of_one_device_is_not_for_another_of_the_same_person() -> None:
    it = Shop()
    it.offer()
    it.code(contact_id="con_b", device_id="dev_b")
    it.people.facts["con_a"] = replace(ANNA, members=frozenset({"con_a", "con_b"}))
    assert it.validate("SAVE").verdicts == (UNKNOWN,)


@pytest.mark.parametrize("how", ["assigned", "claimed", "till"])
def test_who_holds_a_code_is_told_all_reasons(it: Shop, how: str) -> None:
    it.offer(validity={"end": "2026-11-22"}, rules={"currency": "EUR", "minimum_amount": 5_210})
    it.code(contact_id="con_a" if how == "assigned" else None)
    if how == "claimed":
        it.claimed()
    validation = it.validate("SAVE", who=TILL if how == "till" else ANNA)
    assert reasons(validation) == [Reason.EXPIRED, Reason.MINIMUM_AMOUNT]
    assert validation.verdicts[0].coupon_id == "cpn_1"
    assert it.guesses.missed == []


def test_a_holder_hears_what_is_sold_out(it: Shop) -> None:
    it.offer(rules={"texts": {"profile_limit_reached": "Einmal reicht."}})
    it.claimed()
    it.availability.gone["cpn_1"] = Reason.PERSON_LIMIT
    validation = it.validate(claimed=("cpn_1",))
    assert validation.verdicts[0].refusals[0].detail == "Einmal reicht."


def test_a_claimed_coupon_is_used_without_a_code(it: Shop) -> None:
    it.offer(claims={"required": True})
    it.claimed(fingerprint="print_own", last_four="7QK2")
    (verdict,) = it.validate(claimed=("cpn_1",)).verdicts
    assert verdict.applied is not None
    assert (verdict.applied.claim_id, verdict.applied.fingerprint) == ("clm_cpn_1", "print_own")


def test_who_did_not_claim_a_coupon_cannot_name_it(it: Shop) -> None:
    it.offer()
    assert it.validate(claimed=("cpn_1",)).verdicts == (UNKNOWN,)
    assert it.validate(claimed=("cpn_9",)).verdicts == (UNKNOWN,)


def test_a_claim_that_ran_out_cannot_be_used(it: Shop) -> None:
    it.offer(validity={"after_claim_minutes": 60})
    it.claimed(expires_at=NOW)
    assert reasons(it.validate(claimed=("cpn_1",))) == [Reason.EXPIRED]


@pytest.mark.parametrize(
    ("minutes", "promised"), [(30, timedelta(minutes=1)), (90, timedelta(minutes=-1))]
)
def test_a_claim_lasts_as_long_as_was_promised_or_is_by_now(
    it: Shop, minutes: int, promised: timedelta
) -> None:
    it.offer(validity={"after_claim_minutes": minutes})
    it.claimed(expires_at=NOW + promised)
    assert it.validate(claimed=("cpn_1",)).verdicts[0].status is Status.APPLICABLE


def test_a_code_that_is_switched_off_or_over_is_refused(it: Shop) -> None:
    it.offer()
    it.code("OFF", active=False, contact_id="con_a")
    it.code("OVER", expires_at=NOW, contact_id="con_a")
    assert reasons(it.validate("OFF")) == [Reason.DISABLED]
    assert reasons(it.validate("OVER")) == [Reason.EXPIRED]


def test_a_bound_code_is_of_no_use_before_it_is_somebodys(it: Shop) -> None:
    it.offer()
    it.code("NOBODYS", kind=CodeKind.UNIQUE, bound=True)
    it.code("ANNAS", kind=CodeKind.UNIQUE, bound=True, contact_id="con_a")
    assert it.validate("NOBODYS").verdicts == (UNKNOWN,)
    assert reasons(it.validate("NOBODYS", who=TILL)) == [Reason.DISABLED]
    assert it.validate("ANNAS").verdicts[0].status is Status.APPLICABLE


def test_a_till_uses_a_persons_code_for_that_person(it: Shop) -> None:
    it.offer(rules={"first_order": True})
    it.code(contact_id="con_a", kind=CodeKind.UNIQUE)
    it.people.facts["con_a"] = replace(ANNA, first_order=True)
    validation = it.validate("SAVE", who=TILL)
    assert validation.verdicts[0].status is Status.APPLICABLE
    assert validation.circumstances.contact_id == "con_a"


def test_a_coupon_that_changes_nothing_is_not_applicable(it: Shop) -> None:
    it.offer(discount={"kind": "unit", "product_id": "hat"})
    it.claimed()
    validation = it.validate(claimed=("cpn_1",))
    assert validation.verdicts[0].status is Status.INAPPLICABLE
    assert reasons(validation) == [Reason.NO_EFFECT]


def test_what_does_not_go_together_is_skipped_and_the_best_is_named(it: Shop) -> None:
    it.offer("cpn_1")
    it.offer("cpn_2", discount={"kind": "percent", "percent_off": 20})
    for one in ("cpn_1", "cpn_2"):
        it.claimed(one)
    validation = it.validate(claimed=("cpn_2", "cpn_1"))
    assert [one.status for one in validation.verdicts] == [Status.SKIPPED, Status.APPLICABLE]
    assert validation.best is not None
    assert [one.coupon_id for one in validation.best.priced.applied] == ["cpn_2"]


def test_two_codes_of_one_coupon_are_one_use(it: Shop) -> None:
    it.offer(stacking=JOINT)
    for letters in ("ONE", "TWO"):
        it.code(letters, contact_id="con_a")
    validation = it.validate("ONE", "TWO")
    assert [one.status for one in validation.verdicts] == [Status.APPLICABLE, Status.SKIPPED]
    assert len(validation.used) == 1


def test_a_holder_hears_how_little_is_missing(it: Shop) -> None:
    it.offer(
        discount={"kind": "amount", "amount_off": 800, "currency": "EUR"},
        rules={"currency": "EUR", "minimum_amount": 5_210},
    )
    it.claimed()
    miss = it.validate(claimed=("cpn_1",)).miss
    assert miss is not None
    assert (miss.missing_amount, miss.unlocks) == (210, 800)


def test_a_coupon_of_another_currency_is_refused(it: Shop) -> None:
    it.offer(discount={"kind": "amount", "amount_off": 800, "currency": "CHF"})
    it.claimed()
    assert reasons(it.validate(claimed=("cpn_1",))) == [Reason.CURRENCY]


@pytest.mark.parametrize("codes", [(), tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ12345")])
def test_an_order_presents_some_coupons_and_not_too_many(it: Shop, codes: tuple[str, ...]) -> None:
    with pytest.raises(InvalidFieldsError):
        it.validate(*codes)
    assert it.log == []


def test_a_quote_makes_its_bearer_a_holder(it: Shop) -> None:
    offered = it.offer()
    it.code()
    quote = it.validate("SAVE").quote
    it.coupons.kept[APP, "cpn_1"] = offered.moved_to(CouponState.PAUSED)
    assert reasons(it.validate("SAVE", quote=quote)) == [Reason.DISABLED]
    assert it.validate("SAVE").verdicts == (UNKNOWN,)


@pytest.mark.parametrize(
    "other",
    [
        {"who": BEN},
        {"who": replace(ANNA, at=NOW + LIFETIME)},
        {"basket": replace(BASKET, shipping=1)},
        {"who": replace(ANNA, app_id="app_other")},
    ],
)
def test_a_quote_is_for_its_order_alone(it: Shop, other: dict[str, Any]) -> None:
    it.offer()
    it.code()
    quote = it.validate("SAVE").quote
    with pytest.raises(QuoteInvalidError):
        it.validate("SAVE", quote=quote, **other)


def test_a_quote_that_was_altered_is_none(it: Shop) -> None:
    it.offer()
    it.code()
    quote = it.validate("SAVE").quote or ""
    payload, _, signature = quote.partition(".")
    for forged in (
        f"{payload[:-1]}A.{signature}",
        payload,
        f"{payload}.{signature}é",
        "x" * 9_000,
        "",
    ):
        with pytest.raises(QuoteInvalidError):
            it.validate("SAVE", quote=forged)


def test_a_quote_outlives_one_change_of_the_key(it: Shop) -> None:
    it.offer()
    it.code()
    quote = it.validate("SAVE").quote
    it.keys = [b"new", b"secret"]
    assert it.validate("SAVE", quote=quote).verdicts[0].status is Status.APPLICABLE
    it.keys = [b"newer", b"new"]
    with pytest.raises(QuoteInvalidError):
        it.validate("SAVE", quote=quote)


@given(
    coupons=st.lists(
        st.builds(
            Quoted,
            coupon_id=st.text(min_size=1),
            version=st.integers(1, 99),
            discount=st.integers(0, 10**9),
            fingerprint=st.none() | st.text(min_size=1),
        ),
        max_size=3,
    ),
    contact_id=st.none() | st.text(),
)
def test_a_quote_comes_back_from_its_text(coupons: list[Quoted], contact_id: str | None) -> None:
    quote = Quote(
        app_id=APP, basket="b", coupons=tuple(coupons), expires_at=NOW, contact_id=contact_id
    )
    assert quote_of(text_of(quote)) == quote


def test_a_basket_is_the_same_in_any_order_of_its_lines() -> None:
    other = replace(SHOES, line_id="2", categories=frozenset({"b", "a"}))
    both = replace(BASKET, lines=(SHOES, other))
    assert fingerprint_of(both) == fingerprint_of(replace(BASKET, lines=(other, SHOES)))
    for changed in (replace(other, quantity=2), replace(other, categories=frozenset({"a"}))):
        assert fingerprint_of(replace(BASKET, lines=(SHOES, changed))) != fingerprint_of(both)


def test_one_sees_ones_claims_and_what_is_free_to_take(it: Shop) -> None:
    it.offer("cpn_mine", claims={"enabled": True})
    it.offer("cpn_free", claims={"enabled": True, "required": True})
    it.offer("cpn_secret")
    it.offer("cpn_over", validity={"end": "2026-11-22"}, claims={"enabled": True})
    it.claimed("cpn_mine")
    it.claimed("cpn_over")
    found = it.qualify(BASKET)
    assert [(one.coupon.coupon_id, one.gives) for one in found.coupons] == [
        ("cpn_mine", 500),
        ("cpn_free", 500),
    ]
    assert [one.claim is not None for one in found.coupons] == [True, False]
    assert found.best is not None


def test_without_a_basket_only_the_person_is_asked_about(it: Shop) -> None:
    it.offer(
        "cpn_1",
        claims={"enabled": True},
        rules={"currency": "EUR", "minimum_amount": 9_000, "segments": ["seg_1"]},
    )
    (found,) = it.qualify().coupons
    assert [one.reason for one in found.why] == [Reason.SEGMENT]
    assert found.gives is None


def test_what_one_can_use_names_the_nearest_miss(it: Shop) -> None:
    it.offer(claims={"enabled": True}, rules={"currency": "EUR", "minimum_amount": 5_100})
    found = it.qualify(BASKET)
    assert found.miss is not None
    assert found.miss.missing_amount == 100
    assert found.coupons[0].gives is None


def test_an_order_is_redeemed_with_all_that_is_presented(it: Shop) -> None:
    it.offer("cpn_1", stacking={**JOINT, "order": 200})
    it.offer("cpn_2", stacking=JOINT)
    it.code("SAVE", "cpn_1")
    it.claimed("cpn_2")
    redemption, replayed = it.redeem("SAVE", claimed=("cpn_2",))
    assert (redemption.state, replayed) == (RedemptionState.REDEEMED, False)
    # In the order of application.
    assert [part.applied.coupon_id for part in redemption.parts] == ["cpn_2", "cpn_1"]
    (order,) = it.redeemer.orders
    assert [one.code for one in order.wanted] == [None, CodeKind.GENERIC]
    assert it.claims.kept[APP, "con_a", "cpn_2"].state is ClaimState.USED


def test_a_stranger_is_refused_without_a_reason_and_a_holder_with_all(it: Shop) -> None:
    it.offer(state=CouponState.PAUSED)
    it.code()
    with pytest.raises(CodeRefusedError):
        it.redeem("SAVE")
    it.claimed()
    with pytest.raises(RedemptionRefusedError) as refused:
        it.redeem("SAVE")
    assert [(one.pointer, one.code) for one in refused.value.fields] == [
        ("/redeemables/0", Reason.DISABLED)
    ]
    assert it.redeemer.orders == []


def test_the_first_answer_is_the_answer_whatever_became_of_the_coupon(it: Shop) -> None:
    it.offer()
    it.code()
    first, _ = it.redeem("SAVE")
    it.offer(state=CouponState.ENDED)
    assert it.redeem("SAVE") == (first, True)
    with pytest.raises(IdempotencyKeyReusedError):
        it.redeem("SAVE", attempt=replace(ATTEMPT, fingerprint="other"))
    assert len(it.redeemer.orders) == 1


def test_a_hold_is_renewed_by_its_own_attempt(it: Shop) -> None:
    it.offer()
    it.code()
    hold = timedelta(minutes=10)
    first, _ = it.redeem("SAVE", hold=hold)
    it.offer(state=CouponState.PAUSED)
    again, replayed = it.redeem("SAVE", hold=hold)
    assert replayed
    assert first.reserved_until == NOW + hold
    assert again == replace(first, reserved_until=NOW + hold * 2)
    assert len(it.redeemer.orders) == 1


def test_a_retry_notes_what_a_crash_left_out(it: Shop) -> None:
    it.offer()
    held = it.claimed()
    redemption, _ = it.redeem(claimed=("cpn_1",))
    it.claims.kept[APP, "con_a", "cpn_1"] = held
    it.redeem(claimed=("cpn_1",))
    assert it.claims.kept[APP, "con_a", "cpn_1"].state is ClaimState.USED
    it.redeeming.note_returns(it.redeemer.roll_back(redemption.redemption_id))
    assert it.claims.kept[APP, "con_a", "cpn_1"].state is ClaimState.HELD


def test_a_quote_holds_what_it_said_or_nothing(it: Shop) -> None:
    offered = it.offer()
    it.code()
    quote = it.validate("SAVE").quote
    changed = replace(offered, version=2, discount=PercentOff(hundredths=100))
    it.coupons.kept[APP, "cpn_1"] = changed
    with pytest.raises(QuoteInvalidError):
        it.redeem("SAVE", quote=quote)
    it.coupons.kept[APP, "cpn_1"] = offered
    assert it.redeem("SAVE", quote=quote)[0].discount == 500


def test_a_till_redeems_by_the_quote_it_was_given(it: Shop) -> None:
    it.offer()
    it.code(contact_id="con_a")
    quote = it.validate("SAVE", who=TILL).quote
    redemption, _ = it.redeem("SAVE", who=TILL, quote=quote)
    assert (redemption.contact_id, redemption.till_id) == ("con_a", "till_1")
