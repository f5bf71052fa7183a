"""Whose code is shown as a picture: its holder's, and nobody learns of another's."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from shared.coupons.errors import CodeNotFoundError
from shared.coupons.model.claims import Claim, ClaimedBy
from shared.coupons.model.codes import Code, CodeKind
from shared.coupons.model.rules import Circumstances
from shared.coupons.service.holding import HoldingService
from tests.fakes.coupon_claims import InMemoryClaimStore, KnownPeople
from tests.fakes.coupon_orders import CountedGuesses, ListedCodes
from tests.fakes.coupons import InMemoryCouponStore
from tests.unit.coupons.definitions import APP, PLAIN, coupon

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ANNA = Circumstances(app_id=APP, at=NOW, contact_id="con_a", device_id="dev_a")
CODE = Code(
    app_id=APP,
    coupon_id="cpn_1",
    fingerprint="print",
    last_four="QK7",
    kind=CodeKind.UNIQUE,
    created_at=NOW,
)
CLAIM = Claim(
    claim_id="clm_1",
    app_id=APP,
    coupon_id="cpn_1",
    contact_id="con_a",
    claimed_at=NOW,
    by=ClaimedBy.DEVICE,
)


@dataclass(kw_only=True)
class Wallet:
    coupons: InMemoryCouponStore = field(default_factory=InMemoryCouponStore)
    claims: InMemoryClaimStore = field(default_factory=InMemoryClaimStore)
    guesses: CountedGuesses = field(default_factory=CountedGuesses)
    people: KnownPeople = field(default_factory=KnownPeople)

    def __post_init__(self) -> None:
        self.coupons.kept[APP, "cpn_1"] = replace(coupon(PLAIN), coupon_id="cpn_1")
        self.codes = ListedCodes(log=[])
        self.service = HoldingService(
            coupons=self.coupons,
            claims=self.claims,
            codes=self.codes,
            guesses=self.guesses,
            people=self.people,
        )

    def has(self, code: Code, *, claim: Claim | None = None) -> None:
        self.codes.codes["spring-qk7"] = code
        if claim is not None:
            self.claims.kept[APP, "con_a", "cpn_1"] = claim

    def shows(self, letters: str = "spring-qk7") -> bool:
        try:
            return self.service.held(letters, ANNA, address=None) == "SPRINGQK7"
        except CodeNotFoundError:
            return False


@pytest.mark.parametrize(
    ("code", "claim"),
    [
        (replace(CODE, contact_id="con_a"), None),
        (replace(CODE, contact_id="con_a", device_id="dev_a"), None),
        (CODE, replace(CLAIM, fingerprint="print")),
        (replace(CODE, kind=CodeKind.GENERIC), CLAIM),
    ],
)
def test_who_holds_a_code_sees_it(code: Code, claim: Claim | None) -> None:
    it = Wallet()
    it.has(code, claim=claim)
    assert it.shows()
    assert it.guesses.missed == []


@pytest.mark.parametrize(
    ("code", "claim"),
    [
        (CODE, None),
        (CODE, CLAIM),
        (CODE, replace(CLAIM, fingerprint="another")),
        (replace(CODE, kind=CodeKind.GENERIC), None),
        (replace(CODE, contact_id="con_b"), None),
        (replace(CODE, contact_id="con_a", device_id="dev_b"), None),
        (replace(CODE, contact_id="con_a", coupon_id="cpn_gone"), None),
    ],
)
def test_who_does_not_hold_a_code_sees_nothing_and_has_guessed(
    code: Code, claim: Claim | None
) -> None:
    it = Wallet()
    it.has(code, claim=claim)
    assert not it.shows()
    assert it.guesses.missed == ["spring-qk7"]


def test_a_code_that_there_is_not_is_a_guess_and_takes_the_same_reads() -> None:
    it = Wallet()
    it.has(replace(CODE, contact_id="con_b"))
    assert not it.shows()
    before = (it.coupons.reads, it.people.asked)
    assert not it.shows("NOSUCHCODE")
    assert (it.coupons.reads, it.people.asked) == (2 * before[0], 2 * before[1])
    assert it.guesses.missed == ["spring-qk7", "NOSUCHCODE"]
