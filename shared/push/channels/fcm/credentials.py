"""What an app's secret says about its Firebase project, and the bearer that it earns."""

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Self
from urllib.error import HTTPError
from urllib.request import HTTPSHandler, OpenerDirector, build_opener
from urllib.request import Request as HttpRequest

import certifi
from firebase_admin.credentials import Certificate
from google.auth import transport
from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
from typing_extensions import override

from shared.push.errors import CredentialsError

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
"""The narrowest scope that may send: narrower than firebase-admin's own list."""

GOOGLE = "https://fcm.googleapis.com"
_TIMEOUT_SECONDS = 10
_KNOWN = frozenset({"service_account", "endpoint", "ca_pem"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FcmCredentials:
    """Where to send, and as whom.

    ``service_account`` is Google's service account JSON. ``endpoint`` is FCM or something that
    speaks like it, always over TLS; ``ca_pem`` is the authority that signed its certificate, unless
    a public one did.

    Raises:
        CredentialsError: the account names no project, or the endpoint is not reached over TLS.
    """

    service_account: Mapping[str, Any]
    endpoint: str = GOOGLE
    ca_pem: str | None = None

    def __post_init__(self) -> None:
        if not self.service_account.get("project_id"):
            raise CredentialsError('The service account has no "project_id".')
        if not self.endpoint.startswith("https://"):
            raise CredentialsError("The FCM endpoint must begin with https://.")

    @classmethod
    def from_secret(cls, text: str) -> Self:
        """Read the JSON of a secret ``engage/fcm/...``.

        Raises:
            CredentialsError: it is no such JSON, or lacks something.
        """
        try:
            secret = json.loads(text)
        except ValueError:
            raise CredentialsError("The FCM secret is not JSON.") from None
        if not isinstance(secret, dict) or not isinstance(secret.get("service_account"), dict):
            raise CredentialsError('The FCM secret needs the object "service_account".')
        if unknown := secret.keys() - _KNOWN:
            raise CredentialsError(f"The FCM secret has unknown fields: {sorted(unknown)}.")
        return cls(**secret)

    @property
    def send_url(self) -> str:
        """Return the address of ``messages:send`` for the account's project."""
        return f"{self.endpoint}/v1/projects/{self.service_account['project_id']}/messages:send"

    def authority(self) -> str:
        """Return the PEM of the authorities to trust."""
        if self.ca_pem is not None:
            return self.ca_pem
        return certifi.contents()


class BearerUnavailableError(Exception):
    """The token route did not answer; the credentials may be right."""


class Bearer:
    """An OAuth2 bearer for a service account, kept until shortly before it expires."""

    def __init__(self, credentials: FcmCredentials) -> None:
        """Read the account's key.

        Raises:
            CredentialsError: the service account is incomplete or its key is unreadable.
        """
        try:
            certificate = Certificate(dict(credentials.service_account))
        except ValueError as error:
            raise CredentialsError(f"The service account is unusable: {error}") from error
        if not str(credentials.service_account["token_uri"]).startswith("https://"):
            raise CredentialsError("The service account's token_uri must begin with https://.")
        self._google = certificate.get_credential().with_scopes([SCOPE])
        self._request = _TokenRequest(credentials)

    def current(self) -> str:
        """Return a bearer that is valid for some minutes, asking for one only when needed.

        Raises:
            CredentialsError: the account is refused.
            BearerUnavailableError: the token route does not answer.
        """
        return str(self._google.token) if self._google.valid else self.renew()

    def renew(self) -> str:
        """Return a new bearer, whatever became of the last; raises as ``current`` does."""
        try:
            self._google.refresh(self._request)
        except RefreshError as error:
            if error.retryable:
                raise BearerUnavailableError(str(error)) from error
            raise CredentialsError(f"Google refused the service account: {error}") from error
        except GoogleAuthError as error:
            raise BearerUnavailableError(str(error)) from error
        return str(self._google.token)


class _TokenRequest(transport.Request):
    """google-auth's transport, on the standard library: ``requests`` cannot take a PEM text."""

    def __init__(self, credentials: FcmCredentials) -> None:
        self._credentials = credentials

    @cached_property
    def _opener(self) -> OpenerDirector:
        # Made with the first request: reading the public authorities is 20 ms of a cold start.
        context = ssl.create_default_context(cadata=self._credentials.authority())
        return build_opener(HTTPSHandler(context=context))

    @override
    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **_options: Any,
    ) -> "_TokenResponse":
        request = HttpRequest(url, data=body, headers=dict(headers or {}), method=method)  # noqa: S310 - https, checked
        try:
            with self._opener.open(request, timeout=timeout or _TIMEOUT_SECONDS) as answer:
                return _TokenResponse(answer.status, dict(answer.headers), answer.read())
        except HTTPError as refusal:
            with refusal:
                return _TokenResponse(refusal.code, dict(refusal.headers), refusal.read())
        except OSError as error:
            raise TransportError(str(error)) from error  # type: ignore[no-untyped-call]


class _TokenResponse(NamedTuple):
    """What google-auth asks of a response."""

    status: int
    headers: Mapping[str, str]
    data: bytes
