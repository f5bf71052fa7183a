"""What phones talk to in these tests: a server's side of the contract, and a fake that keeps it."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from itertools import count
from typing import Any, NamedTuple, Protocol

from engage_mobile import Request, Response
from engage_mobile.operations import Instant

NOBODY = "nobody"
"""Whose something is that was told while nobody was logged in."""


class Effect(NamedTuple):
    """Something that the server did: of a kind, for a person, with the mark that a test gave it."""

    kind: str
    whose: str
    mark: str


class Server(Protocol):
    """A server that can be asked afterwards what it did: the fake one, or the real stack."""

    def send(self, request: Request) -> Response | None:
        """Answer a request."""
        ...

    def effects(self) -> Counter[Effect]:
        """Return what was done, and how often."""
        ...


def user_token(name: str) -> str:
    """Return a token of the app's sign-in, as the fake server takes it."""
    return f"user.token.{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device as the fake server knows it; tokens of a smaller epoch are void."""

    device_id: str
    contact_id: str
    epoch: int = 1
    client_seq: int = -1
    whose: str = NOBODY
    state: Mapping[str, Any] = field(default_factory=dict)


class Refused(Exception):  # noqa: N818 - an answer, not a fault
    """The server says no."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


class FakeServer:
    """Keeps the API's rules of idempotency and of tokens, in memory.

    A token that expired is good for a registration alone; one of a former epoch is good for
    nothing. The same key of the same device finds its first answer; an event counts by its id, a
    receipt by message and type, an ad's event by token and type.
    """

    def __init__(self, clock: Callable[[], Instant]) -> None:
        self.devices: dict[str, Device] = {}
        self.requests: list[Request] = []
        self._clock = clock
        self._generation = 1
        self._contacts: dict[str, str] = {}
        self._numbers = count(1)
        self._seen: dict[tuple[str, ...], Effect] = {}
        self._keys: dict[tuple[str, str], tuple[bytes | None, Response]] = {}
        self._wishes: dict[str, Any] = {}

    def effects(self) -> Counter[Effect]:
        """Return what was done, and how often."""
        return Counter(self._seen.values())

    def expire_tokens(self) -> None:
        """Let every device token that was given so far be too old."""
        self._generation += 1

    def send(self, request: Request) -> Response:
        """Answer a request."""
        self.requests.append(request)
        try:
            answer = self._routed(request)
        except Refused as refused:
            problem = {"status": refused.status, "code": refused.code, "detail": ""}
            answer = _answer(refused.status, problem)
        date = formatdate(self._clock() // 1000, usegmt=True)
        return replace(answer, headers={**answer.headers, "date": date})

    def _routed(self, request: Request) -> Response:
        path = request.path.removeprefix("/v1/apps/app_1/")
        body = json.loads(request.content) if request.content else None
        for method, pattern, answer in self._routes():
            found = re.fullmatch(pattern, path)
            if method == request.method and found:
                return answer(request, body, *found.groups())
        raise Refused(404, "route_not_found")

    def _routes(self) -> Iterator[tuple[str, str, Callable[..., Response]]]:
        yield "PUT", "devices/([^/]+)", self._register
        yield "PUT", "devices/([^/]+)/contact", self._identify
        yield "DELETE", "devices/([^/]+)/contact", self._log_out
        yield "GET", r"devices/([^/]+)/inbox\?.*", self._inbox
        yield "PATCH", "devices/([^/]+)/inbox/([^/]+)", self._mark
        yield "GET", "devices/([^/]+)/in-app", self._in_app
        yield "POST", "events", self._events
        yield "POST", "receipts", self._receipts
        yield "POST", "ad-events", self._ad_events
        yield "POST", "redemptions", self._redeem
        yield "POST", "coupons/([^/]+)/claims", self._claim
        yield "POST", "coupon-validations", self._validate
        yield "GET", "me/coupons", self._coupons
        yield "POST", "ad-decisions", self._decide
        yield "PUT", "contacts/([^/]+)/preferences", self._wish
        yield "GET", "contacts/([^/]+)/preferences", self._wished

    def _register(self, request: Request, body: Any, device_id: str) -> Response:
        known = self.devices.get(device_id)
        if known is None:
            known = Device(device_id=device_id, contact_id=self._new_contact())
            status = 201
        elif _bearer(request).split(".")[:2] != [device_id, str(known.epoch)]:
            raise Refused(401, "device_token_required")
        else:
            status = 200
        if body["client_seq"] > known.client_seq:
            known = replace(known, client_seq=body["client_seq"], state=body)
        self.devices[device_id] = known
        return self._with_token(known, status)

    def _identify(self, request: Request, body: Any, device_id: str) -> Response:
        device = self._device(request)
        prefix, _, name = body["user_token"].rpartition(".")
        if prefix != "user.token":
            raise Refused(401, "unauthenticated")
        contact_id = self._contacts.setdefault(name, self._new_contact())
        device = replace(device, whose=name, contact_id=contact_id)
        self.devices[device_id] = device
        return self._with_token(device, 200)

    def _log_out(self, request: Request, body: Any, device_id: str) -> Response:
        device = self._device(request)
        if device.whose != NOBODY:
            device = replace(
                device, whose=NOBODY, contact_id=self._new_contact(), epoch=device.epoch + 1
            )
            self.devices[device_id] = device
        return self._with_token(device, 200)

    def _events(self, request: Request, body: Any) -> Response:
        device = self._device(request)
        effects = [
            (("event", event["id"]), event["data"].get("mark", event["type"])) for event in body
        ]
        return _answer(202, self._done_once("event", device, effects) | {"rejected": []})

    def _receipts(self, request: Request, body: Any) -> Response:
        device = self._device(request)
        effects = [
            (("receipt", name, one["type"]), name)
            for one in body["receipts"]
            for name in [one.get("message_id") or one["display_id"]]
        ]
        return _answer(202, self._done_once("receipt", device, effects) | {"rejected": []})

    def _inbox(self, request: Request, body: Any, device_id: str) -> Response:
        self._device(request)
        message = {"message_id": f"msg_{'0' * 26}_0", "state": "unseen", "title": "Hello"}
        return _answer(200, {"items": [message], "next_cursor": None, "unseen": 1, "unread": 1})

    def _mark(self, request: Request, body: Any, device_id: str, message_id: str) -> Response:
        device = self._device(request)
        self._done_once("mark", device, [(("mark", message_id, body["state"]), message_id)])
        return _answer(200, {"message_id": message_id, **body})

    def _in_app(self, request: Request, body: Any, device_id: str) -> Response:
        self._device(request)
        rule = {
            "in_app_id": f"iam_{'0' * 26}",
            "content": {"layout": "banner", "title": "Hello"},
            "trigger": {"event": None, "filters": []},
            "priority": 50,
            "caps": {"per_session": None, "per_day": None, "total": None},
            "quiet_time": None,
            "starts_at": None,
            "ends_at": None,
        }
        return _answer(200, {"items": [rule], "expires_at": "2099-01-01T00:00:00Z"})

    def _ad_events(self, request: Request, body: Any) -> Response:
        device = self._device(request)
        results = []
        for one in body["events"]:
            effect = (("ad", one["token"], one["type"]), f"{one['token']} {one['type']}")
            done = self._done_once("ad_event", device, [effect])
            results.append({"status": "counted" if done["accepted"] else "duplicate"})
        return _answer(200, {"results": results})

    def _redeem(self, request: Request, body: Any) -> Response:
        device = self._device(request)
        name = (device.device_id, request.headers["Idempotency-Key"])
        if name in self._keys:
            content, first = self._keys[name]
            if content != request.content:
                raise Refused(422, "idempotency_key_reused")
            return replace(first, headers={"idempotent-replayed": "true"})
        mark = body["basket"]["lines"][0]["line_id"]
        self._done_once("redemption", device, [(("redemption", *name), mark)])
        answer = _answer(201, {"redemption_id": f"red_{next(self._numbers)}", "discount": 100})
        self._keys[name] = (request.content, answer)
        return answer

    def _claim(self, request: Request, body: Any, coupon_id: str) -> Response:
        device = self._device(request)
        self._done_once("claim", device, [(("claim", device.whose, coupon_id), coupon_id)])
        return _answer(201, {"coupon_id": coupon_id, "code": "WELC-OME1"})

    def _validate(self, request: Request, body: Any) -> Response:
        self._device(request)
        return _answer(200, {"discount": 100, "quote": "quote"})

    def _coupons(self, request: Request, body: Any) -> Response:
        self._device(request)
        return _answer(200, {"items": []})

    def _decide(self, request: Request, body: Any) -> Response:
        self._device(request)
        number = next(self._numbers)
        ad = {
            "ad_id": "ad_1",
            "flight_id": "flt_1",
            "token": f"token-{number}",
            "creative": {"format": "image", "url": "https://example.com/a.png"},
            "click_url": None,
            "coupon_id": None,
            "expires_at": "2026-11-23T12:05:00Z",
        }
        decisions = {one["name"]: [ad] for one in body["placements"]}
        return _answer(200, {"decisions": decisions, "no_ad": {}, "fallbacks": {}, "epoch": 1})

    def _wish(self, request: Request, body: Any, contact_id: str) -> Response:
        whose = self._person(request, contact_id)
        self._wishes[whose] = body
        return _answer(200, body)

    def _wished(self, request: Request, body: Any, contact_id: str) -> Response:
        return _answer(200, self._wishes.get(self._person(request, contact_id), {}))

    def _device(self, request: Request) -> Device:
        device_id, epoch, generation = (*_bearer(request).split("."), "", "", "")[:3]
        found = self.devices.get(device_id)
        if found is None or (epoch, generation) != (str(found.epoch), str(self._generation)):
            raise Refused(401, "unauthenticated")
        return found

    def _person(self, request: Request, contact_id: str) -> str:
        prefix, _, name = _bearer(request).rpartition(".")
        if prefix != "user.token":
            raise Refused(401, "unauthenticated")
        if self._contacts.get(name) != contact_id:
            raise Refused(404, "not_found")
        return name

    def _done_once(
        self, kind: str, device: Device, effects: Sequence[tuple[tuple[str, ...], str]]
    ) -> dict[str, Any]:
        new = 0
        for name, mark in effects:
            new += name not in self._seen
            self._seen.setdefault(name, Effect(kind, device.whose, mark))
        return {"accepted": new, "duplicates": len(effects) - new}

    def _with_token(self, device: Device, status: int) -> Response:
        told = {
            "device_id": device.device_id,
            "contact_id": device.contact_id,
            "is_anonymous": device.whose == NOBODY,
            "device_token": f"{device.device_id}.{device.epoch}.{self._generation}",
        }
        return _answer(status, told)

    def _new_contact(self) -> str:
        return f"con_{next(self._numbers)}"


def _bearer(request: Request) -> str:
    return request.headers.get("Authorization", "").removeprefix("Bearer ")


def _answer(status: int, document: Mapping[str, Any]) -> Response:
    return Response(status=status, content=json.dumps(document).encode())
