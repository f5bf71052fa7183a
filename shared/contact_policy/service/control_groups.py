"""Use cases of control groups."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.contact_policy.errors import ControlGroupInvalidError, TooManyControlGroupsError
from shared.contact_policy.events import ControlGroupCreated
from shared.contact_policy.model.control_groups import ControlGroup
from shared.contact_policy.ports import ControlGroups, Pause, PolicyStore
from shared.contact_policy.service.settling import until_settled
from shared.kernel.clock import Clock
from shared.kernel.envelope import seal
from shared.kernel.errors import FieldProblem
from shared.kernel.events import Channel
from shared.kernel.ids import Ids

MOST_GROUPS = 20
"""Of an app: every decision asks all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlGroupService:
    """Sets people aside, for good: a group is not changed, and its people stay."""

    store: PolicyStore
    clock: Clock
    ids: Ids
    pause: Pause

    def create_control_group(
        self,
        app_id: str,
        *,
        percent: float,
        channels: frozenset[Channel] | None = None,
        campaign_id: str | None = None,
    ) -> ControlGroup:
        """Set a share of all people aside, for one campaign or (``None``) for everything.

        Raises:
            ControlGroupInvalidError: the share is not above 0 and at most 100, or no channel named.
            TooManyControlGroupsError: the app has 20 already.
        """
        _check(percent, channels)
        group_id = self.ids.new("grp")
        group = ControlGroup(
            id=group_id,
            salt=group_id,
            percent=percent,
            channels=channels,
            campaign_id=campaign_id,
        )
        event = ControlGroupCreated(
            app_id=app_id,
            occurred_at=self.clock(),
            control_group_id=group_id,
            percent=percent,
            channels=None if channels is None else tuple(sorted(channels)),
            campaign_id=campaign_id,
        )
        sealed = seal(event, sequence=self.ids.sequence())

        def try_once() -> None:
            _, before = self.store.rules(app_id)
            if len(before.groups) >= MOST_GROUPS:
                raise TooManyControlGroupsError(f"at most {MOST_GROUPS}")
            after = ControlGroups(groups=(*before.groups, group), version=before.version + 1)
            self.store.put_control_groups(app_id, after, event=sealed)

        until_settled(try_once, pause=self.pause)
        return group

    def list_control_groups(self, app_id: str) -> Sequence[ControlGroup]:
        """Return the control groups of an app, oldest first."""
        return self.store.rules(app_id)[1].groups


def _check(percent: float, channels: frozenset[Channel] | None) -> None:
    problems = []
    if not 0 < percent <= 100:  # noqa: PLR2004 - per cent
        detail = "a number above 0 and of at most 100 is needed"
        problems.append(FieldProblem(pointer="/percent", code="number", detail=detail))
    if channels is not None and not channels:
        detail = "at least one channel is needed"
        problems.append(FieldProblem(pointer="/channels", code="length", detail=detail))
    if problems:
        raise ControlGroupInvalidError("the control group has problems", fields=problems)
