"""Dialects: the wires of others, read into our words.

A vendor's dialect is one pure module, and one line of the table below.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from shared.contact_events.dialects import connect, sendgrid, ses, shopify, twilio
from shared.contact_events.model.payloads import Payload, Trust
from shared.contact_events.model.translations import Translation


class Dialect(Protocol):
    """What a vendor's module offers."""

    @property
    def MEANS(self) -> Mapping[str, Sequence[str]]:  # noqa: N802 - a module's constant
        """Return the vendor's kinds of events, each with the types that it is to us."""
        ...

    def translate(self, payload: Payload, *, app_id: str) -> Translation:
        """Return what a payload tells; whatever it is, this never raises."""
        ...

    def verify(self, payload: Payload, *, trust: Trust) -> None:
        """Check that the vendor sent the payload.

        Raises:
            SignatureMismatchError: it did not.
        """
        ...


DIALECTS: Mapping[str, Dialect] = {
    "connect": connect,
    "sendgrid": sendgrid,
    "ses": ses,
    "shopify": shopify,
    "twilio": twilio,
}
"""The vendors, by the name in the path of their webhook."""
