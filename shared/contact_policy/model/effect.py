"""What a draft changes, in figures: by rule and channel, with examples."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from shared.contact_policy.model.playing import Played
from shared.kernel.decisions import Allow, Decision, Defer, Drop, Gate
from shared.kernel.events import Channel

MOST_EXAMPLES = 20
EXAMPLES_OF_EACH = 3
"""Examples of one change by one rule on one channel."""


class Rule(NamedTuple):
    """A rule, by its gate and id; both are empty where all rules together are meant."""

    gate: Gate | None
    rule: str | None


ALL_RULES = Rule(None, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """How many touches were allowed, deferred and refused."""

    allowed: int
    deferred: int
    refused: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one rule, or all together, did on one channel, before and after.

    Of one rule, ``allowed`` are the touches that it did not stop. ``newly_...`` are those that all
    rules together answer otherwise, and that this one stops now, or stopped before. ``contacts``
    counts the people to whom that happens.
    """

    rule: Rule
    channel: Channel
    before: Split
    after: Split
    newly_refused: int
    newly_deferred: int
    newly_allowed: int
    contacts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One touch that the draft answers otherwise; ``contact_id`` is the canonical one."""

    contact_id: str
    played: Played


@dataclass(slots=True, kw_only=True)
class _Cell:
    before: Counter[type[Decision]] = field(default_factory=Counter)
    after: Counter[type[Decision]] = field(default_factory=Counter)
    newly: Counter[type[Decision]] = field(default_factory=Counter)
    contacts: set[str] = field(default_factory=set)


@dataclass(slots=True, kw_only=True)
class Tally:
    """Counts what is played; ``untold`` are touches by what their events do not tell."""

    touches: int = 0
    changed: int = 0
    untold: Counter[str] = field(default_factory=Counter)
    contacts: set[str] = field(default_factory=set)
    _cells: dict[tuple[Rule, Channel], _Cell] = field(default_factory=dict)
    _examples: list[Example] = field(default_factory=list)
    _shown: Counter[tuple[Rule, Channel, type[Decision]]] = field(default_factory=Counter)

    def add(self, contact_id: str, played: Played) -> None:
        """Count what two policies say to one touch of a person."""
        channel = played.asked.candidate.channel
        self.touches += 1
        self.untold.update(played.asked.untold)
        stopped, stops = _stopping(played.before), _stopping(played.after)
        self._cell(ALL_RULES, channel).before[type(played.before)] += 1
        self._cell(ALL_RULES, channel).after[type(played.after)] += 1
        for rule in stopped:
            self._cell(rule, channel).before[type(played.before)] += 1
        for rule in stops:
            self._cell(rule, channel).after[type(played.after)] += 1
        if played.is_changed:
            self.changed += 1
            self.contacts.add(contact_id)
            concerned = stopped if isinstance(played.after, Allow) else stops
            for rule in (ALL_RULES, *concerned):
                cell = self._cell(rule, channel)
                cell.newly[type(played.after)] += 1
                cell.contacts.add(contact_id)
            self._show(contact_id, played, concerned)

    def rows(self) -> Sequence[Row]:
        """Return the table: all rules together by channel, then each rule as gates are asked."""
        channels, gates = list(Channel), list(Gate)
        totals = {
            channel: cell.before.total()
            for (rule, channel), cell in self._cells.items()
            if rule == ALL_RULES
        }
        rows = [
            _row(rule, channel, cell, total=totals[channel])
            for (rule, channel), cell in self._cells.items()
        ]
        return sorted(
            rows,
            key=lambda row: (
                -1 if row.rule.gate is None else gates.index(row.rule.gate),
                row.rule.rule or "",
                channels.index(row.channel),
            ),
        )

    def examples(self) -> Sequence[Example]:
        """Return the first examples of each change."""
        return tuple(self._examples)

    def _cell(self, rule: Rule, channel: Channel) -> _Cell:
        found = self._cells.get((rule, channel))
        if found is None:
            found = self._cells[rule, channel] = _Cell()
        return found

    def _show(self, contact_id: str, played: Played, rules: Iterable[Rule]) -> None:
        channel, kind = played.asked.candidate.channel, type(played.after)
        keys = [(rule, channel, kind) for rule in rules]
        is_news = any(self._shown[key] < EXAMPLES_OF_EACH for key in keys)
        if is_news and len(self._examples) < MOST_EXAMPLES:
            self._shown.update(keys)
            self._examples.append(Example(contact_id=contact_id, played=played))


def _stopping(decision: Decision) -> tuple[Rule, ...]:
    """Return the rules that stop a touch, each once; none of what is allowed."""
    if isinstance(decision, Allow):
        return ()
    return tuple(dict.fromkeys(Rule(one.gate, one.rule) for one in decision.because))


def _row(rule: Rule, channel: Channel, cell: _Cell, *, total: int) -> Row:
    return Row(
        rule=rule,
        channel=channel,
        before=_split(cell.before, total=total),
        after=_split(cell.after, total=total),
        newly_refused=cell.newly[Drop],
        newly_deferred=cell.newly[Defer],
        newly_allowed=cell.newly[Allow],
        contacts=len(cell.contacts),
    )


def _split(counts: Counter[type[Decision]], *, total: int) -> Split:
    deferred, refused = counts[Defer], counts[Drop]
    return Split(allowed=total - deferred - refused, deferred=deferred, refused=refused)
