"""What other domains are asked about a person: each in its own words, so that it needs no adapter.

They are domains of their own, and are known here by what they answer alone.
"""

from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Protocol

from shared.kernel.decisions import Candidate, Decision
from shared.placements.model.ad_state import Topic


class Rulebook(Protocol):
    """What an app's policy says."""

    @property
    def version(self) -> int: ...  # noqa: D102 - see the class


class Rules(Protocol):
    """The policies of apps."""

    def rules_of(self, app_id: str) -> Rulebook:
        """Return the rules of an app, those of the last seconds."""
        ...


class Policy(Protocol):
    """The contact policy."""

    @property
    def rules(self) -> Rules: ...  # noqa: D102 - see the class

    def decide_many(self, candidates: Sequence[Candidate], *, at: datetime) -> Sequence[Decision]:
        """Return what it would answer to each at an instant; nothing is reserved."""
        ...


class Standing(Protocol):
    """What is registered of a person; ``epochs`` of their devices, and of the one asked about.

    ``timezone`` is IANA's, ``country`` ISO 3166-1 alpha-2.
    """

    @property
    def contact_id(self) -> str: ...  # noqa: D102 - see the class

    @property
    def segments(self) -> AbstractSet[str]: ...  # noqa: D102 - see the class

    @property
    def tags(self) -> AbstractSet[str]: ...  # noqa: D102 - see the class

    @property
    def timezone(self) -> str | None: ...  # noqa: D102 - see the class

    @property
    def country(self) -> str | None: ...  # noqa: D102 - see the class

    @property
    def epochs(self) -> Mapping[str, int]: ...  # noqa: D102 - see the class


class People(Protocol):
    """Who is registered."""

    def standing_of(
        self,
        contact_id: str,
        *,
        app_id: str,
        device_id: str | None,
        segment_ids: Collection[str],
        at: datetime,
    ) -> Standing:
        """Return what is known of a contact's person; in which of some segments they are.

        Raises that domain's error where the person was erased.
        """
        ...


class CouponsOfPerson(Protocol):
    """Coupons that a person holds, and those that they used."""

    @property
    def held(self) -> AbstractSet[str]: ...  # noqa: D102 - see the class

    @property
    def used(self) -> AbstractSet[str]: ...  # noqa: D102 - see the class


class Coupons(Protocol):
    """How people stand to coupons."""

    def standing_of(
        self, contact_id: str, *, app_id: str, coupon_ids: Collection[str], at: datetime
    ) -> CouponsOfPerson:
        """Return how the person of a contact stands to some coupons."""
        ...


class Names(Protocol):
    """What an app's live ads ask about people."""

    @property
    def topics(self) -> frozenset[Topic]: ...  # noqa: D102 - see the class

    @property
    def segments(self) -> frozenset[str]: ...  # noqa: D102 - see the class

    @property
    def tags(self) -> frozenset[str]: ...  # noqa: D102 - see the class

    @property
    def coupons(self) -> frozenset[str]: ...  # noqa: D102 - see the class

    @property
    def digest_of_names(self) -> int: ...  # noqa: D102 - see the class
