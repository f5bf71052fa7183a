"""The end of the story: what people did is what the server counts, to the last one."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from infra.local.errors import LocalStackError
from infra.local.processes import wait_for
from infra.local.story_stage import AD_DEEDS, AT_ONCE, Evidence, Stage, plain

SETTLE_SECONDS: Final = 300
"""For what follows by the bus, such as the conversions of ads: the emulator hands the relay few
records at once, and a busy machine is minutes behind."""
OUTCOMES: Final = ("sent", "invalid", "skipped", "held_out", "expired", "failed", "unknown")
"""In one of these every planned message ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """Two numbers that must be one: as people or the books have it, and as something else has."""

    what: str
    here: int
    there: int

    @property
    def holds(self) -> bool:
        """Say whether they are one."""
        return self.here == self.there

    def as_json(self) -> dict[str, Any]:
        """Return it in plain values."""
        return {"what": self.what, "here": self.here, "there": self.there}


def close_books(stage: Stage) -> Evidence:
    """Hold what people did against what the server counts, until it has counted all of it.

    Raises:
        LocalStackError: two numbers that must be one are two.
    """
    found: dict[str, Any] = {}
    sums: list[Sum] = []

    def add_up() -> bool:
        found.update(_counted(stage))
        sums[:] = _sums(stage, found)
        return all(one.holds for one in sums)

    wait_for(add_up, within=SETTLE_SECONDS, every=2.0)
    for one in sums:
        if not one.holds:
            raise LocalStackError(
                f"{one.what}: {one.here} here, {one.there} there.",
                fix="`engage logs` shows what the functions said.",
            )
    return {**found, "sums": [one.as_json() for one in sums]}


def _counted(stage: Stage) -> dict[str, Any]:
    """Return what the server counts: the campaign's, the coupon's and the flight's books."""
    results = stage.api.get(stage.path("campaigns", stage.campaign_id, "results"))
    audit = stage.api.get(stage.path("coupons", stage.coupon_id, "audit"))
    flight = stage.api.get(stage.path("flights", stage.flight_id, "results"))
    _read_timelines(stage)
    return {
        "campaign": results["books"],
        "funnel": results["funnel"],
        "ads": flight["total"],
        "coupon": audit["items"][0],
    }


def _read_timelines(stage: Stage) -> None:
    """Read the timelines of all who bought something, and of those whom we follow."""
    buyers = [one for one in stage.crowd.phones if one.deeds.counts["coupon_redeemed"]]
    people = [str(one.engage.contact_id) for one in buyers]
    people += [one.contact_id for one in stage.followed]

    def timeline(contact_id: str) -> list[Mapping[str, Any]]:
        return list(stage.api.items(stage.path("contacts", contact_id, "timeline"), limit="200"))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        stage.timelines = dict(zip(people, pool.map(timeline, people), strict=True))


def _sums(stage: Stage, found: Mapping[str, Any]) -> list[Sum]:
    books, funnel, ads = found["campaign"], found["funnel"], found["ads"]
    did = stage.deeds()
    events = [plain(one["type"]) for each in stage.timelines.values() for one in each]
    counted = ads["loaded"] + ads["impressions"] + ads["clicks"] + sum(ads["rejected"].values())
    pairs = {
        "planned messages, and their outcomes": (
            books["planned"],
            sum(books[name] for name in OUTCOMES),
        ),
        "messages that FCM took, and sent ones": (len(stage.pushed), books["sent"]),
        "pushes that people opened": (did["message_opened"], funnel["opened"]),
        "redemptions, and uses of the coupon": (did["coupon_redeemed"], found["coupon"]["granted"]),
        "redemptions, and their events": (did["coupon_redeemed"], events.count("coupon.redeemed")),
        "events of ads, counted or rejected": (sum(did[one] for one in AD_DEEDS), counted),
        "coupons claimed by an ad": (len(stage.followed), ads["coupon_claims"]),
    }
    return [Sum(what=what, here=here, there=there) for what, (here, there) in pairs.items()]
