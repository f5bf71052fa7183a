"""Use cases of an app's policy, and the rules in force as decisions read them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from shared.contact_policy.errors import PolicyChangedError, StaleError
from shared.contact_policy.events import PolicyUpdated
from shared.contact_policy.model.control_groups import ControlGroup
from shared.contact_policy.model.defaults import default_policy
from shared.contact_policy.model.document import document_of, policy_of
from shared.contact_policy.model.limits import memory
from shared.contact_policy.model.policy import Policy
from shared.contact_policy.ports import AppPlace, Apps, PolicyStore, PutPolicy
from shared.kernel.clock import Clock
from shared.kernel.envelope import seal
from shared.kernel.ids import Ids
from shared.kernel.kept import Kept
from shared.kernel.paging import Page, cursor_of, number_of

OLDEST = 10.0
"""Seconds for which rules are kept in memory: a change is in force everywhere after them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rulebook:
    """All of an app that decisions rest on. ``memory`` is how long a touch matters to it."""

    policy: Policy
    version: int
    control_groups: tuple[ControlGroup, ...]
    place: AppPlace
    memory: timedelta


def rulebook(app_id: str, *, store: PolicyStore, apps: Apps) -> Rulebook:
    """Return the rules of an app as they are now.

    Raises:
        AppNotFoundError: there is no such app.
    """
    put, control = store.rules(app_id)
    policy = put.policy if put else default_policy()
    return Rulebook(
        policy=policy,
        version=put.version if put else 0,
        control_groups=control.groups,
        place=apps.place_of(app_id),
        memory=memory(policy),
    )


@dataclass(slots=True, kw_only=True)
class PolicyCache:
    """The rulebooks of a process, each at most 10 seconds old.

    ``elapsed`` counts seconds and never goes back.
    """

    store: PolicyStore
    apps: Apps
    elapsed: Callable[[], float]
    _books: Kept[Rulebook] = field(init=False)

    def __post_init__(self) -> None:
        self._books = Kept(read=self._read, seconds=OLDEST, elapsed=self.elapsed)

    def rules_of(self, app_id: str) -> Rulebook:
        """Return the rules of an app."""
        return self._books.of(app_id)

    def _read(self, app_id: str) -> Rulebook:
        return rulebook(app_id, store=self.store, apps=self.apps)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyService:
    """Reads policies, and puts them in force."""

    store: PolicyStore
    clock: Clock
    ids: Ids

    def get_policy(self, app_id: str) -> PutPolicy:
        """Return the policy in force: the default one, version 0, until another was put."""
        put, _ = self.store.rules(app_id)
        return put or PutPolicy(policy=default_policy())

    def get_version(self, app_id: str, version: int) -> PutPolicy:
        """Return a policy as it was put once; version 0 is the default one.

        Raises:
            PolicyNotFoundError: there never was such a version.
        """
        if version == 0:
            return PutPolicy(policy=default_policy())
        return self.store.get_policy(app_id, version=version)

    def list_policies(self, app_id: str, *, limit: int, cursor: str | None) -> Page[PutPolicy]:
        """Return all policies that were ever put, the newest first.

        Raises:
            InvalidFieldsError: the cursor is unusable.
        """
        before = number_of(cursor) if cursor else None
        found = self.store.list_policies(app_id, limit=limit + 1, before=before)
        page = found[:limit]
        more = cursor_of(str(page[-1].version)) if len(found) > limit else None
        return Page(items=page, next_cursor=more)

    def put_policy(self, app_id: str, document: Any, *, version: int | None, by: str) -> PutPolicy:
        """Put the policy of a document in force; the same policy again is no new version.

        ``version`` is the one that was read and changed; ``None`` is whichever is in force.

        Raises:
            PolicyInvalidError: the document breaks rules.
            PolicyTooLargeError: what is remembered of a person could pass an item's size.
            PolicyChangedError: another version is in force by now.
        """
        policy = policy_of(document)
        before = self.get_policy(app_id)
        if version not in (None, before.version):
            raise PolicyChangedError(f"version {before.version} is in force")
        changed = _changed(before.policy, policy)
        if not changed:
            return before
        put = PutPolicy(policy=policy, version=before.version + 1, by=by, at=self.clock())
        event = PolicyUpdated(
            app_id=app_id, occurred_at=self.clock(), version=put.version, changed=changed
        )
        try:
            self.store.put_policy(app_id, put, event=seal(event, sequence=self.ids.sequence()))
        except StaleError as error:
            raise PolicyChangedError("another version was put at the same time") from error
        return put


def _changed(before: Policy, after: Policy) -> tuple[str, ...]:
    old, new = document_of(before), document_of(after)
    return tuple(name for name in new if new[name] != old[name])
