"""Whose device this is: what the server said last, and what the app said last."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The device, as both sides know it; it is stored whole, in one note.

    ``device_token`` proves the device; ``None`` before the first registration. ``contact_id`` is
    whose the server says it is. ``login`` counts logins and log-outs, so a number stands for one
    person on this device. ``device`` is the state that was told last, under ``client_seq``.
    """

    device_id: str
    device_token: str | None = None
    contact_id: str | None = None
    is_anonymous: bool = True
    login: int = 0
    client_seq: int = 0
    device: Mapping[str, Any] | None = None

    def to_text(self) -> str:
        """Return it as JSON text."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def of_text(cls, text: str) -> Self:
        """Return what ``to_text`` wrote."""
        return cls(**json.loads(text))

    def described(self, state: Mapping[str, Any]) -> Self:
        """Return it with a newer state of the device: the highest sequence wins."""
        return replace(self, device=dict(state), client_seq=self.client_seq + 1)

    def changed_hands(self) -> Self:
        """Return it for the next person: what is put into the queue from now on is theirs."""
        return replace(self, login=self.login + 1)

    def registered(self, answer: Mapping[str, Any]) -> Self:
        """Return it as the server describes the device, with the token that came along."""
        return replace(
            self,
            device_token=str(answer["device_token"]),
            contact_id=str(answer["contact_id"]),
            is_anonymous=bool(answer["is_anonymous"]),
        )

    def anew(self, device_id: str) -> Self:
        """Return it as another device, which nobody knows yet."""
        return replace(
            self, device_id=device_id, device_token=None, contact_id=None, is_anonymous=True
        )

    def body(self) -> str | None:
        """Return what a registration says, as JSON text; ``None`` before the app said anything."""
        if self.device is None:
            return None
        return json.dumps({**self.device, "client_seq": self.client_seq}, separators=(",", ":"))
