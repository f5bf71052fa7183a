"""What the contact policy's services need from outside."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from shared.contact_policy.model.control_groups import ControlGroup
from shared.contact_policy.model.deferrals import Deferral
from shared.contact_policy.model.history import CaseRecord, Proof
from shared.contact_policy.model.people import Person, Place
from shared.contact_policy.model.policy import Policy
from shared.kernel.envelope import Envelope

Pause: TypeAlias = Callable[[int], None]
"""Waits, with jitter, after so many lost races (0: the first)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppPlace:
    """Where an app's people are unless more is known: an IANA zone, and ISO 3166-1 alpha-2."""

    zone: str
    country: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PutPolicy:
    """A policy as it was put in force; version 0 is the default, which nobody put."""

    policy: Policy
    version: int = 0
    by: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlGroups:
    """The control groups of an app, oldest first; ``version`` counts writes."""

    groups: tuple[ControlGroup, ...] = ()
    version: int = 0


class Apps(Protocol):
    """What the policy needs to know of apps."""

    def place_of(self, app_id: str) -> AppPlace:
        """Return the place that stands where nothing is known of a person."""
        ...


class PolicyStore(Protocol):
    """Policies with their history, and control groups."""

    def rules(self, app_id: str) -> tuple[PutPolicy | None, ControlGroups]:
        """Return the policy in force (``None``: none was put) and the control groups."""
        ...

    def get_policy(self, app_id: str, *, version: int) -> PutPolicy:
        """Return a policy of the past, or raise ``PolicyNotFoundError``."""
        ...

    def list_policies(self, app_id: str, *, limit: int, before: int | None) -> Sequence[PutPolicy]:
        """Return the policies that were put, the newest first; only those before a version."""
        ...

    def put_policy(self, app_id: str, put: PutPolicy, *, event: Envelope) -> None:
        """Put the next version in force, keep it in the history, and tell.

        Raises:
            StaleError: another came first.
        """
        ...

    def put_control_groups(self, app_id: str, groups: ControlGroups, *, event: Envelope) -> None:
        """Store the next version of an app's control groups, and tell.

        Raises:
            StaleError: another came first.
        """
        ...


class PersonStore(Protocol):
    """People: what reached them and what they said, each changed by compare-and-swap.

    A write holds only if nobody wrote the same item after it was read, nor moved it.
    """

    def people(self, contact_ids: AbstractSet[str], *, app_id: str) -> Mapping[str, Person]:
        """Return whose each contact is, as it is now; who is not known yet is an empty person."""
        ...

    def replace_pressures(self, people: Sequence[Person]) -> Sequence[bool]:
        """Store the touches of different people; say of each whether it was written.

        Versions are those that were read.
        """
        ...

    def replace_standing(
        self,
        person: Person,
        *,
        proof: Proof | None = None,
        case: tuple[CaseRecord | None, CaseRecord] | None = None,
        event: Envelope | None = None,
    ) -> None:
        """Store what a person said, with its proof, or a case before and after, and tell.

        Raises:
            StaleError: the person or the case changed, or the person moved.
        """
        ...

    def places(self, contact_ids: AbstractSet[str], *, app_id: str) -> Mapping[str, Place]:
        """Return what is stored under contacts."""
        ...

    def regroup(self, people: Sequence[Person], *, places: Mapping[str, Place]) -> None:
        """Store people under the contacts that stand for them, and move their other contacts there.

        ``places`` is what was read of all of these contacts. All or nothing.

        Raises:
            StaleError: one of the places changed.
        """
        ...

    def get_case(self, case_id: str, *, app_id: str) -> CaseRecord | None:
        """Return a case."""
        ...

    def get_proof(self, proof_id: str, *, contact_id: str, app_id: str) -> Proof | None:
        """Return a proof of one contact."""
        ...

    def proofs(
        self, contact_ids: Iterable[str], *, app_id: str, limit: int, before: str | None
    ) -> Sequence[Proof]:
        """Return the newest proofs of some contacts, newest first, with ids below ``before``."""
        ...

    def cases_of(self, contact_id: str, *, app_id: str) -> Sequence[CaseRecord]:
        """Return all cases that were opened under a contact, by id."""
        ...

    def record(self, event: Envelope) -> None:
        """Tell what changes nothing here."""
        ...

    def forget(self, contact_id: str, *, app_id: str) -> None:
        """Delete proofs, cases and deferrals of a contact."""
        ...


class RecordedPast(Protocol):
    """What was recorded, read."""

    def recorded_in(
        self, hour: datetime, *, app_id: str, limit: int
    ) -> tuple[Sequence[Envelope], bool]:
        """Return at most so many events of an hour of recording, and whether those are all."""
        ...

    def timeline_of(
        self, contact_id: str, *, app_id: str, since: datetime, limit: int
    ) -> Sequence[Envelope]:
        """Return one contact's newest events since an instant, at most so many, in any order."""
        ...


class DeferralStore(Protocol):
    """What is put off, by the minute in which it is due, and how far an app's minutes are done."""

    def add(self, deferral: Deferral, *, at: datetime) -> Deferral:
        """Store a deferral, or return the one of the same contact and id that is there already.

        Where an app's mark is not set yet, it is set to the minute of ``at``.
        """
        ...

    def done_until(self, app_id: str) -> datetime | None:
        """Return the minute up to which all is done; ``None`` if nothing was ever put off."""
        ...

    def mark_done(self, app_id: str, *, until: datetime) -> None:
        """Note that all before a minute is done; the mark never goes back."""
        ...

    def due_in(self, app_id: str, *, minute: datetime) -> Iterable[Deferral]:
        """Yield the deferrals of a minute."""
        ...

    def remove(self, deferral: Deferral, *, event: Envelope | None = None) -> None:
        """Forget a deferral, and tell; if it is gone already, do neither."""
        ...

    def deferrals_of(self, contact_id: str, *, app_id: str) -> Sequence[Deferral]:
        """Return what is put off that was to be told to a contact."""
        ...


class Releases(Protocol):
    """Takes up what was put off."""

    def release(self, deferral: Deferral) -> None:
        """Ask again, and go on; the same one may come twice."""
        ...

    def expire(self, deferral: Deferral) -> None:
        """End what nobody may be told any more, and tell so; the same one may come twice."""
        ...


class Intent(Protocol):
    """A merge of two people, or its undoing: ``moves`` with its ``members`` joins ``stays``."""

    @property
    def app_id(self) -> str:
        """Return the app."""
        ...

    @property
    def edge_id(self) -> str:
        """Return the edge that joins them."""
        ...

    @property
    def stays(self) -> str:
        """Return the contact that goes on standing for the person."""
        ...

    @property
    def moves(self) -> str:
        """Return the contact that stands for the people who join, or who leave."""
        ...

    @property
    def members(self) -> AbstractSet[str]:
        """Return all contacts of the people who join or leave."""
        ...
