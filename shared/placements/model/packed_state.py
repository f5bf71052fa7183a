"""A person's state as bytes: one item of at most 4 kB, which half a read unit reads.

Numbers are LEB128 (https://dwarfstd.org, 7.6): seven bits a byte, the lowest first. Texts are
listed once and then numbered; a ULID, with a prefix that is known, takes 17 bytes. What was shown
is listed once for each ad, and each time it was shown takes 7 bytes and its token 18. Of a person
in five segments, who claimed three coupons, with ads of thirty flights of ten campaigns: some 70
times with all tokens fit, 170 with those of the latest alone, and above that thousands.

What does not fit is made smaller, so that caps become stricter and never looser: first what was
shown before the latest loses its token (whose impression, were it told again, would count twice);
then instants are set later, to the end of their hour, of their day, and to the last time the same
ad was shown, and what is alike is listed once with its number. Who saw so many different ads that
even this is too much is shown none for a day.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby

from shared.kernel.clock import EPOCH, from_milliseconds, milliseconds
from shared.kernel.events import Purpose
from shared.kernel.ids import ULID_LENGTH, is_ulid, packed, unpacked
from shared.placements.model.ad_state import STATE_FULL, AdState, CouponStanding, Hold, Seen, Topic

MOST_BYTES = 3_900
"""Of 4,096 that half a read unit reads; the rest are keys and names of attributes."""

LATEST = 16
"""What was shown last keeps its token for longest."""

_TOO_MUCH = "More is known of the person than can be counted."
_FULL_FOR = timedelta(days=1)
_LONGEST_DETAIL = 120
_FORM = 1
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)

_PREFIXES = ("", "ad_", "flt_", "adc_", "adv_", "plc_", "con_", "dev_", "seg_", "cpn_", "dec_")
_PURPOSES = (Purpose.TRANSACTIONAL, Purpose.SERVICE, Purpose.MARKETING)
_STANDINGS = (CouponStanding.CLAIMED, CouponStanding.REDEEMED)
"""Places in these three are stored: only ever append."""

_LOW, _MORE = 0x7F, 0x80
"""Of a byte of a number: its seven bits, and that another follows."""

_ULID = 128
"""What a text's first byte is at least, where a ULID follows; else it is the text's length."""


def pack(state: AdState) -> bytes:
    """Return a state as bytes, made as much smaller as it has to be; without keys and version."""
    many = _bytes_of(state)
    for smaller in _ever_smaller(state):
        if len(many) <= MOST_BYTES:
            break
        many = _bytes_of(smaller)
    return many


def unpack(many: bytes, *, app_id: str, contact_id: str, version: int) -> AdState:
    """Return the state that was packed.

    Raises:
        ValueError: the bytes are of a form that is not known here.
    """
    reader = _Reader(many)
    if reader.number() != _FORM:
        raise ValueError("an unknown form of a packed state")
    reader.read_texts()
    facts_at = reader.number()
    return AdState(
        app_id=app_id,
        contact_id=contact_id,
        version=version,
        epoch=reader.number(),
        policy_version=reader.number(),
        names=reader.number(),
        facts_at=from_milliseconds(facts_at) if facts_at else None,
        timezone=reader.text() or None,
        country=reader.text() or None,
        segments=frozenset(reader.text_list()),
        tags=frozenset(reader.text_list()),
        origins=frozenset(reader.text_list()),
        edges=frozenset(reader.text_list()),
        holds=dict(reader.hold() for _ in range(reader.number())),
        topic_holds=dict(reader.topic_hold() for _ in range(reader.number())),
        coupons={reader.text(): _STANDINGS[reader.number()] for _ in range(reader.number())},
        device_epochs={reader.text(): reader.number() for _ in range(reader.number())},
        seen=tuple(_seen_of(reader)),
    )


def _ever_smaller(state: AdState) -> Iterator[AdState]:
    """Yield the state with less and less detail; in the end without any, and with ads held."""
    seen = state.seen
    for after in (_without_tokens, _to_hours, _to_days, _to_the_last):
        seen = after(seen)
        yield replace(state, seen=seen)
    latest = max((one.at for one in seen), default=state.facts_at or EPOCH)
    held = Hold(reason=STATE_FULL, detail=_TOO_MUCH, until=latest + _FULL_FOR)
    holds = {purpose: state.holds.get(purpose, held) for purpose in Purpose}
    while seen:
        seen = seen[len(seen) // 4 + 1 :]
        yield replace(state, seen=seen, holds=holds)
    none = replace(state, seen=(), segments=frozenset(), tags=frozenset())
    yield replace(none, holds=holds)
    yield replace(none, holds=dict.fromkeys(Purpose, held), topic_holds={})


def _without_tokens(seen: Sequence[Seen]) -> tuple[Seen, ...]:
    older, latest = seen[:-LATEST], seen[-LATEST:]
    return (*(replace(one, token_id="") if _is_firm(one) else one for one in older), *latest)


def _to_hours(seen: Sequence[Seen]) -> tuple[Seen, ...]:
    return _set_later(seen, _HOUR)


def _to_days(seen: Sequence[Seen]) -> tuple[Seen, ...]:
    return _set_later(seen, _DAY)


def _set_later(seen: Sequence[Seen], step: timedelta) -> tuple[Seen, ...]:
    """Set what was shown a step before the latest, or earlier, to the end of its step."""
    if not seen:
        return ()
    bound = seen[-1].at - step
    return _sorted(
        replace(one, token_id="", at=_end_of(one.at, step))
        if _is_firm(one) and one.at <= bound
        else one
        for one in seen
    )


def _to_the_last(seen: Sequence[Seen]) -> tuple[Seen, ...]:
    """Set all that was shown of an ad in a placement to the last time of it."""
    last = {_alike(one): one.at for one in seen if _is_firm(one)}
    return _sorted(
        replace(one, token_id="", at=last[_alike(one)]) if _is_firm(one) else one for one in seen
    )


def _alike(one: Seen) -> tuple[object, ...]:
    return one.ad_id, one.flight_id, one.placement_id, one.labels, one.origin


def _is_firm(one: Seen) -> bool:
    return one.held_until is None


def _end_of(at: datetime, step: timedelta) -> datetime:
    return EPOCH + -(-(at - EPOCH) // step) * step


def _sorted(seen: Iterable[Seen]) -> tuple[Seen, ...]:
    return tuple(sorted(seen, key=lambda one: (one.at, one.ad_id, one.placement_id)))


@dataclass(slots=True)
class _Writer:
    """Collects numbers, and the texts that they stand for."""

    many: bytearray = field(default_factory=bytearray)
    texts: dict[str, int] = field(default_factory=dict)

    def number(self, number: int) -> None:
        """Write a number of at least 0."""
        while number > _LOW:
            self.many.append(number & _LOW | _MORE)
            number >>= 7
        self.many.append(number)

    def text(self, text: str | None) -> None:
        """Write a text; none is the empty one."""
        self.number(self.texts.setdefault(text or "", len(self.texts)))

    def text_list(self, texts: Iterable[str]) -> None:
        """Write texts, sorted."""
        several = sorted(texts)
        self.number(len(several))
        for text in several:
            self.text(text)

    def instant(self, at: datetime | None) -> None:
        """Write an instant; none is 0."""
        self.number(milliseconds(at) if at else 0)

    def whole(self) -> bytes:
        """Return all of it, the texts first."""
        head = _Writer()
        head.number(_FORM)
        head.number(len(self.texts))
        for text in self.texts:
            head.many += _packed_text(text)
        return bytes(head.many + self.many)


@dataclass(slots=True)
class _Reader:
    """Reads what a ``_Writer`` wrote, in the same order."""

    many: bytes
    place: int = 0
    texts: list[str] = field(default_factory=list)

    def number(self) -> int:
        number = shift = 0
        while True:
            byte = self.many[self.place]
            self.place += 1
            number |= (byte & _LOW) << shift
            if byte <= _LOW:
                return number
            shift += 7

    def read_texts(self) -> None:
        for _ in range(self.number()):
            kind = self.many[self.place]
            start = self.place + 1
            length = 16 if kind >= _ULID else kind
            many = self.many[start : start + length]
            is_ulid_there = kind >= _ULID
            text = _PREFIXES[kind - _ULID] + unpacked(many)[0] if is_ulid_there else many.decode()
            self.texts.append(text)
            self.place = start + length

    def text(self) -> str:
        return self.texts[self.number()]

    def text_list(self) -> list[str]:
        return [self.text() for _ in range(self.number())]

    def hold(self) -> tuple[Purpose, Hold]:
        purpose = _PURPOSES[self.number()]
        reason, detail, until = self.text(), self.text(), self.number()
        end = from_milliseconds(until) if until else None
        return purpose, Hold(reason=reason, detail=detail, until=end)

    def topic_hold(self) -> tuple[Topic, Hold]:
        name = self.text()
        purpose, hold = self.hold()
        return Topic(purpose, name), hold


def _packed_text(text: str) -> bytes:
    prefix, ulid = text[:-ULID_LENGTH], text[-ULID_LENGTH:]
    if prefix in _PREFIXES and is_ulid(ulid):
        return bytes([_ULID + _PREFIXES.index(prefix)]) + packed(ulid)
    many = text.encode()[: _ULID - 1].decode(errors="ignore").encode()
    return bytes([len(many)]) + many


def _bytes_of(state: AdState) -> bytes:
    writer = _Writer()
    writer.instant(state.facts_at)
    writer.number(state.epoch)
    writer.number(state.policy_version)
    writer.number(state.names)
    writer.text(state.timezone)
    writer.text(state.country)
    for texts in (state.segments, state.tags, state.origins, state.edges):
        writer.text_list(texts)
    _write_answers(writer, state)
    _write_seen(writer, sorted(state.seen, key=lambda one: one.at))
    return writer.whole()


def _write_answers(writer: _Writer, state: AdState) -> None:
    writer.number(len(state.holds))
    for purpose, hold in sorted(state.holds.items()):
        _write_hold(writer, purpose, hold)
    writer.number(len(state.topic_holds))
    for topic, hold in sorted(state.topic_holds.items()):
        writer.text(topic.name)
        _write_hold(writer, topic.purpose, hold)
    writer.number(len(state.coupons))
    for coupon_id, standing in sorted(state.coupons.items()):
        writer.text(coupon_id)
        writer.number(_STANDINGS.index(standing))
    writer.number(len(state.device_epochs))
    for device_id, epoch in sorted(state.device_epochs.items()):
        writer.text(device_id)
        writer.number(epoch)


def _write_hold(writer: _Writer, purpose: Purpose, hold: Hold) -> None:
    writer.number(_PURPOSES.index(purpose))
    writer.text(hold.reason)
    writer.text(hold.detail[:_LONGEST_DETAIL])
    writer.instant(hold.until)


def _write_seen(writer: _Writer, seen: Sequence[Seen]) -> None:
    """Write each ad once, then when it was shown, where, and under which token."""
    ads: dict[tuple[object, ...], int] = {}
    for one in seen:
        ads.setdefault(_ad_of(one), len(ads))
    firsts: Mapping[tuple[object, ...], Seen] = {_ad_of(one): one for one in reversed(seen)}
    writer.number(len(ads))
    for ad in ads:
        first = firsts[ad]
        for text in (first.ad_id, first.flight_id, first.ad_campaign_id, first.advertiser_id):
            writer.text(text)
        writer.text_list(first.labels)
    runs = [(one, len(list(alike))) for one, alike in groupby(seen)]
    writer.number(len(runs))
    before = 0
    for one, times in runs:
        at = milliseconds(one.at)
        writer.number(times)
        writer.number(ads[_ad_of(one)])
        writer.text(one.placement_id)
        writer.text(one.origin)
        writer.number(at - before)
        held = 0 if one.held_until is None else max(milliseconds(one.held_until) - at, 0) + 1
        writer.number(held)
        decision, _, number = one.token_id.rpartition("-")
        is_ours = is_ulid(decision) and number.isdecimal() and number == str(int(number))
        writer.text(decision if is_ours else one.token_id)
        writer.number(int(number) + 1 if is_ours else 0)
        before = at


def _seen_of(reader: _Reader) -> Iterator[Seen]:
    ads = [
        (reader.text(), reader.text(), reader.text(), reader.text(), frozenset(reader.text_list()))
        for _ in range(reader.number())
    ]
    at = 0
    for _ in range(reader.number()):
        times = reader.number()
        ad_id, flight_id, ad_campaign_id, advertiser_id, labels = ads[reader.number()]
        placement_id, origin = reader.text(), reader.text()
        at += reader.number()
        held, decision, number = reader.number(), reader.text(), reader.number()
        seen = Seen(
            ad_id=ad_id,
            flight_id=flight_id,
            ad_campaign_id=ad_campaign_id,
            advertiser_id=advertiser_id,
            placement_id=placement_id,
            at=from_milliseconds(at),
            token_id=f"{decision}-{number - 1}" if number else decision,
            held_until=from_milliseconds(at + held - 1) if held else None,
            labels=labels,
            origin=origin,
        )
        for _ in range(times):
            yield seen


def _ad_of(one: Seen) -> tuple[object, ...]:
    return one.ad_id, one.flight_id, one.ad_campaign_id, one.advertiser_id, one.labels
