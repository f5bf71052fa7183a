"""The deployed stack, as tests of phones want to see it: what it did, for whom, how often."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx

from engage_mobile import Request, Response, Transport
from infra.local.api import ApiCaller
from infra.local.grounds import Ground, GroundKeeper
from tests.sdk.servers import NOBODY, Effect

FAKE_APP, FAKE_CODE, FAKE_TOKEN = "/apps/app_1/", "WELCOME10", "user.token."
"""What phones of the fake server say; here stands what it is at the deployed one."""

SEEN, REDEEMED = "com.example.seen", "coupon.redeemed.v1"
"""Ends of types: the app's organisation comes before them."""


class Timelines:
    """What the server tells a marketer of contacts."""

    def __init__(self, http: httpx.Client, stack: dict[str, Any]) -> None:
        self._api = ApiCaller(http, stack["role_tokens"]["admin"])
        self._contacts = f"/v1/apps/{stack['app_id']}/contacts"

    def events_of(self, contact_id: str) -> Iterator[dict[str, Any]]:
        return self._api.items(f"{self._contacts}/{contact_id}/timeline", limit=200)

    def types_of(self, contact_id: str) -> Counter[str]:
        return Counter(event["type"] for event in self.events_of(contact_id))

    def device_of(self, contact_id: str, device_id: str) -> dict[str, Any]:
        devices = self._api.get(f"{self._contacts}/{contact_id}")["devices"]
        (found,) = (one for one in devices if one["device_id"] == device_id)
        return dict(found)


class DeployedServer:
    """The deployed stack in the place of the fake server.

    It puts real names into requests, and hears every answer, also those that the network loses: so
    it knows who is who, and which redemption is of which basket.
    """

    def __init__(
        self, transport: Transport, timelines: Timelines, keeper: GroundKeeper, ground: Ground
    ) -> None:
        self._transport = transport
        self._timelines = timelines
        self._people = keeper.people
        self._app_id = keeper.app_id
        self._ground = ground
        self._tokens: dict[str, str] = {}
        self._whose: dict[str, str] = {}
        self._marks: dict[str, str] = {}

    def send(self, request: Request) -> Response | None:
        """Answer a request."""
        document = json.loads(request.content) if request.content else None
        name = ""
        if isinstance(document, dict) and "user_token" in document:
            name = document["user_token"].removeprefix(FAKE_TOKEN)
            document["user_token"] = self._token(name)
        answer = self._transport.send(self._translated(request, document))
        if answer is not None and answer.is_success:
            self._hear(request, document, answer, name)
        return answer

    def effects(self) -> Counter[Effect]:
        """Return what was done, and how often.

        The timeline of somebody who logged in shows what came before, too, which was nobody's.
        """
        events = {
            (event["source"], event["id"]): event
            for contact_id in self._whose
            for event in self._timelines.events_of(contact_id)
        }
        found = (
            self._effect(event, self._whose[event["partitionkey"]]) for event in events.values()
        )
        return Counter(effect for effect in found if effect is not None)

    def _effect(self, event: dict[str, Any], whose: str) -> Effect | None:
        data = event["data"]
        if event["type"].endswith(SEEN):
            return Effect("event", whose, data["mark"])
        if event["type"].endswith(REDEEMED):
            return Effect("redemption", whose, self._marks[data["redemption_id"]])
        return None

    def _translated(self, request: Request, document: Any) -> Request:
        path = request.path.replace(FAKE_APP, f"/apps/{self._app_id}/")
        content = None if document is None else json.dumps(document).encode()
        if content is not None:
            content = content.replace(FAKE_CODE.encode(), self._ground.coupon.code.encode())
        return replace(request, path=path, content=content)

    def _hear(self, request: Request, document: Any, answer: Response, name: str) -> None:
        said = answer.document
        if "/devices/" in request.path:
            whose = NOBODY if said["is_anonymous"] else name or self._whose[said["contact_id"]]
            self._whose[said["contact_id"]] = whose
        if request.path.endswith("/redemptions"):
            self._marks[said["redemption_id"]] = document["basket"]["lines"][0]["line_id"]

    def _token(self, name: str) -> str:
        if name not in self._tokens:
            self._tokens[name] = self._people.sign_in(f"{self._ground.name}-{name}")
        return self._tokens[name]
