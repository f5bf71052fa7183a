"""What a draft changes in a policy's words: rule by rule, whatever their order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from shared.contact_policy.model.document import document_of
from shared.contact_policy.model.policy import Policy

_RULES = frozenset({"consent", "cooldowns", "quiet_hours", "dedupe", "gaps", "caps"})
_NAMED = frozenset({"weights", "topics", "bypass"})


class Alteration(StrEnum):
    """What became of something in a document."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One difference of two documents, in plain values; every default is written out.

    ``name`` is a rule's id, a channel of ``weights``, a topic, a purpose of ``bypass``, or a law;
    ``None`` where the section as a whole is meant. What is not there is ``None``.
    """

    section: str
    name: str | None
    kind: Alteration
    before: Any = None
    after: Any = None


def differences(before: Policy, after: Policy) -> Sequence[Difference]:
    """Return what a draft adds, removes and changes, section by section."""
    old, new = document_of(before), document_of(after)
    return tuple(
        difference for section in old for difference in _of(section, old[section], new[section])
    )


def _of(section: str, old: Any, new: Any) -> Iterator[Difference]:
    if section in _RULES:
        yield from _between(
            section, {one["id"]: one for one in old}, {one["id"]: one for one in new}
        )
    elif section in _NAMED:
        yield from _between(section, old, new)
    elif section == "laws":
        yield from _between(section, dict.fromkeys(old, True), dict.fromkeys(new, True))
    elif old != new:
        yield Difference(section=section, name=None, kind=Alteration.CHANGED, before=old, after=new)


def _between(section: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    for name in (*old, *(name for name in new if name not in old)):
        before, after = old.get(name), new.get(name)
        if before != after:
            kind = Alteration.CHANGED
            if name not in old:
                kind = Alteration.ADDED
            elif name not in new:
                kind = Alteration.REMOVED
            yield Difference(section=section, name=name, kind=kind, before=before, after=after)
