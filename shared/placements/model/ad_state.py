"""What a decision knows of a person: one item, read once.

What it holds of other domains are their answers, which are asked again where they are old. What it
holds itself is what was shown and what is promised, each with the contact it was shown to: so two
people who turn out to be one are united, and parted again.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, TypeVar

from shared.kernel.events import Purpose

FACTS_LAST = timedelta(hours=1)
"""How long the answers of other domains are good for, where no event tells of a change.

Some change without one: what a cap or a quiet hour of the policy allows, who is in a segment.
"""

STATE_FULL = "state_full"
"""The reason of the hold of who saw too many different ads to count them."""


WhatT = TypeVar("WhatT")


class Topic(NamedTuple):
    """What ads of a purpose are about, in the policy's words.

    The policy answers of it by itself: who agreed to the topic need not agree to the purpose.
    """

    purpose: Purpose
    name: str


class CouponStanding(StrEnum):
    """How a person stands to a coupon."""

    CLAIMED = "claimed"
    REDEEMED = "redeemed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Ads of a purpose are not shown: ``reason`` is the policy's gate, ``until`` its end."""

    reason: str
    detail: str
    until: datetime | None = None

    def stands(self, at: datetime) -> bool:
        """Say whether it has not ended."""
        return self.until is None or self.until > at


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An ad that was shown, or that is promised to be shown.

    ``held_until`` is set while it is a promise (a strict cap's reservation): then it counts until
    that instant, and not after it. ``token_id`` finds it when it is shown; one that was shown long
    ago may have lost it. ``origin`` is the contact that it was shown to.
    """

    ad_id: str
    flight_id: str
    ad_campaign_id: str
    advertiser_id: str
    placement_id: str
    at: datetime
    token_id: str
    held_until: datetime | None = None
    labels: frozenset[str] = frozenset()
    origin: str = ""

    def counts(self, at: datetime) -> bool:
        """Say whether caps count it: all but a promise that has lapsed."""
        return self.held_until is None or self.held_until > at


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What other domains answer of a person at an instant; see ``AdState``."""

    holds: Mapping[Purpose, Hold] = field(default_factory=dict)
    topic_holds: Mapping[Topic, Hold] = field(default_factory=dict)
    segments: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    coupons: Mapping[str, CouponStanding] = field(default_factory=dict)
    device_epochs: Mapping[str, int] = field(default_factory=dict)
    timezone: str | None = None
    country: str | None = None
    policy_version: int = 0
    names: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AdState:
    """One person's state, as the item ``ADSTATE`` has it.

    ``holds`` by purpose, ``topic_holds`` of what names a topic, and ``segments`` are what the
    contact policy and the registrations answered at ``facts_at`` under ``policy_version`` of the
    app; they are asked again where that is too old, or where they were asked about other topics,
    segments, tags and coupons than live ads name (``names`` is a digest of those).
    ``coupons`` by id. ``device_epochs``: which device tokens are revoked. ``epoch`` grows when ads
    that devices hold must not be shown any more. ``moved_to``: the person's state is another
    contact's since they were merged. ``version`` grows with each write; 0: there is no item.
    """

    app_id: str
    contact_id: str
    version: int = 0
    seen: tuple[Seen, ...] = ()
    holds: Mapping[Purpose, Hold] = field(default_factory=dict)
    topic_holds: Mapping[Topic, Hold] = field(default_factory=dict)
    segments: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    coupons: Mapping[str, CouponStanding] = field(default_factory=dict)
    device_epochs: Mapping[str, int] = field(default_factory=dict)
    timezone: str | None = None
    country: str | None = None
    policy_version: int = 0
    names: int = 0
    facts_at: datetime | None = None
    epoch: int = 0
    moved_to: str | None = None
    origins: frozenset[str] = frozenset()
    edges: frozenset[str] = frozenset()

    def is_fresh(
        self, at: datetime, *, device_id: str, policy_version: int, names: int = 0
    ) -> bool:
        """Say whether the answers of other domains are recent, and cover a device."""
        return (
            self.facts_at is not None
            and at - self.facts_at < FACTS_LAST
            and self.policy_version >= policy_version
            and self.names == names
            and device_id in self.device_epochs
        )

    def hold_on(self, purpose: Purpose, topic: str | None, *, at: datetime) -> Hold | None:
        """Return what holds ads of a purpose, or of one topic of it; ``None``: they may be shown.

        Of who saw too much to be counted everything is held.
        """
        if topic is None:
            own = self.holds.get(purpose)
        else:
            own = self.topic_holds.get(Topic(purpose, topic))
        full = (hold for hold in self.holds.values() if hold.reason == STATE_FULL)
        return next((hold for hold in (own, *full) if hold and hold.stands(at)), None)

    def told(self, known: Known, *, at: datetime) -> "AdState":
        """Return the state with what other domains answer now.

        A hold that is new, or a coupon that was not redeemed before, takes back what devices keep.
        What is held because too much was seen stays held, and what is redeemed stays redeemed until
        that is undone: not every use leaves a trace with the person, or takes their claim away.
        """
        own = {
            purpose: hold
            for purpose, hold in self.holds.items()
            if hold.reason == STATE_FULL and hold.stands(at)
        }
        is_held = _is_held_anew(known.holds, self.holds, at)
        is_held |= _is_held_anew(known.topic_holds, self.topic_holds, at)
        redeemed = _redeemed(known.coupons) - _redeemed(self.coupons)
        return replace(
            self,
            holds={**own, **known.holds},
            topic_holds=known.topic_holds,
            segments=known.segments,
            tags=known.tags,
            coupons={
                **known.coupons,
                **dict.fromkeys(_redeemed(self.coupons), CouponStanding.REDEEMED),
            },
            device_epochs=_latest(self.device_epochs, known.device_epochs),
            timezone=known.timezone,
            country=known.country,
            policy_version=known.policy_version,
            names=known.names,
            facts_at=at,
            epoch=self.epoch + (is_held or bool(redeemed)),
        )

    def with_coupon(self, coupon_id: str, standing: CouponStanding) -> "AdState":
        """Return the state with a coupon that was claimed or redeemed; a use is not unlearnt."""
        before = self.coupons.get(coupon_id)
        if before in {standing, CouponStanding.REDEEMED}:
            return self
        is_redeemed = standing is CouponStanding.REDEEMED
        coupons = {**self.coupons, coupon_id: standing}
        return replace(self, coupons=coupons, epoch=self.epoch + is_redeemed)

    def without_coupon(self, coupon_id: str) -> "AdState":
        """Return the state when a coupon's use was undone: how the person stands to it is asked."""
        kept = {one: standing for one, standing in self.coupons.items() if one != coupon_id}
        return self if coupon_id not in self.coupons else replace(self, coupons=kept)

    def with_device(self, device_id: str, epoch: int) -> "AdState":
        """Return the state with a device's epoch, which never goes back."""
        if self.device_epochs.get(device_id, -1) >= epoch:
            return self
        return replace(self, device_epochs={**self.device_epochs, device_id: epoch})

    def has_promised(self, promises: Iterable[Seen]) -> bool:
        """Say whether each of some promises is in the state already."""
        tokens = {seen.token_id for seen in self.seen}
        return all(promise.token_id in tokens for promise in promises)

    def promised(self, promises: Iterable[Seen]) -> "AdState":
        """Return the state with promises: each counts until it is shown, or lapses."""
        return _with(self, promises)

    def shown(self, seen: Seen) -> "AdState":
        """Return the state after an impression; again it is the same.

        A promise becomes firm. One that lapsed meanwhile, or was never made, counts from now on.
        """
        if any(one.token_id == seen.token_id and one.held_until is None for one in self.seen):
            return self
        return _with(self, [replace(seen, held_until=None)])

    def purged(self, at: datetime, *, longest: timedelta) -> "AdState":
        """Return the state without what no cap counts any more.

        That are promises that lapsed, and what is older than the longest window of any live cap.
        """
        kept = tuple(one for one in self.seen if one.counts(at) and one.at > at - longest)
        return self if len(kept) == len(self.seen) else replace(self, seen=kept)

    def united(self, other: "AdState") -> "AdState":
        """Return the state of one person of two, as strict as the stricter of both.

        The answers of other domains are to be asked again.
        """
        coupons = {**other.coupons, **self.coupons}
        for coupon_id in _redeemed(other.coupons):
            coupons[coupon_id] = CouponStanding.REDEEMED
        united = replace(
            self,
            holds={**other.holds, **self.holds},
            topic_holds={**other.topic_holds, **self.topic_holds},
            segments=self.segments | other.segments,
            tags=self.tags | other.tags,
            coupons=coupons,
            device_epochs=_latest(self.device_epochs, other.device_epochs),
            facts_at=None,
            epoch=max(self.epoch, other.epoch) + 1,
            origins=self.origins | other.origins | {self.contact_id, other.contact_id},
        )
        return _with(united, _own(other))

    def moved(self, contact_id: str) -> "AdState":
        """Return what stays under a contact whose state went to another."""
        return AdState(
            app_id=self.app_id,
            contact_id=self.contact_id,
            version=self.version,
            moved_to=contact_id,
            edges=self.edges,
        )

    def parted(self, origins: Collection[str], *, to: str) -> tuple["AdState", "AdState"]:
        """Return what stays, and what goes to the contact ``to`` since it came from ``origins``.

        Both ask the other domains again, and both keep their strict answers until then.
        """
        own = _own(self)
        stays = replace(
            self,
            seen=tuple(one for one in own if one.origin not in origins),
            facts_at=None,
            epoch=self.epoch + 1,
            origins=self.origins - {*origins, to},
        )
        leaves = replace(
            self,
            contact_id=to,
            version=0,
            seen=tuple(one for one in own if one.origin in origins),
            facts_at=None,
            epoch=self.epoch + 1,
            origins=self.origins & {*origins, to},
            edges=frozenset(),
        )
        return stays, leaves


def _own(state: AdState) -> tuple[Seen, ...]:
    """Return what was seen, each with its origin."""
    return tuple(one if one.origin else replace(one, origin=state.contact_id) for one in state.seen)


def _with(state: AdState, more: Iterable[Seen]) -> AdState:
    """Return a state with more seen; what has a token replaces what had it before."""
    added = tuple(more)
    tokens = {one.token_id for one in added} - {""}
    kept = (one for one in state.seen if one.token_id not in tokens)
    seen = sorted((*kept, *added), key=lambda one: (one.at, one.token_id))
    return replace(state, seen=tuple(seen))


def _is_held_anew(known: Mapping[WhatT, Hold], before: Mapping[WhatT, Hold], at: datetime) -> bool:
    """Say whether others hold something now that they did not hold before."""
    stood = {what for what, hold in before.items() if hold.stands(at) and hold.reason != STATE_FULL}
    return bool(known.keys() - stood)


def _latest(one: Mapping[str, int], other: Mapping[str, int]) -> Mapping[str, int]:
    """Return the epochs of devices, of each the later."""
    devices = {**one, **other}
    return {device: max(one.get(device, 0), other.get(device, 0)) for device in devices}


def _redeemed(coupons: Mapping[str, CouponStanding]) -> frozenset[str]:
    redeemed = CouponStanding.REDEEMED
    return frozenset(one for one, standing in coupons.items() if standing is redeemed)
