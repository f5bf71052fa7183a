"""Use cases of those who write triggers and review them, and the triggers in force."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.contact_events.errors import (
    StaleError,
    TooManyTriggersError,
    TriggerChangedError,
    TriggerNotFoundError,
)
from shared.contact_events.events import (
    TriggerApproved,
    TriggerCreated,
    TriggerDeleted,
    TriggerEvent,
    TriggerPaused,
    TriggerResumed,
    TriggerUpdated,
)
from shared.contact_events.model.trigger_documents import trigger_of
from shared.contact_events.model.triggers import Running, Trigger
from shared.contact_events.ports import KnownTriggers, TriggerStore
from shared.kernel.clock import Clock
from shared.kernel.envelope import Envelope, seal
from shared.kernel.ids import Ids
from shared.kernel.kept import Kept

MOST_TRIGGERS = 100

OLDEST = 10.0
"""Seconds for which triggers are kept in memory: a change is in force everywhere after them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerService:
    """Keeps triggers: one writes, another says yes."""

    triggers: TriggerStore
    clock: Clock
    ids: Ids

    def create_trigger(self, document: Any, *, app_id: str, by: str) -> Trigger:
        """Store a new draft.

        Raises:
            TriggerInvalidError: the document breaks rules.
            TooManyTriggersError: the app has 100 already.
        """
        rule, at = trigger_of(document), self.clock()
        if len(self.triggers.triggers_of(app_id)) >= MOST_TRIGGERS:
            raise TooManyTriggersError(f"an app has {MOST_TRIGGERS} triggers at most")
        trigger = Trigger(
            app_id=app_id,
            trigger_id=self.ids.new("trg"),
            rule=rule,
            version=1,
            authors=(by,),
            created_at=at,
            updated_at=at,
        )
        self.triggers.add(trigger, event=self._told(TriggerCreated, trigger, by=by))
        return trigger

    def get_trigger(self, trigger_id: str, *, app_id: str) -> Trigger:
        """Return a trigger.

        Raises:
            TriggerNotFoundError: the app has none of this id.
        """
        found = self.triggers.find(trigger_id, app_id=app_id)
        if found is None:
            raise TriggerNotFoundError(trigger_id)
        return found

    def list_triggers(self, app_id: str) -> Sequence[Trigger]:
        """Return all triggers of an app, in the order of their creation."""
        return self.triggers.triggers_of(app_id)

    def put_trigger(
        self, trigger_id: str, document: Any, *, app_id: str, version: int, by: str
    ) -> Trigger:
        """Draft the next version; what is in force goes on. The same document changes nothing.

        ``version`` is the one that was read.

        Raises:
            TriggerNotFoundError: the app has none of this id.
            TriggerInvalidError: the document breaks rules.
            TriggerChangedError: another version is the newest by now.
        """
        rule, before = trigger_of(document), self.get_trigger(trigger_id, app_id=app_id)
        if before.version != version:
            raise TriggerChangedError(f"version {before.version} is the newest")
        if before.rule == rule:
            return before
        after = before.changed(rule, by=by, at=self.clock())
        return self._replaced(after, TriggerUpdated, by=by)

    def approve(self, trigger_id: str, *, version: int, app_id: str, by: str) -> Trigger:
        """Put a trigger's newest version in force; ``version`` is the one that was reviewed.

        Raises:
            TriggerNotFoundError: the app has none of this id.
            TriggerChangedError: another version is the newest by now.
            TriggerStateError: it is approved already.
            OwnTriggerApprovalError: ``by`` wrote it.
        """
        before = self.get_trigger(trigger_id, app_id=app_id)
        after = before.approved(version, by=by, at=self.clock())
        return self._replaced(after, TriggerApproved, by=by)

    def pause(self, trigger_id: str, *, app_id: str, by: str) -> Trigger:
        """Have nothing started and nothing fired; what is due meanwhile is suppressed.

        Raises:
            TriggerNotFoundError: the app has none of this id.
            TriggerStateError: it is not in force.
            TriggerChangedError: it was changed at the same time.
        """
        before = self.get_trigger(trigger_id, app_id=app_id)
        return self._replaced(before.paused(at=self.clock()), TriggerPaused, by=by)

    def resume(self, trigger_id: str, *, app_id: str, by: str) -> Trigger:
        """Have a paused trigger go on with what happens from now on.

        Raises:
            TriggerNotFoundError: the app has none of this id.
            TriggerStateError: it is not paused.
            TriggerChangedError: it was changed at the same time.
        """
        before = self.get_trigger(trigger_id, app_id=app_id)
        return self._replaced(before.resumed(at=self.clock()), TriggerResumed, by=by)

    def delete_trigger(self, trigger_id: str, *, app_id: str, by: str) -> None:
        """Delete a trigger; what waits is suppressed when it is due.

        Raises:
            TriggerNotFoundError: the app has none of this id.
            TriggerChangedError: it was changed at the same time.
        """
        before = self.get_trigger(trigger_id, app_id=app_id)
        try:
            self.triggers.remove(before, event=self._told(TriggerDeleted, before, by=by))
        except StaleError as error:
            raise TriggerChangedError("it was changed at the same time") from error

    def _replaced(self, trigger: Trigger, kind: type[TriggerEvent], *, by: str) -> Trigger:
        try:
            self.triggers.replace(trigger, event=self._told(kind, trigger, by=by))
        except StaleError as error:
            raise TriggerChangedError("it was changed at the same time") from error
        return trigger

    def _told(self, kind: type[TriggerEvent], trigger: Trigger, *, by: str) -> Envelope:
        event = kind(
            app_id=trigger.app_id,
            occurred_at=self.clock(),
            trigger_id=trigger.trigger_id,
            name=trigger.rule.name,
            version=trigger.version,
            by=by,
        )
        return seal(event, sequence=self.ids.sequence())


@dataclass(slots=True, kw_only=True)
class RunningTriggers:
    """The triggers in force, each at most ten seconds old.

    ``elapsed`` counts seconds and never goes back.
    """

    triggers: KnownTriggers
    elapsed: Callable[[], float]
    _triggers: Kept[Sequence[Trigger]] = field(init=False)
    _versions: dict[tuple[str, str, int], Running] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._triggers = Kept(read=self.triggers.triggers_of, seconds=OLDEST, elapsed=self.elapsed)

    def running_in(self, app_id: str) -> Sequence[Running]:
        """Return what is in force in an app."""
        in_force = (
            self.version(one.trigger_id, one.in_force, app_id=app_id)
            for one in self._triggers.of(app_id)
            if one.in_force
        )
        return [one for one in in_force if one]

    def trigger(self, trigger_id: str, *, app_id: str) -> Trigger | None:
        """Return a trigger of an app."""
        kept = self._triggers.of(app_id)
        return next((one for one in kept if one.trigger_id == trigger_id), None)

    def version(self, trigger_id: str, version: int, *, app_id: str) -> Running | None:
        """Return a version of a trigger, whether or not it is in force; versions never change."""
        key = app_id, trigger_id, version
        if key not in self._versions:
            rule = self.triggers.rule_of(trigger_id, version, app_id=app_id)
            if rule is None:
                return None
            self._versions[key] = Running(
                app_id=app_id, trigger_id=trigger_id, version=version, rule=rule
            )
        return self._versions[key]
