"""What the definitions of coupons need from outside."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from shared.coupons.model.coupons import Coupon
from shared.coupons.model.settings import CouponSettings
from shared.kernel.envelope import Envelope
from shared.kernel.idempotency import Attempt, Remembered
from shared.kernel.paging import Page


class Apps(Protocol):
    """Which apps there are."""

    def check(self, app_id: str) -> None:
        """Raise that domain's not-found error unless there is such an app."""
        ...


class Elsewhere(Protocol):
    """What a coupon names and others keep."""

    def has_segment(self, segment_id: str, *, app_id: str) -> bool:
        """Say whether the app has such a segment."""
        ...

    def has_template(self, template_id: str, *, app_id: str) -> bool:
        """Say whether the app has such a template of pushes."""
        ...


class CouponStore(Protocol):
    """The definitions of an app's coupons, and its settings for all of them."""

    def add_coupon(self, coupon: Coupon, event: Envelope, *, attempt: Attempt | None) -> bool:
        """Store a new coupon, its event, and what its attempt came to (the coupon's id).

        Returns ``False``, with nothing stored, where the attempt is remembered already.
        """
        ...

    def recall(self, attempt: Attempt, *, app_id: str) -> Remembered | None:
        """Return what an attempt came to before, if it did."""
        ...

    def get_coupon(self, coupon_id: str, *, app_id: str) -> Coupon:
        """Return the coupon or raise ``CouponNotFoundError``."""
        ...

    def find_coupons(self, coupon_ids: Iterable[str], *, app_id: str) -> Mapping[str, Coupon]:
        """Return those of some coupons that there are, by their ids, as they are now."""
        ...

    def list_coupons(self, app_id: str, *, limit: int, cursor: str | None) -> Page[Coupon]:
        """Return a page of coupons, in the order of their creation."""
        ...

    def open_coupons(self, app_id: str, *, limit: int) -> Sequence[Coupon]:
        """Return the newest coupons that anybody may take in the app, newest first."""
        ...

    def replace_coupon(self, coupon: Coupon, event: Envelope, *, before: Coupon) -> None:
        """Store the version after ``before``, and its event.

        Raises:
            CouponChangedError: ``before`` is not the version that stands.
        """
        ...

    def get_settings(self, app_id: str) -> CouponSettings:
        """Return an app's settings; version 0 before anybody decided."""
        ...

    def replace_settings(
        self, settings: CouponSettings, event: Envelope, *, before: CouponSettings
    ) -> None:
        """Store the version after ``before``, and its event.

        Raises:
            CouponSettingsChangedError: ``before`` is not the version that stands.
        """
        ...


class RunningLimits(Protocol):
    """The counters of limits whose windows are open."""

    def adjust(self, coupon: Coupon, *, before: Coupon) -> None:
        """Bring the open windows of a coupon to the limits that stand in its new version.

        The version is stored by then, so that no window is opened by the former limits any more.
        What is used or held stays so: a limit that is lowered below that grants no more. To repeat
        it is harmless.
        """
        ...

    def adjust_app(self, settings: CouponSettings, *, before: CouponSettings) -> None:
        """Bring the open windows of an app's own limits to its new settings, in the same way."""
        ...
