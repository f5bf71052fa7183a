"""What an ad's token says, as few bytes: it stands in a URL, once for each ad and kind of event.

One byte of format, two of marks, four of the second of issue; then whole numbers of 7 bits a byte
(the lowest first, the highest bit says that more follow), ids of 16 bytes, and texts with their
length before them. What a mark says is missing takes no room.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from shared.kernel.clock import EPOCH
from shared.kernel.events import Purpose
from shared.kernel.ids import ULID_LENGTH, is_ulid, packed, unpacked
from shared.placements.errors import AdTokenInvalidError
from shared.placements.model.demand import Pricing
from shared.placements.model.engagements import Grant

_FORMAT = 1
_HEAD = struct.Struct(">BHI")
_ID_BYTES = 16
_CURRENCY_BYTES = 3

_PREFIXES = ("app", "con", "dec", "plc", "flt", "crv", "ad")
"""Of the ids that every token has, in their order."""

# Places in these three are stored: only ever append.
_PURPOSES = (Purpose.TRANSACTIONAL, Purpose.SERVICE, Purpose.MARKETING)
_PRICINGS = (None, Pricing.CPM, Pricing.CPC, Pricing.CPA, Pricing.FLAT)
_PLATFORMS = (None, "ios", "android", "web")

_STRICT, _TEST, _COUPON, _LEASED, _CURRENCY, _UUID = (1 << bit for bit in range(8, 14))
_PRICING_AT, _PLATFORM_AT = 2, 5


def packed_grant(grant: Grant) -> bytes:
    """Return a grant as bytes: about 145, a coupon is 16 more.

    Raises:
        ValueError: an id is not one of ours, or an instant is no whole second.
    """
    device = _device_bytes(grant.device_id)
    ids = (
        grant.app_id,
        grant.contact_id,
        grant.decision_id,
        grant.placement_id,
        grant.flight_id,
        grant.creative_id,
        grant.ad_id,
    )
    parts = [
        _HEAD.pack(_FORMAT, _marks_of(grant) | device.mark, _seconds(grant.issued_at - EPOCH)),
        _number(_seconds(grant.expires_at - grant.issued_at)),
        _number(_place_in_decision(grant)),
        _number(grant.price),
        _number(grant.epoch),
        *(_id_bytes(one, prefix) for one, prefix in zip(ids, _PREFIXES, strict=True)),
        device.packed,
    ]
    if grant.currency:
        parts.append(grant.currency.encode())
    if grant.coupon_id:
        parts.append(_id_bytes(grant.coupon_id, "cpn"))
    if grant.lease is not None:
        parts += [_number(grant.lease), _number(grant.shard)]
    return b"".join(parts)


def grant_of(content: bytes) -> Grant:
    """Return the grant of bytes that we signed, and therefore wrote.

    Raises:
        AdTokenInvalidError: a version of this code wrote them that we do not know.
    """
    form, marks, issued = _HEAD.unpack_from(content)
    if form != _FORMAT:
        raise AdTokenInvalidError(f"format {form}")
    reader = _Reader(content, _HEAD.size)
    lifetime, place, price, epoch = (reader.number() for _ in range(4))
    app, contact, decision, placement, flight, creative, ad = map(reader.id, _PREFIXES)
    issued_at = EPOCH + timedelta(seconds=issued)
    device_id = reader.uuid() if marks & _UUID else reader.text()
    currency = reader.take(_CURRENCY_BYTES).decode() if marks & _CURRENCY else None
    coupon_id = reader.id("cpn") if marks & _COUPON else None
    lease, shard = (reader.number(), reader.number()) if marks & _LEASED else (None, 0)
    return Grant(
        token_id=f"{decision[-ULID_LENGTH:]}-{place}",
        decision_id=decision,
        app_id=app,
        contact_id=contact,
        device_id=device_id,
        placement_id=placement,
        flight_id=flight,
        creative_id=creative,
        ad_id=ad,
        purpose=_PURPOSES[marks & 3],
        issued_at=issued_at,
        expires_at=issued_at + timedelta(seconds=lifetime),
        pricing=_PRICINGS[marks >> _PRICING_AT & 7],
        price=price,
        currency=currency,
        lease=lease,
        shard=shard,
        strict=bool(marks & _STRICT),
        epoch=epoch,
        test=bool(marks & _TEST),
        coupon_id=coupon_id,
        platform=_PLATFORMS[marks >> _PLATFORM_AT & 7],
    )


@dataclass(slots=True)
class _Reader:
    """Takes what stands next."""

    content: bytes
    at: int

    def take(self, length: int) -> bytes:
        part = self.content[self.at : self.at + length]
        self.at += length
        return part

    def number(self) -> int:
        number, shift = 0, 0
        while True:
            byte = self.take(1)[0]
            number |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004 - the highest bit
                return number
            shift += 7

    def id(self, prefix: str) -> str:
        return f"{prefix}_{unpacked(self.take(_ID_BYTES))[0]}"

    def uuid(self) -> str:
        return str(UUID(bytes=self.take(_ID_BYTES)))

    def text(self) -> str:
        return self.take(self.number()).decode()


@dataclass(frozen=True, slots=True)
class _DeviceBytes:
    mark: int
    packed: bytes


def _device_bytes(device_id: str) -> _DeviceBytes:
    """Return a device's id: apps choose it, and most choose a UUID."""
    try:
        uuid = UUID(device_id)
    except ValueError:
        return _DeviceBytes(0, _text(device_id))
    # The same bytes have other spellings, which are other ids.
    if str(uuid) != device_id:
        return _DeviceBytes(0, _text(device_id))
    return _DeviceBytes(_UUID, uuid.bytes)


def _marks_of(grant: Grant) -> int:
    flags: Iterable[tuple[bool, int]] = (
        (grant.strict, _STRICT),
        (grant.test, _TEST),
        (grant.coupon_id is not None, _COUPON),
        (grant.lease is not None, _LEASED),
        (grant.currency is not None, _CURRENCY),
    )
    words = _PURPOSES.index(grant.purpose) | _PRICINGS.index(grant.pricing) << _PRICING_AT
    platform = grant.platform if grant.platform in _PLATFORMS else None
    words |= _PLATFORMS.index(platform) << _PLATFORM_AT
    return words | sum(mark for is_set, mark in flags if is_set)


def _place_in_decision(grant: Grant) -> int:
    ulid, _, place = grant.token_id.partition("-")
    if not grant.decision_id.endswith(f"_{ulid}") or not place.isdecimal():
        raise ValueError(f"{grant.token_id!r} is no ad of {grant.decision_id!r}")
    return int(place)


def _id_bytes(whole: str, prefix: str) -> bytes:
    before, _, ulid = whole.partition("_")
    if before != prefix or not is_ulid(ulid):
        raise ValueError(f"{whole!r} is no id with {prefix!r}")
    return packed(ulid)


def _seconds(passed: timedelta) -> int:
    seconds, rest = divmod(passed, timedelta(seconds=1))
    if rest or seconds < 0:
        raise ValueError(f"{passed} is not in whole seconds")
    return seconds


def _text(text: str) -> bytes:
    raw = text.encode()
    return _number(len(raw)) + raw


def _number(number: int) -> bytes:
    parts = bytearray()
    while number >= 0x80:  # noqa: PLR2004 - the highest bit
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)
