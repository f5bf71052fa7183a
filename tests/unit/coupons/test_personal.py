"""What coupons keep about a person: given out page by page, and given up."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from typing_extensions import override

from shared.coupons.model.claims import Claim, ClaimedBy
from shared.coupons.model.codes import Code, CodeKind, Holder
from shared.coupons.ports.personal import RedemptionArchive
from shared.coupons.service.personal import PersonalCoupons
from shared.kernel.paging import Page
from tests.contract.redeeming import ADA, APP, BOB, CouponServices, a_coupon, in_memory, red
from tests.fakes.clock import NOON
from tests.fakes.coupon_claims import InMemoryClaimStore
from tests.fakes.coupon_codes import InMemoryCodeStore, OpenVault

CODE = Code(
    app_id=APP,
    coupon_id="cpn_1",
    fingerprint="",
    last_four="QK7",
    kind=CodeKind.UNIQUE,
    created_at=NOON,
)


@dataclass
class ListedRedemptions(RedemptionArchive):
    """Knows who made which redemptions."""

    made: dict[str, list[str]] = field(default_factory=dict)

    @override
    def redemptions_of(
        self, contact_id: str, *, app_id: str, after: str | None, limit: int
    ) -> Page[str]:
        rest = [one for one in self.made.get(contact_id, []) if after is None or one > after]
        more = rest[limit - 1] if len(rest) > limit else None
        return Page(items=rest[:limit], next_cursor=more)


@dataclass(kw_only=True)
class Archive:
    it: CouponServices = field(default_factory=in_memory)
    claims: InMemoryClaimStore = field(default_factory=InMemoryClaimStore)
    codes: InMemoryCodeStore = field(default_factory=InMemoryCodeStore)
    made: ListedRedemptions = field(default_factory=ListedRedemptions)
    vault: OpenVault = field(default_factory=OpenVault)

    def __post_init__(self) -> None:
        self.it.has(a_coupon())
        self.personal = PersonalCoupons(
            claims=self.claims,
            codes=self.codes,
            redemptions=self.it.redemption_store,
            uses=self.it.use_store,
            archive=self.made,
            vault=self.vault,
        )

    def assigned(self, contact_id: str, fingerprint: str) -> Code:
        """Make a code a contact's that was made for nobody."""
        code = replace(CODE, fingerprint=fingerprint)
        self.codes.add_codes([code])
        sealed = self._sealed(contact_id, fingerprint)
        mine = code.assigned_to(Holder(contact_id=contact_id), sealed=sealed)
        self.codes.replace_code(mine)
        return mine

    def claimed(self, contact_id: str, fingerprint: str) -> None:
        """Give a contact a claim that came with a code."""
        sealed = self._sealed(contact_id, fingerprint)
        code = replace(CODE, fingerprint=fingerprint, contact_id=contact_id, sealed=sealed)
        self.codes.add_codes([code])
        self.claims.kept[APP, contact_id, "cpn_1"] = Claim(
            claim_id=f"clm_{fingerprint}",
            app_id=APP,
            coupon_id="cpn_1",
            contact_id=contact_id,
            claimed_at=NOON,
            by=ClaimedBy.DEVICE,
            fingerprint=fingerprint,
        )

    def redeemed(self, contact_id: str, *numbers: int) -> None:
        for number in numbers:
            self.it.redeem(number, contact_id)
        self.made.made[contact_id] = sorted(map(red, numbers))

    def exported(self, *contact_ids: str, limit: int = 100) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        cursor: str | None = None
        while True:
            page = self.personal.export(contact_ids, app_id=APP, cursor=cursor, limit=limit)
            assert len(page.items) <= limit
            found += page.items
            cursor = page.next_cursor
            if cursor is None:
                return found

    def _sealed(self, contact_id: str, fingerprint: str) -> str:
        about = f"code {fingerprint}"
        letters = f"LETTERS-{fingerprint}".encode()
        return self.vault.seal(letters, app_id=APP, contact_id=contact_id, about=about)


@pytest.fixture
def archive() -> Archive:
    it = Archive()
    it.claimed(ADA, "a")
    for fingerprint in ("b", "c", "d"):
        it.assigned(ADA, fingerprint)
    it.redeemed(ADA, 1, 2, 3)
    it.assigned(BOB, "e")
    it.redeemed(BOB, 4)
    return it


def told(items: list[Mapping[str, Any]]) -> list[str]:
    return [f"{one['what']} {one.get('code') or one.get('redemption_id')}" for one in items]


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_an_export_has_all_of_every_contact_once_however_small_its_pages(
    archive: Archive, limit: int
) -> None:
    assert told(archive.exported(ADA, BOB, limit=limit)) == [
        "claim LETTERS-a",
        *(f"code LETTERS-{one}" for one in "bcd"),
        *(f"redemption {red(number)}" for number in (1, 2, 3)),
        "code LETTERS-e",
        f"redemption {red(4)}",
    ]


def test_an_erasure_leaves_codes_that_nobody_can_have_and_the_shops_books(archive: Archive) -> None:
    for _ in range(2):
        archive.personal.erase([ADA], app_id=APP)
    assert told(archive.exported(ADA)) == [f"redemption {red(number)}" for number in (1, 2, 3)]
    codes = archive.codes.get_codes("abcd", app_id=APP).values()
    assert {(one.contact_id, one.sealed, one.is_in_use) for one in codes} == {(None, None, False)}
    assert told(archive.exported(BOB)) == ["code LETTERS-e", f"redemption {red(4)}"]
