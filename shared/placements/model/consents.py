"""What a person lets the app do, read from what the device has: Apple's answer and a TC string.

Of a TC string (IAB Tech Lab, "Consent string and vendor list formats v2", as TCF 2.0 to 2.3 write
it) only the core's purposes are read, which lie at fixed places: we are no vendor of its list, the
app asks for itself.

- Purpose 1, to store and access information on a device: nothing below counts without it.
- Purpose 2, to select basic ads: frequency capping is part of it.
- Purposes 3 and 4, to make a profile for ads, and to select ads by it: personalisation.

Legitimate interest does not count: the policies do not know it for 1, 3 and 4, and to count what
somebody saw we want a yes.
"""

from base64 import b64decode
from collections.abc import Collection
from enum import StrEnum

from shared.placements.model.requests import Consent

LONGEST_TC_STRING = 8_192

_VERSION = 2
_VERSION_BITS = 6
_PURPOSES_AT = 152
"""Before them: version, two instants, CMP and its screen, language, versions, special features."""
_PURPOSES = 24

_STORAGE, _BASIC_ADS, _PROFILE, _PERSONAL_ADS = 1, 2, 3, 4


class Tracking(StrEnum):
    """What somebody answered to Apple's question (App Tracking Transparency)."""

    AUTHORIZED = "authorized"
    DENIED = "denied"
    RESTRICTED = "restricted"
    NOT_DETERMINED = "not_determined"


class TcStringUnreadableError(ValueError):
    """It is no TC string of version 2."""


def consent_of(*, tracking: Tracking | None, tcf: str | None) -> Consent:
    """Return what is allowed; what is not told does not restrict.

    An app that tells Apple's answer has asked for tracking, so all but a yes forbids
    personalisation. Capping is no tracking: no other company's data has a part in it.

    Raises:
        TcStringUnreadableError: ``tcf`` is no TC string of version 2.
    """
    is_tracked = tracking in {None, Tracking.AUTHORIZED}
    agreed = None if tcf is None else purposes_of(tcf)
    return Consent(
        tracking=tracking.value if tracking else None,
        capping=_agrees(agreed, _STORAGE, _BASIC_ADS),
        personalisation=is_tracked and _agrees(agreed, _STORAGE, _PROFILE, _PERSONAL_ADS),
    )


def purposes_of(tcf: str) -> frozenset[int]:
    """Return the purposes, from 1 on, to which a TC string says yes.

    Raises:
        TcStringUnreadableError: it is no TC string of version 2.
    """
    core = tcf.partition(".")[0]
    try:
        raw = b64decode(core + "=" * (-len(core) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise TcStringUnreadableError from error
    length = 8 * len(raw)
    bits = int.from_bytes(raw)
    if length < _PURPOSES_AT + _PURPOSES or bits >> length - _VERSION_BITS != _VERSION:
        raise TcStringUnreadableError
    return frozenset(
        purpose
        for purpose in range(1, _PURPOSES + 1)
        if bits >> length - _PURPOSES_AT - purpose & 1
    )


def _agrees(agreed: Collection[int] | None, *purposes: int) -> bool:
    return agreed is None or set(purposes) <= set(agreed)
