"""Secrets of this deployment, from Secrets Manager, kept for a while in the process."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.platform.clients import client

FRESH_SECONDS = 300
"""A rotated secret is in use everywhere after five minutes; the previous one is still accepted."""


class SecretUnusableError(RuntimeError):
    """The secret cannot be read, or is no JSON object."""


@dataclass(slots=True, kw_only=True)
class Secret:
    """One secret, read when it is first asked for and again every five minutes.

    ``value`` raises ``SecretUnusableError``.
    """

    id: str
    monotonic: Callable[[], float] = time.monotonic
    _held: Mapping[str, Any] = field(default_factory=dict)
    _fresh_until: float = 0.0

    def value(self) -> Mapping[str, Any]:
        """Return the secret's JSON object."""
        if self.monotonic() >= self._fresh_until:
            self._held = self._read()
            self._fresh_until = self.monotonic() + FRESH_SECONDS
        return self._held

    def keys(self) -> tuple[bytes, ...]:
        """Return the keys that sign or hide: the current one first, then the previous one."""
        value = self.value()
        return tuple(value[name].encode() for name in ("current", "previous") if value.get(name))

    def _read(self) -> Mapping[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - rarely needed

        try:
            text = client("secretsmanager").get_secret_value(SecretId=self.id)["SecretString"]
            value = json.loads(text)
        except (BotoCoreError, ClientError, KeyError, ValueError) as error:
            raise SecretUnusableError(f"secret {self.id}: {error}") from error
        if not isinstance(value, dict):
            raise SecretUnusableError(f"secret {self.id} is no JSON object")
        return value
