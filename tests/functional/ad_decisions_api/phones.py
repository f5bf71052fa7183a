"""Devices that ask for ads, and what is booked for them."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from tests.deployment import Answer, Deployment
from tests.functional.ads_booked import BookedAds, names

COUNTED = {"status": "counted", "reason": None}
DUPLICATE = {"status": "duplicate", "reason": None}
AUDIENCE = "shop"


def rejected(reason: str) -> dict[str, Any]:
    return {"status": "rejected", "reason": reason}


@dataclass(frozen=True, kw_only=True)
class Phone:
    """A device of an app that has ads."""

    deployed: Deployment
    app_id: str
    known: dict[str, Any]

    @classmethod
    def registered(cls, booked: BookedAds, device_id: str = "phone-of-ada") -> "Phone":
        known = booked.deployed.a_device(booked.app_id, device_id)
        return cls(deployed=booked.deployed, app_id=booked.app_id, known=known)

    def call(self, route: str, body: Any = None, **options: Any) -> Answer:
        """Call a route below the app as this device."""
        method, _, path = route.partition(" ")
        options.setdefault("bearer", self.known["device_token"])
        return self.deployed.request(f"{method} /v1/apps/{self.app_id}{path}", body, **options)

    def asks(self, *placements: str, **more: Any) -> dict[str, Any]:
        """Ask for one ad in each placement."""
        answer = self.call("POST /ad-decisions", {**names(placements), **more})
        assert answer.status == 200, answer.body
        body: dict[str, Any] = answer.body
        return body

    def is_given(self, placement: str, **more: Any) -> dict[str, Any]:
        """Ask for one ad, which there is."""
        answer = self.asks(placement, **more)
        assert answer["decisions"][placement], answer["no_ad"]
        ad: dict[str, Any] = answer["decisions"][placement][0]
        return ad

    def tells(self, *events: tuple[str, str]) -> list[dict[str, Any]]:
        """Tell what became of ads, each by its token."""
        told = [{"token": token, "type": kind} for token, kind in events]
        answer = self.call("POST /ad-events", {"events": told})
        assert answer.status == 200, answer.body
        results: list[dict[str, Any]] = answer.body["results"]
        return results


def opened(deployed: Deployment, url: str, **options: Any) -> Answer:
    """Open a link of an ad, as whoever has it does."""
    path, _, query = url.removeprefix("https://localhost").partition("?")
    return deployed.request(f"GET {path}", query=dict(parse_qsl(query)), **options)
