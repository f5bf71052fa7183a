"""The document of a trigger: what marketers write, and reviewers read.

In YAML, a reminder by e-mail of a push that nobody opened::

    name: unopened push
    when: {type: message.sent.v1, filter: "channel = 'push'"}
    after: PT1H
    unless: [{type: message.opened.v1, same: message}]
    then: {request: {channel: email, purpose: marketing, text: spring-offer}}
    reentry: {once_per: P1D}
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from shared.contact_events.errors import CesqlSyntaxError, TriggerInvalidError
from shared.contact_events.model.durations import duration_of, iso8601
from shared.contact_events.model.triggers import (
    LONGEST_REENTRY,
    LONGEST_VALIDITY,
    LONGEST_WAIT,
    MOST_UNLESS,
    VALID_UNLESS_SAID,
    Action,
    Pattern,
    Reentry,
    ReleaseReservations,
    RequestContact,
    Same,
    TriggerRule,
    Unless,
    parsed,
)
from shared.kernel.decisions import DEFAULT_PRIORITY, HIGHEST_PRIORITY, LOWEST_PRIORITY
from shared.kernel.documents import Fields, Reader
from shared.kernel.events import Channel, Purpose

LONGEST_NAME, LONGEST_FILTER, LONGEST_TEXT = 100, 1_000, 200

OF_TRIGGERS = frozenset({"contact.requested.v1", "trigger.fired.v1", "trigger.suppressed.v1"})
"""What triggers tell themselves: it starts no trigger, or two could keep each other going."""

_TYPE = r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*\.v[0-9]{1,3}"
_REQUEST, _RELEASE = "request", "release_reservations"


def trigger_of(document: Any) -> TriggerRule:
    """Return what a trigger's document says.

    Raises:
        TriggerInvalidError: it breaks rules; each is named with its place.
    """
    reader = Reader(document)
    fields = reader.fields(
        "name", "when", "after", "unless", "then", "reentry", required=("name", "when", "then")
    )
    reentry, per = fields.read("reentry", _reentry, otherwise=(Reentry.EACH, None))
    rule = TriggerRule(
        name=fields.read("name", lambda one: one.text(most=LONGEST_NAME), otherwise=""),
        when=fields.read("when", _when, otherwise=Pattern(type="")),
        after=fields.read("after", _wait, otherwise=timedelta()),
        unless=fields.read("unless", _unless, otherwise=()),
        then=fields.read("then", _action, otherwise=ReleaseReservations()),
        reentry=reentry,
        per=per,
    )
    if reader.problems:
        raise TriggerInvalidError("the trigger has problems", fields=reader.problems)
    return rule


def document_of(rule: TriggerRule) -> dict[str, Any]:
    """Return the document that says what a trigger says; ``trigger_of`` reads it."""
    document: dict[str, Any] = {"name": rule.name, "when": _pattern_document(rule.when)}
    if rule.after:
        document["after"] = iso8601(rule.after)
    if rule.unless:
        document["unless"] = [
            {**_pattern_document(one.pattern), "same": one.same.value} for one in rule.unless
        ]
    document["then"] = _action_document(rule.then)
    document["reentry"] = {"once_per": iso8601(rule.per)} if rule.per else rule.reentry.value
    return document


def _when(reader: Reader) -> Pattern:
    pattern = _pattern(reader.fields("type", "filter", required=("type",)))
    if pattern.type in OF_TRIGGERS:
        reader.refuse("own", "what triggers tell themselves starts no trigger")
    return pattern


def _unless(reader: Reader) -> tuple[Unless, ...]:
    found = []
    for one in reader.items(most=MOST_UNLESS):
        fields = one.fields("type", "filter", "same", required=("type",))
        same = fields.read("same", lambda place: place.word(Same), otherwise=Same.CONTACT)
        found.append(Unless(pattern=_pattern(fields), same=same))
    return tuple(found)


def _pattern(fields: Fields) -> Pattern:
    return Pattern(
        type=fields.read(
            "type",
            lambda one: one.matched(_TYPE, "a type without organisation, with its version"),
            otherwise="",
        ),
        filter=fields.read("filter", _filter, otherwise=None),
    )


def _filter(reader: Reader) -> str:
    text = reader.text(most=LONGEST_FILTER)
    try:
        parsed(text)
    except CesqlSyntaxError as error:
        if text:
            reader.refuse("cesql", error.detail)
    return text


def _action(reader: Reader) -> Action:
    fields = reader.fields(_REQUEST, _RELEASE)
    if len(fields.found) != 1:
        reader.refuse("one_of", f"one of {_REQUEST} and {_RELEASE} is needed")
    if _RELEASE in fields.found:
        fields.found[_RELEASE].fields()
    return fields.read(_REQUEST, _request, otherwise=ReleaseReservations())


def _request(reader: Reader) -> RequestContact:
    fields = reader.fields(
        "channel",
        "purpose",
        "text",
        "topic",
        "offer_key",
        "priority",
        "valid_for",
        required=("channel", "purpose", "text"),
    )
    return RequestContact(
        channel=fields.read("channel", lambda one: one.word(Channel), otherwise=Channel.EMAIL),
        purpose=fields.read("purpose", lambda one: one.word(Purpose), otherwise=Purpose.MARKETING),
        text=fields.read("text", lambda one: one.text(most=LONGEST_TEXT), otherwise=""),
        topic=fields.read("topic", lambda one: one.text(most=64), otherwise=None),
        offer_key=fields.read("offer_key", lambda one: one.text(most=128), otherwise=None),
        priority=fields.read(
            "priority",
            lambda one: one.whole(least=LOWEST_PRIORITY, most=HIGHEST_PRIORITY),
            otherwise=DEFAULT_PRIORITY,
        ),
        valid_for=fields.read(
            "valid_for",
            lambda one: _duration(one, most=LONGEST_VALIDITY, least=timedelta(minutes=5)),
            otherwise=VALID_UNLESS_SAID,
        ),
    )


def _wait(reader: Reader) -> timedelta:
    return _duration(reader, most=LONGEST_WAIT)


def _reentry(reader: Reader) -> tuple[Reentry, timedelta | None]:
    """Read ``once``, ``each``, or an object with the duration of ``once_per``."""
    if not isinstance(reader.value, Mapping):
        return reader.word((Reentry.ONCE, Reentry.EACH)), None
    fields = reader.fields("once_per", required=("once_per",))
    per = fields.read(
        "once_per",
        lambda one: _duration(one, most=LONGEST_REENTRY, least=timedelta(minutes=1)),
        otherwise=None,
    )
    return Reentry.ONCE_PER, per


def _duration(reader: Reader, *, most: timedelta, least: timedelta = timedelta()) -> timedelta:
    """Read a duration of ISO 8601. Stand-in: the least."""
    found = duration_of(reader.value) if isinstance(reader.value, str) else None
    if found is None or not least <= found <= most:
        detail = f"a duration of ISO 8601 from {iso8601(least)} to {iso8601(most)}, such as PT1H"
        reader.refuse("duration", detail)
        return least
    return found


def _pattern_document(pattern: Pattern) -> dict[str, Any]:
    written = {"type": pattern.type, "filter": pattern.filter}
    return {name: value for name, value in written.items() if value is not None}


def _action_document(action: Action) -> dict[str, Any]:
    if isinstance(action, ReleaseReservations):
        return {_RELEASE: {}}
    written = {
        "channel": action.channel.value,
        "purpose": action.purpose.value,
        "text": action.text,
        "topic": action.topic,
        "offer_key": action.offer_key,
        "priority": action.priority,
        "valid_for": iso8601(action.valid_for),
    }
    return {_REQUEST: {name: value for name, value in written.items() if value is not None}}
