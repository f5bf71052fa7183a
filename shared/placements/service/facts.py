"""Asks other domains what a decision has to know of a person."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from typing_extensions import override

from shared.kernel.decisions import Candidate
from shared.kernel.events import Channel, Purpose
from shared.placements.model.ad_state import CouponStanding, Known
from shared.placements.model.holds import holds_of
from shared.placements.ports.decisions import Facts
from shared.placements.ports.facts import Coupons, Names, People, Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedFacts(Facts):
    """Puts the answers together; of topics, segments, tags and coupons those that live ads name.

    ``names`` returns what an app's live ads ask about people.
    """

    names: Callable[[str], Names]
    policy: Policy
    people: People
    coupons: Coupons

    @override
    def of(self, contact_id: str, *, device_id: str | None, app_id: str, at: datetime) -> Known:
        names = self.names(app_id)
        standing = self.people.standing_of(
            contact_id, app_id=app_id, device_id=device_id, segment_ids=names.segments, at=at
        )
        # Read first: where another version comes in between, the older one is named.
        policy_version = self.policy.rules.rules_of(app_id).version
        topics = sorted(names.topics)
        wanted = [*((purpose, None) for purpose in Purpose), *topics]
        candidates = [
            Candidate(
                app_id=app_id,
                contact_id=standing.contact_id,
                channel=Channel.AD,
                purpose=purpose,
                topic=topic,
            )
            for purpose, topic in wanted
        ]
        answers = self.policy.decide_many(candidates, at=at)
        of_topics = answers[len(Purpose) :]
        return Known(
            holds=holds_of(dict(zip(Purpose, answers, strict=False))),
            topic_holds=holds_of(dict(zip(topics, of_topics, strict=True))),
            segments=frozenset(standing.segments),
            tags=names.tags & standing.tags,
            coupons=self._coupons(standing.contact_id, names.coupons, app_id=app_id, at=at),
            device_epochs=standing.epochs,
            timezone=standing.timezone,
            country=standing.country,
            policy_version=policy_version,
            names=names.digest_of_names,
        )

    def _coupons(
        self, contact_id: str, coupons: frozenset[str], *, app_id: str, at: datetime
    ) -> Mapping[str, CouponStanding]:
        found = self.coupons.standing_of(contact_id, app_id=app_id, coupon_ids=coupons, at=at)
        claimed = dict.fromkeys(found.held, CouponStanding.CLAIMED)
        return claimed | dict.fromkeys(found.used, CouponStanding.REDEEMED)
