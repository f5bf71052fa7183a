"""Use cases of those who run coupons: draft, change, activate, pause, end, and the app's rules."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from shared.coupons.errors import CouponChangedError, CouponSettingsChangedError
from shared.coupons.events import (
    CouponActivated,
    CouponCreated,
    CouponEnded,
    CouponPaused,
    CouponSettingsUpdated,
    CouponUpdated,
    DefinitionEvent,
)
from shared.coupons.model.coupons import Coupon, CouponState, begun, numbered
from shared.coupons.model.documents import changed_by, coupon_of, settings_of
from shared.coupons.model.limits import Limit
from shared.coupons.model.settings import CouponSettings
from shared.coupons.ports.coupons import Apps, CouponStore, Elsewhere, RunningLimits
from shared.kernel.clock import Clock
from shared.kernel.envelope import Envelope, seal
from shared.kernel.errors import FieldProblem, InvalidFieldsError
from shared.kernel.idempotency import Attempt
from shared.kernel.ids import Ids
from shared.kernel.paging import Page


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponService:
    """Keeps coupons, and moves them on."""

    apps: Apps
    elsewhere: Elsewhere
    coupons: CouponStore
    running: RunningLimits
    clock: Clock
    ids: Ids

    def create_coupon(
        self, document: Any, *, app_id: str, by: str, attempt: Attempt | None
    ) -> tuple[Coupon, bool]:
        """Store a new draft; say whether the attempt had made it before.

        Raises what ``apps`` raises where there is no such app.

        Raises:
            InvalidFieldsError: the definition has problems, or names what there is not.
            IdempotencyKeyReusedError: the attempt's key belongs to another request.
        """
        if attempt and (before := self._recall(attempt, app_id=app_id)):
            return before, True
        self.apps.check(app_id)
        coupon = begun(
            coupon_of(document, app_id=app_id, created_at=self.clock()),
            coupon_id=self.ids.new("cpn"),
        )
        self._check_named(coupon)
        event = self._told(CouponCreated, coupon, by=by)
        if self.coupons.add_coupon(coupon, event, attempt=attempt) or attempt is None:
            return coupon, False
        return self._recall(attempt, app_id=app_id) or coupon, True

    def get_coupon(self, coupon_id: str, *, app_id: str) -> Coupon:
        """Return a coupon.

        Raises:
            CouponNotFoundError: the app has none of this id.
        """
        return self.coupons.get_coupon(coupon_id, app_id=app_id)

    def list_coupons(self, app_id: str, *, limit: int, cursor: str | None) -> Page[Coupon]:
        """Return a page of an app's coupons, in the order of their creation."""
        return self.coupons.list_coupons(app_id, limit=limit, cursor=cursor)

    def change_coupon(
        self, coupon_id: str, changes: Any, *, app_id: str, version: int, by: str
    ) -> Coupon:
        """Change the fields of a definition that are named; ``version`` is the one that was read.

        Raises:
            CouponNotFoundError: the app has none of this id.
            CouponChangedError: another version stands by now.
            CouponStateError: it has ended.
            InvalidFieldsError: the definition has problems, names what there is not, or what was
                promised would change.
        """
        before = self.coupons.get_coupon(coupon_id, app_id=app_id)
        if before.version != version:
            raise CouponChangedError(f"version {before.version} stands")
        after = before.changed_to(changed_by(changes, before))
        self._check_named(after, before=before)
        event = self._told(CouponUpdated, after, by=by)
        self.coupons.replace_coupon(after, event, before=before)
        if before.state.has_run and after.limits != before.limits:
            # After the definition: from then on no window is opened by the former limits.
            self.running.adjust(after, before=before)
        return after

    def activate(self, coupon_id: str, *, app_id: str, by: str) -> Coupon:
        """Let a draft or a paused coupon be claimed and used.

        Raises:
            CouponNotFoundError: the app has none of this id.
            CouponStateError: it is active, or has ended.
            CouponChangedError: somebody changed it meanwhile.
        """
        return self._move(coupon_id, CouponState.ACTIVE, CouponActivated, app_id=app_id, by=by)

    def pause(self, coupon_id: str, *, app_id: str, by: str) -> Coupon:
        """Let an active coupon neither be claimed nor used, until it is activated again.

        Raises:
            CouponNotFoundError: the app has none of this id.
            CouponStateError: it is not active.
            CouponChangedError: somebody changed it meanwhile.
        """
        return self._move(coupon_id, CouponState.PAUSED, CouponPaused, app_id=app_id, by=by)

    def end(self, coupon_id: str, *, app_id: str, by: str) -> Coupon:
        """Let a coupon neither be claimed nor used any more, for good.

        Raises:
            CouponNotFoundError: the app has none of this id.
            CouponStateError: it has ended.
            CouponChangedError: somebody changed it meanwhile.
        """
        return self._move(coupon_id, CouponState.ENDED, CouponEnded, app_id=app_id, by=by)

    def get_settings(self, app_id: str) -> CouponSettings:
        """Return what an app decided for all its coupons; the defaults before that."""
        return self.coupons.get_settings(app_id)

    def replace_settings(
        self, document: Any, *, app_id: str, version: int, by: str
    ) -> CouponSettings:
        """Put an app's settings in the place of those of ``version`` (0: the defaults).

        Raises:
            CouponSettingsChangedError: another version stands by now.
            InvalidFieldsError: the document has problems, or a limit counts what it did not.
        """
        before = self.coupons.get_settings(app_id)
        if before.version != version:
            raise CouponSettingsChangedError(f"version {before.version} stands")
        read = settings_of(document, app_id=app_id, version=version + 1)
        _check_ids(read.limits, known=before.limits)
        after = replace(read, limits=numbered(read.limits, version=read.version))
        event = CouponSettingsUpdated(
            app_id=app_id, occurred_at=self.clock(), version=after.version, by=by
        )
        sealed = seal(event, sequence=self.ids.sequence())
        self.coupons.replace_settings(after, sealed, before=before)
        if after.limits != before.limits:
            self.running.adjust_app(after, before=before)
        return after

    def _check_named(self, coupon: Coupon, *, before: Coupon | None = None) -> None:
        """Hold what a definition newly names against what there is.

        What it named before may have gone since: that is no reason to refuse another change.

        Raises:
            InvalidFieldsError: a segment or the template of its reminders does not exist.
        """
        named = coupon.rules.segments - (before.rules.segments if before else frozenset())
        problems = [
            FieldProblem(pointer="/rules/segments", code="not_found", detail=f"no segment {one}")
            for one in sorted(named)
            if not self.elsewhere.has_segment(one, app_id=coupon.app_id)
        ]
        template_id = coupon.claims.reminder_template_id
        is_new = before is None or template_id != before.claims.reminder_template_id
        if is_new and template_id is not None:
            problems += self._problems_of_template(template_id, coupon.app_id)
        if problems:
            raise InvalidFieldsError("the coupon names what there is not", fields=problems)

    def _problems_of_template(self, template_id: str, app_id: str) -> Sequence[FieldProblem]:
        if self.elsewhere.has_template(template_id, app_id=app_id):
            return ()
        pointer = "/claims/reminder_template_id"
        detail = f"no template {template_id}"
        return [FieldProblem(pointer=pointer, code="not_found", detail=detail)]

    def _move(
        self,
        coupon_id: str,
        state: CouponState,
        event: type[DefinitionEvent],
        *,
        app_id: str,
        by: str,
    ) -> Coupon:
        before = self.coupons.get_coupon(coupon_id, app_id=app_id)
        after = before.moved_to(state)
        self.coupons.replace_coupon(after, self._told(event, after, by=by), before=before)
        return after

    def _recall(self, attempt: Attempt, *, app_id: str) -> Coupon | None:
        before = self.coupons.recall(attempt, app_id=app_id)
        if before is None:
            return None
        attempt.check(before.fingerprint)
        return self.coupons.get_coupon(before.result, app_id=app_id)

    def _told(self, kind: type[DefinitionEvent], coupon: Coupon, *, by: str) -> Envelope:
        event = kind(
            app_id=coupon.app_id,
            occurred_at=self.clock(),
            coupon_id=coupon.coupon_id,
            name=coupon.name,
            version=coupon.version,
            by=by,
        )
        return seal(event, sequence=self.ids.sequence())


def _check_ids(limits: Sequence[Limit], *, known: Sequence[Limit]) -> None:
    """Hold an app's limits to what was counted under their ids."""
    meanings = {limit.limit_id: limit.meaning for limit in known}
    problems = [
        FieldProblem(
            pointer=f"/limits/{place}",
            code="fixed",
            detail="of a known limit, how much can be changed; a new one has no id",
        )
        for place, limit in enumerate(limits)
        if limit.limit_id and meanings.get(limit.limit_id) != limit.meaning
    ]
    if problems:
        raise InvalidFieldsError("the settings cannot be changed so", fields=problems)
