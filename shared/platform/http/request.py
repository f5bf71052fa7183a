"""The request that is being answered: who calls, what they offer, which attempt it is."""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeAlias

from shared.kernel.errors import FieldProblem, InvalidFieldsError
from shared.kernel.idempotency import Attempt, IdempotencyKeyMissingError
from shared.kernel.principal import Principal
from shared.platform.auth.doors import Proof
from shared.platform.auth.errors import UnauthenticatedError

LONGEST_KEY = 255


Event: TypeAlias = dict[str, Any]


CONTENT: ContextVar[bytes] = ContextVar("content")


CALLER: ContextVar[Principal | None] = ContextVar("caller", default=None)


EVENT: ContextVar[Event] = ContextVar("event")


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """The route that was found for a request, as the API's document writes it."""

    method: str
    path: str
    parameters: Mapping[str, str]


CALLED: ContextVar[Called | None] = ContextVar("called", default=None)


def caller() -> Principal:
    """Return who calls; for routes that need proof."""
    principal = CALLER.get()
    if principal is None:
        raise UnauthenticatedError
    return principal


def proof() -> Proof:
    """Return what the request offers as proof, for the one route that judges it itself."""
    return Proof.of(EVENT.get())


def header(name: str) -> str | None:
    """Return a header of the request; ``name`` in lower case."""
    value = (EVENT.get().get("headers") or {}).get(name)
    return value if isinstance(value, str) else None


def content() -> bytes:
    """Return the body byte by byte; for routes that declare a ``Content``."""
    return CONTENT.get()


def headers() -> Mapping[str, str]:
    """Return all headers of the request, by their names in lower case."""
    return EVENT.get().get("headers") or {}


def asked_url(host_name: str) -> str:
    """Return the whole URL that was asked for at a host, its query as it came."""
    event = EVENT.get()
    query = event.get("rawQueryString")
    return f"https://{host_name}{event['rawPath']}{f'?{query}' if query else ''}"


def host() -> str:
    """Return the host by which the client asked: the one under which it is reached, too."""
    domain = EVENT.get()["requestContext"].get("domainName")
    return str(domain or header("host") or "localhost")


def attempt() -> Attempt | None:
    """Return the request's Idempotency-Key, bound to the caller and to what is asked.

    Raises:
        InvalidFieldsError: the key is not 1 to 255 characters of printable ASCII.
    """
    key = header("idempotency-key")
    if key is None:
        return None
    if not (1 <= len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        problem = FieldProblem(
            pointer="header/Idempotency-Key",
            code="idempotency_key",
            detail="1 to 255 characters of printable ASCII",
        )
        raise InvalidFieldsError("the Idempotency-Key is unusable", fields=[problem])
    event = EVENT.get()
    asked = f"{event['requestContext']['http']['method']} {event['rawPath']}\n{event.get('body')}"
    fingerprint = sha256(asked.encode()).hexdigest()
    return Attempt(caller=caller().identity, key=key, fingerprint=fingerprint)


def required_attempt() -> Attempt:
    """Return the request's Idempotency-Key, where a request without one is refused.

    Raises:
        IdempotencyKeyMissingError: there is none.
        InvalidFieldsError: the key is not 1 to 255 characters of printable ASCII.
    """
    found = attempt()
    if found is None:
        raise IdempotencyKeyMissingError("send a header Idempotency-Key")
    return found


def address() -> str | None:
    """Return the IP address that the request comes from, as the gateway saw it."""
    found = EVENT.get()["requestContext"]["http"].get("sourceIp")
    return found if isinstance(found, str) else None
