"""What the rounds of a sweep need from outside."""

from typing import Protocol

from shared.coupons.model.rounds import Spot


class RoundStore(Protocol):
    """How far a sweep came. It is a hint: what is swept twice changes nothing more."""

    def spot_of(self, app_id: str) -> Spot | None:
        """Return where an app's round goes on; ``None``: at its beginning."""
        ...

    def put_spot(self, app_id: str, spot: Spot | None) -> None:
        """Note where an app's round goes on."""
        ...
