"""What a decision about one person rests on, worked out where a gate asks for it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from shared.contact_policy.model.control_groups import ControlGroup
from shared.contact_policy.model.laws import LAWS, LawPack
from shared.contact_policy.model.policy import Policy
from shared.contact_policy.model.pressure import Counts, Pressure
from shared.contact_policy.model.standing import Effective, Standing
from shared.contact_policy.model.zones import possible_countries, possible_zones
from shared.kernel.clock import milliseconds

_OF_THE_PERSON = {"moment", "effective", "counts", "zones", "countries"}
"""What is worked out of facts without looking at the policy."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that a decision depends on but its candidate. ``person`` is the canonical contact id."""

    policy: Policy
    person: str
    pressure: Pressure
    standing: Standing
    control_groups: Sequence[ControlGroup]
    app_zone: str
    default_country: str | None
    now: datetime

    def under(self, policy: Policy) -> "Facts":
        """Return the same facts under another policy; what was worked out of the person stays."""
        other = replace(self, policy=policy)
        for name in _OF_THE_PERSON & self.__dict__.keys():
            other.__dict__[name] = self.__dict__[name]
        return other

    @cached_property
    def moment(self) -> int:
        """Return now in whole milliseconds from 1970."""
        return milliseconds(self.now)

    @cached_property
    def effective(self) -> Effective:
        """Return what holds for the person now."""
        return Effective(self.standing, at=self.now)

    @cached_property
    def counts(self) -> Counts:
        """Return what counts now of the person's touches."""
        return self.pressure.counts(self.now)

    @cached_property
    def zones(self) -> tuple[str, ...]:
        """Return the zones in which the person may be."""
        return possible_zones(self.effective, app_zone=self.app_zone)

    @cached_property
    def countries(self) -> frozenset[str]:
        """Return the countries in which the person may be; empty is unknown."""
        return possible_countries(self.effective, default=self.default_country)

    @cached_property
    def laws(self) -> tuple[LawPack, ...]:
        """Return the law packs of the policy that protect the person."""
        packs = (LAWS[name] for name in self.policy.laws)
        return tuple(pack for pack in packs if pack.protects(self.countries))
