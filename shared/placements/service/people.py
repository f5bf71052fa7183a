"""Use cases of people who turn out to be one, or two: what they saw follows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from shared.kernel.paging import Page
from shared.placements.errors import StaleError
from shared.placements.model.ad_state import AdState
from shared.placements.ports.decisions import AdStates, Change, Intent, Pause
from shared.placements.service.settling import until_settled


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonService:
    """Unites what two people saw, and gives each their own back.

    Each is one transaction of the two items. The edge is kept where the state went from.
    """

    states: AdStates
    pause: Pause

    def unite(self, intent: Intent) -> None:
        """Count what both saw together, as strictly as the stricter; again changes nothing more.

        Raises:
            AdStateContendedError: others kept changing them; nothing was written.
        """
        until_settled(lambda: self._unite(intent), pause=self.pause)

    def split(self, intent: Intent) -> None:
        """Give the people whom an edge joined what they saw themselves; again changes nothing.

        Raises:
            AdStateContendedError: others kept changing them; nothing was written.
        """
        until_settled(lambda: self._split(intent), pause=self.pause)

    def _unite(self, intent: Intent) -> None:
        moves, stays = self._kept(intent, intent.moves), self._kept(intent, intent.stays)
        if intent.edge_id in moves.edges | stays.edges:
            return
        home = self.states.read_latest(intent.stays, app_id=intent.app_id)
        if home.contact_id == intent.moves:
            # They are one already, and the other way round: the edge joins them as well.
            moves, home = stays, moves
        joined = replace(moves, edges=moves.edges | {intent.edge_id})
        if moves.moved_to is not None:
            self._replace(joined, before=moves)
            return
        self._replace_both(
            Change(moves, joined.moved(home.contact_id)), Change(home, home.united(moves))
        )

    def _split(self, intent: Intent) -> None:
        for contact_id in (intent.moves, intent.stays):
            moved = self._kept(intent, contact_id)
            if intent.edge_id in moved.edges:
                self._part(intent, moved)

    def _part(self, intent: Intent, moved: AdState) -> None:
        edges = moved.edges - {intent.edge_id}
        if edges:
            self._replace(replace(moved, edges=edges), before=moved)
            return
        home = self.states.read_latest(moved.contact_id, app_id=intent.app_id)
        with_moves = {intent.moves, *intent.members}
        is_theirs = moved.contact_id == intent.moves
        origins = with_moves if is_theirs else home.origins - with_moves
        stays, leaves = home.parted(origins, to=moved.contact_id)
        self._replace_both(Change(home, stays), Change(moved, leaves))

    def _kept(self, intent: Intent, contact_id: str) -> AdState:
        return self.states.kept(contact_id, app_id=intent.app_id)

    def _replace(self, after: AdState, *, before: AdState) -> None:
        if not self.states.replace(after, before=before):
            raise StaleError(before.contact_id)

    def _replace_both(self, one: Change, other: Change) -> None:
        if not self.states.replace_both(one, other):
            raise StaleError(one.before.contact_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalAdStates:
    """What decisions know of people, given out or up."""

    states: AdStates
    pause: Pause

    def export(
        self, contact_ids: Sequence[str], *, app_id: str, cursor: str | None, limit: int
    ) -> Page[Mapping[str, Any]]:
        """Return a page of all that is kept about a person's contacts; ``what`` says what it is."""
        start = int(cursor or 0)
        kept = [item for contact_id in contact_ids for item in self._kept(contact_id, app_id)]
        after = start + limit
        next_cursor = str(after) if after < len(kept) else None
        return Page(items=kept[start:after], next_cursor=next_cursor)

    def erase(self, contact_ids: Sequence[str], *, app_id: str) -> None:
        """Keep nothing more of contacts; again, after a crash, changes nothing more.

        Of one that was merged into another who stays, what came from it goes from that one too.

        Raises:
            AdStateContendedError: others kept changing the person: erase again.
        """
        erased = frozenset(contact_ids)
        for contact_id in contact_ids:
            until_settled(partial(self._erase, contact_id, erased, app_id), pause=self.pause)
            self.states.forget(contact_id, app_id=app_id)

    def _erase(self, contact_id: str, erased: frozenset[str], app_id: str) -> None:
        home = self.states.read_latest(contact_id, app_id=app_id)
        if home.contact_id in erased:
            return
        stays, _ = home.parted(erased, to=contact_id)
        is_theirs = stays.seen != home.seen or stays.origins != home.origins
        if is_theirs and not self.states.replace(stays, before=home):
            raise StaleError(contact_id)

    def _kept(self, contact_id: str, app_id: str) -> Iterator[Mapping[str, Any]]:
        home = self.states.read_latest(contact_id, app_id=app_id)
        for one in home.seen:
            if (one.origin or home.contact_id) == contact_id:
                yield {"what": "ad", **asdict(one)}
        if home.contact_id == contact_id and home.version:
            told = {**asdict(home)}
            del told["seen"]
            told["topic_holds"] = [
                {"purpose": topic.purpose, "topic": topic.name, **asdict(hold)}
                for topic, hold in home.topic_holds.items()
            ]
            yield {"what": "ad_state", **told}
