"""What the export of a person needs from outside."""

from typing import Protocol

from shared.kernel.paging import Page


class RedemptionArchive(Protocol):
    """Which redemptions were whose."""

    def redemptions_of(
        self, contact_id: str, *, app_id: str, after: str | None, limit: int
    ) -> Page[str]:
        """Return ids of redemptions that happened under a contact, oldest first, by the ledger.

        At most ``limit`` events are looked at, so one that was reserved and redeemed is told twice,
        and a page may be empty though others follow.
        """
        ...
