"""Whatever is sent to a route of the published document, its answer is one that the document names.

schemathesis makes the requests, valid ones and broken ones; a small WSGI application hands them to
the real handlers in this process, as the gateway does.
"""

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import uuid4

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.transport import Response
from schemathesis.generation.stateful import run_state_machine_as_test
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from typing_extensions import override

from shared.coupons.model.shops import letters_of
from tests.deployment import Deployment, document, http_event
from tests.fakes.issuer import OidcIssuer
from tests.fakes.tills import Till
from tests.functional.booking import BANNER, SPRING, TITLED, Desk
from tests.functional.given_ads import an_ad_token
from tests.functional.given_outgoing import NOWHERE, a_replay, an_undelivered_event

AUDIENCE = "the-app"
FCM = {"project_id": "engage-local", "secret": "engage/fcm/local"}
MEANINGFUL = {
    "timezone": "Europe/Zurich",
    "default_timezone": "America/Bogota",
    "data": {"order": "17"},
    "image": "https://example.com/picture.png",
    "send_until": "2100-01-01T00:00:00Z",
    "zone": "Europe/Zurich",
    "contents": {"en": {"title": "Hello {{ app.name }}"}},
    "default_locale": "en",
    "buttons": [{"id": "see", "title": "See"}],
    "variables": {},
    "rule": {"all": [{"tag": "vip"}, {"event": {"type": "order.placed.v1"}}]},
}
"""Values that pass the rules which no schema can tell, by the name of the field."""

APP, CONTACT = "/v1/apps/{app_id}", "/v1/apps/{app_id}/contacts/{contact_id}"
MESSAGE = {"recipients": [{"device_id": "phone-001"}], "content": {"title": "Hello"}}
TEMPLATE = {"name": "t", "default_locale": "en", "contents": {"en": {"title": "Hello"}}}
CAMPAIGN = {
    "name": "Spring",
    "segment_id": "known",
    "variants": [{"name": "a", "template_id": "known"}],
    "send_at": "2027-03-01T09:00:00Z",
}
COUPON = {
    "name": "Spring",
    "discount": {"kind": "percent", "percent_off": 10},
    "claims": {"enabled": True, "with_code": True},
}
LINE = {"line_id": "1", "product_id": "shirt", "quantity": 1, "unit_price": 1_000}
BASKET = {"currency": "CHF", "lines": [LINE]}
CALL = {"event": "Seen", "userId": "C-17", "groupId": "club", "previousId": "a-1"}
CALLS = ("track", "t", "identify", "i", "page", "p", "screen", "s", "group", "g", "alias", "a")
VENDOR_KEY = "the-key-of-an-api-destination"
TRIGGER = {
    "name": "unopened push",
    "when": {"type": "message.sent.v1", "filter": "channel = 'push'"},
    "after": "PT1H",
    "unless": [{"type": "message.opened.v1", "same": "message"}],
    "then": {"request": {"channel": "email", "purpose": "marketing", "text": "spring"}},
}
IN_APP = {"name": "hello", "content": {"layout": "banner", "title": "Hello"}}
BODIES: dict[str, Any] = {
    f"POST {APP}/triggers": {"document": TRIGGER},
    f"PUT {APP}/triggers/{{trigger_id}}": {
        "version": "known",
        "document": {**TRIGGER, "after": "PT2H"},
    },
    f"POST {APP}/triggers/{{trigger_id}}/approve": {"version": "known"},
    f"POST {APP}/triggers/simulate": {
        "document": TRIGGER,
        "from": "2026-11-22T00:00:00Z",
        "to": "2026-11-22T06:00:00Z",
    },
    f"POST {APP}/events": {
        "specversion": "1.0",
        "id": "1",
        "source": "/app",
        "type": "page.viewed.v1",
    },
    f"POST {APP}/webhooks/{{dialect}}": {},
    f"POST {APP}/write-keys": {"name": "another-site"},
    "POST /v1/batch": {"batch": [{**CALL, "type": "track"}]},
    "POST /v1/b": {"batch": [{**CALL, "type": "track"}]},
    **{f"POST /v1/{path}": CALL for path in CALLS},
    "POST /v1/apps": {"name": "Shop", "org": "com.example", "platforms": ["android"]},
    f"PATCH {APP}": {"name": "Store"},
    "PUT /v1/grants": {"principal": "known", "app_id": "known", "role": "viewer"},
    f"POST {APP}/webhook-secrets": {"name": "another-suite", "channels": ["sms"]},
    f"POST {APP}/subscriptions": {"url": NOWHERE, "filter": "type LIKE '%.v1'"},
    f"PATCH {APP}/subscriptions/{{subscription_id}}": {"version": 1, "mode": "batch"},
    f"POST {APP}/subscriptions/{{subscription_id}}/replay": {"from": "2026-11-22T00:00:00Z"},
    f"PUT {APP}/devices/{{device_id}}": {"platform": "android", "client_seq": 9},
    f"PUT {APP}/devices/{{device_id}}/contact": {"user_token": "known"},
    f"PATCH {CONTACT}": {"add_tags": ["vip"]},
    f"POST {CONTACT}/merges": {"other_contact_id": "known"},
    f"POST {CONTACT}/keep-apart": {"other_contact_id": "known"},
    f"PUT {APP}/policy": {
        "caps": [{"id": "weekly", "limit": 3, "window": {"rolling": 168}}],
        "quiet_hours": [{"id": "night", "allowed": [{"from": "08:00", "to": "21:00"}]}],
    },
    f"POST {APP}/policy/simulate": {
        "document": {"caps": [{"id": "weekly", "limit": 3, "window": {"rolling": 168}}]},
        "days": 1,
    },
    f"POST {APP}/control-groups": {"percent": 10},
    f"POST {APP}/contact-decisions": {
        "identifiers": [{"namespace": "customer", "value": "4711"}],
        "channel": "inapp",
        "reserve": True,
    },
    f"POST {APP}/imports": {"kind": "devices", "size": 7},
    f"POST {APP}/segments": {"name": "others", "rule": {"all": []}},
    f"PUT {APP}/segments/{{segment_id}}": {
        "name": "vips",
        "rule": {"tag": "vip"},
        "version": "known",
    },
    f"POST {APP}/segments/estimate": {"rule": {"all": []}},
    f"PUT {CONTACT}/preferences": {"topics_off": ["news"]},
    f"PUT {CONTACT}/consents": {"status": "granted", "obtained_by": "a form"},
    f"POST {CONTACT}/cases": {"kind": "complaint"},
    f"POST {CONTACT}/preference-links": {"topic": "news"},
    "POST /v1/preferences/{token}": {
        "shown_channel": ["push", "email"],
        "channel": ["push"],
        "frequency": ["1/week"],
        "paused_until": [""],
    },
    "POST /v1/unsubscribe/{token}": {"List-Unsubscribe": ["One-Click"]},
    f"POST {APP}/messages": MESSAGE,
    f"POST {APP}/receipts": {
        "receipts": [{"message_id": "known", "type": "opened", "at": "2026-03-01T12:00:00Z"}]
    },
    f"POST {APP}/inbox-messages": {"contact_ids": ["known"], "content": {"title": "Hello"}},
    f"PATCH {APP}/devices/{{device_id}}/inbox/{{message_id}}": {"state": "read"},
    f"POST {APP}/in-app-messages": IN_APP,
    f"PUT {APP}/in-app-messages/{{in_app_id}}": {**IN_APP, "version": "known"},
    f"POST {APP}/in-app-messages/{{in_app_id}}/activate": {"version": "known"},
    f"POST {APP}/in-app-messages/{{in_app_id}}/pause": {"version": "known"},
    f"POST {APP}/templates": {**TEMPLATE, "name": "another"},
    f"PUT {APP}/templates/{{template_id}}": {**TEMPLATE, "version": "known"},
    f"POST {APP}/templates/{{template_id}}/preview": {"locale": "en"},
    f"POST {APP}/campaigns": CAMPAIGN,
    f"PATCH {APP}/campaigns/{{campaign_id}}": {"version": "known", "holdout_percent": 5},
    f"POST {APP}/campaigns/{{campaign_id}}/test": {"device_ids": ["phone-001"]},
    f"POST {APP}/campaigns/{{campaign_id}}/approve": {"name": "Spring"},
    f"POST {APP}/coupons": COUPON,
    f"PATCH {APP}/coupons/{{coupon_id}}": {"version": "known", "name": "Summer"},
    f"PUT {APP}/coupon-settings": {"version": "known"},
    f"POST {APP}/coupons/{{coupon_id}}/codes": {"code": "known"},
    f"POST {APP}/coupons/{{coupon_id}}/codes/assignments": {
        "code": "known",
        "contact_id": "known",
    },
    f"POST {APP}/coupons/{{coupon_id}}/publications": {
        "source_id": "mail",
        "devices": ["phone-001"],
    },
    f"POST {APP}/me/coupons": BASKET,
    f"POST {APP}/coupon-validations": {"redeemables": [{"code": "known"}], "basket": BASKET},
    f"POST {APP}/redemptions": {"redeemables": [{"code": "known"}], "basket": BASKET},
    f"POST {APP}/redemptions/{{redemption_id}}/rollback": {},
    f"POST {APP}/stores/{{store_id}}/keys": {"public_key": "known", "name": "Till 3"},
    f"POST {APP}/placements": {"name": "known", "sizes": ["320x50"]},
    f"POST {APP}/ad-templates": {"name": "Card", "schema": TITLED},
    f"POST {APP}/advertisers": {"name": "Acme"},
    f"POST {APP}/ad-campaigns": {"name": "Spring", "advertiser_id": "known"},
    f"POST {APP}/flights": {**SPRING, "ad_campaign_id": "known"},
    f"POST {APP}/creatives": {**BANNER, "name": "Banner", "advertiser_id": "known"},
    f"POST {APP}/ads": {"name": "Shoes", "flight_id": "known", "creative_id": "known"},
    **{
        f"PATCH {APP}/{path}/{{{name}}}": {"version": "known", "state": "paused"}
        for path, name in (
            ("placements", "placement_id"),
            ("ad-templates", "ad_template_id"),
            ("advertisers", "advertiser_id"),
            ("ad-campaigns", "ad_campaign_id"),
            ("creatives", "creative_id"),
            ("ads", "ad_id"),
        )
    },
    f"PATCH {APP}/flights/{{flight_id}}": {"version": "known", "weight": 2},
    f"PUT {APP}/ad-settings": {"version": "known", "apart_minutes": 5},
    f"POST {APP}/ad-counters/rebuild": {"day": "2026-10-01"},
    f"POST {APP}/ad-demand/import": {"advertisers": [{"key": "acme", "name": "Acme"}]},
    f"POST {APP}/ad-decisions": {"placements": [{"name": "home-top"}]},
    f"POST {APP}/ad-events": {"events": [{"token": "known", "type": "impression"}]},
    f"POST {APP}/coupons/{{coupon_id}}/claims": {},
    f"POST {APP}/ad-decisions/explain": {
        "device_id": "known",
        "placements": [{"name": "home-top"}],
    },
}
"""A body that passes, by its route; ``World.known`` has the value of each ``known``."""

BOOKED = [
    ["placements"],
    *(["ad-templates"], ["advertisers"], ["ad-campaigns"], ["flights"], ["creatives"], ["ads"]),
    *(["ad-settings"], ["ad-demand"], ["ad-decisions"]),
]
"""The words of paths about ads, where they stand."""

TILL = Till(app_id="any")

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
OPERATIONS = [
    (method.upper(), path) for path, found in document()["paths"].items() for method in found
]
Environ: TypeAlias = dict[str, Any]
Request: TypeAlias = Case[Any]
StartResponse: TypeAlias = Callable[[str, list[tuple[str, str]]], object]


@dataclass(frozen=True)
class Gateway:
    """The HTTP API, as a WSGI application over the functions."""

    deployed: Deployment

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], _text_of(environ["PATH_INFO"])
        event = http_event(
            method,
            path,
            query=_text_of(environ["QUERY_STRING"]),
            headers=_headers_of(environ),
            body=_body_of(environ),
        )
        answer = self.deployed.invoke(self.deployed.function_of(method, path), event)
        start_response(f"{answer['statusCode']} Answered", list(answer["headers"].items()))
        return [(answer["body"] or "").encode()]


def _text_of(wire: str) -> str:
    return wire.encode("latin-1").decode(errors="replace")


def _headers_of(environ: Environ) -> dict[str, str]:
    found = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_") or name == "CONTENT_TYPE"
    }
    return {name: value for name, value in found.items() if value}


def _body_of(environ: Environ) -> str | bytes | None:
    """Return the body: text where the gateway would take it for text, else bytes."""
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    if "json" not in environ.get("CONTENT_TYPE", ""):
        return body or None
    try:
        return body.decode() or None
    except UnicodeDecodeError:
        return body


class World:
    """An app with a device, its contact and a message, and the callers who have to do with them."""

    def __init__(self, deployed: Deployment) -> None:
        self.deployed = deployed
        issuers = [{"issuer": deployed.pool.issuer, "audiences": [AUDIENCE]}]
        app_id = deployed.an_app(fcm=FCM, issuers=issuers)
        users = OidcIssuer(deployed.pool.issuer, audience=AUDIENCE)
        self.known: dict[str, Any] = {
            "app_id": app_id,
            "device_id": "phone-001",
            "user_token": users.token("ada"),
            "code": "not_found",
            "principal": "arn:aws:iam::123456789012:role/Reader",
            "recipients": MESSAGE["recipients"],
            **MEANINGFUL,
        }
        """What requests may name, by the name of the field or parameter."""

        self.bearers = {
            "operator": deployed.operator(),
            "admin": deployed.marketer(app_id, "admin"),
            "contact": users.token("ada"),
        }
        self.log_in()
        sent = deployed.request(
            f"POST /v1/apps/{app_id}/messages", MESSAGE, bearer=deployed.operator()
        )
        self.known["message_id"] = sent.body["messages"][0]["message_id"]
        template = deployed.request(
            f"POST /v1/apps/{app_id}/templates", TEMPLATE, bearer=deployed.operator()
        )
        self.known |= {"template_id": template.body["template_id"], "version": 1}
        segment = deployed.request(
            f"POST /v1/apps/{app_id}/segments",
            {"name": "vips", "rule": {"all": []}},
            bearer=deployed.operator(),
        )
        self.known["segment_id"] = segment.body["segment_id"]
        secret = deployed.request(
            f"POST /v1/apps/{app_id}/webhook-secrets",
            {"name": "suite", "channels": ["email"]},
            bearer=deployed.operator(),
        )
        self.known["secret_id"] = secret.body["secret_id"]
        self._believe_senders()
        self.known["import_id"] = deployed.an_import(app_id)["import_id"]
        other = deployed.a_device(app_id, "phone-002")
        self.known["other_contact_id"] = other["contact_id"]
        contact = f"/v1/apps/{app_id}/contacts/{self.known['contact_id']}"
        merges = deployed.request(f"GET {contact}/merges", bearer=deployed.operator()).body
        self.known["edge_id"] = merges["items"][0]["edge_id"]
        self.known |= _known_to_policy(deployed, contact)
        self.known |= {"store_id": "zurich-1", "public_key": letters_of(TILL.key.public)}
        key = {"public_key": self.known["public_key"], "name": "Till 3"}
        made = self._in_app("POST /stores/zurich-1/keys", key)
        self.known["key_id"] = made["key_id"]
        self.erased = deployed.a_device(app_id, "phone-003")["contact_id"]
        deployed.request(
            f"DELETE /v1/apps/{app_id}/contacts/{self.erased}", bearer=deployed.operator()
        )

    def _believe_senders(self) -> None:
        """Give a site a write key, and believe a vendor by a key; know an event."""
        made = self._in_app("POST /write-keys", {"name": "site"})
        self._in_app(
            "POST /webhook-secrets", {"name": "mail", "dialect": "ses", "secret": VENDOR_KEY}
        )
        subscribed = self._in_app("POST /subscriptions", {"url": NOWHERE})
        timeline = self._in_app(f"GET /contacts/{self.known['contact_id']}/timeline")
        self.bearers |= {"source": made["write_key"], "vendor": VENDOR_KEY}
        self.known |= {
            "dialect": "ses",
            "write_key": made["write_key"],
            "write_key_id": made["write_key_id"],
            "event_id": timeline["items"][0]["id"],
            "subscription_id": subscribed["subscription_id"],
        }

    def log_in(self, token: str | None = None) -> None:
        """Have the device registered, with its contact logged in; ``token`` is what it has left."""
        path = f"/v1/apps/{self.known['app_id']}/devices/{self.known['device_id']}"
        body = {"platform": "android", "client_seq": 1}
        device = self.deployed.request(f"PUT {path}", body, bearer=token).body
        known = self.deployed.log_in(device, "ada", audience=AUDIENCE)
        self.known |= {"contact_id": known["contact_id"], "contact_ids": [known["contact_id"]]}
        self.bearers["device"] = known["device_token"]

    def in_path(self, operation: Any) -> dict[str, Any]:
        """Return what exists, for the parameters of an operation's path."""
        names = [parameter.name for parameter in operation.path_parameters]
        known = {
            **self._known_now(operation),
            "token": self.known.get(f"{operation.path.split('/')[2]}_token"),
        }
        if operation.path.endswith("/erasure"):
            known["contact_id"] = self.erased
        if "trigger_id" in names:
            known["trigger_id"] = self._known_to_triggers(operation.path.rpartition("/")[2])
        if "subscription_id" in names:
            known |= self._known_to_subscriptions(operation.path.split("/")[6:7], names)
        if "campaign_id" in names:
            known |= self._known_to_campaigns(operation.path.rpartition("/")[2])
        if "coupon" in operation.path or "redemption" in operation.path or "code" in names:
            known |= self._known_to_coupons(operation.path.rpartition("/")[2])
        if operation.path.split("/")[4:5] in BOOKED:
            known |= self._known_to_ads(operation.path.rpartition("/")[2])
        if operation.path.startswith("/v1/problems/"):
            known["code"] = "not_found"
        return _of(known, names, operation)

    def _known_to_subscriptions(self, below: list[str], names: list[str]) -> dict[str, str]:
        """Return what a subscription has that a path names; to begin a replay there may be none."""
        app_id = self.known["app_id"]
        if "delivery_id" in names:
            return an_undelivered_event(self.deployed, app_id, self.known["event_id"])
        if below not in (["replay"], ["replays"]):
            return {}
        made: str = self._in_app("POST /subscriptions", {"url": NOWHERE})["subscription_id"]
        found = {"subscription_id": made}
        if "replay_id" in names:
            found["replay_id"] = a_replay(self.deployed, app_id, made)
        return found

    def _known_now(self, operation: Any) -> dict[str, Any]:
        """Return what is known, with what a path is about that is in the app."""
        if "{in_app_id}" in operation.path:
            return self._known_to_in_app(operation.path.rpartition("/")[2])
        if "/inbox/" not in operation.path:
            return self.known
        body = {"contact_ids": self.known["contact_ids"], "content": {"title": "Hello"}}
        (placed,) = self._in_app("POST /inbox-messages", body)["items"]
        return {**self.known, "message_id": placed["message_id"]}

    def _known_to_in_app(self, verb: str) -> dict[str, Any]:
        """Draft an in-app message, and bring it to where a verb finds it."""
        path = "POST /in-app-messages"
        in_app_id = self._in_app(path, IN_APP)["in_app_id"]
        if verb == "pause":
            self._in_app(f"{path}/{in_app_id}/activate", {"version": 1})
        self.known["version"] = 2 if verb == "pause" else 1
        return {**self.known, "in_app_id": in_app_id}

    def _known_to_triggers(self, verb: str) -> str:
        """Draft a trigger, and bring it to where a verb finds it."""
        drafted = self._in_app("POST /triggers", {"document": TRIGGER})
        trigger_id: str = drafted["trigger_id"]
        admin, path = self.bearers["admin"], f"POST /triggers/{trigger_id}"
        if verb in {"pause", "resume"}:
            self._in_app(f"{path}/approve", {"version": 1}, bearer=admin)
        if verb == "resume":
            self._in_app(f"{path}/pause", bearer=admin)
        self.known["version"] = 1
        return trigger_id

    def _known_to_campaigns(self, verb: str) -> dict[str, str]:
        """Draft a campaign, and bring it to where a verb finds it."""
        operator = self.deployed.operator()
        path = f"/v1/apps/{self.known['app_id']}/campaigns"
        body = _replaced(CAMPAIGN, self.known)
        drafted = self.deployed.request(f"POST {path}", body, bearer=operator).body
        campaign_id: str = drafted["campaign_id"]
        before = {"pause": ["send"], "resume": ["send", "pause"]}.get(verb, ["rehearse"])
        answers = [
            self.deployed.request(f"POST {path}/{campaign_id}/{step}", bearer=operator).body
            for step in before
        ]
        self.known["version"] = 1 + len(before)
        return {"campaign_id": campaign_id, "run_id": answers[0]["run_id"]}

    def _known_to_coupons(self, verb: str) -> dict[str, str]:
        """Draw up a coupon with a claim and a code, bring it, and a use of another, to a verb."""
        coupon_id, letters = self._a_claimed_coupon()
        codes = f"POST /coupons/{coupon_id}/codes"
        whose = {"code": letters, "contact_id": self.known["contact_id"]}
        job = self._in_app(codes, {"import": {"size": 7}})
        sent = {"source_id": "first", "devices": ["phone-001"]}
        found = {
            "coupon_id": coupon_id,
            "code": letters,
            "code_id": self._in_app(f"{codes}/assignments", whose)["code_id"],
            "job_id": job["job"]["job_id"],
            "publication_id": self._in_app(f"POST /coupons/{coupon_id}/publications", sent)[
                "publication_id"
            ],
            "redemption_id": self._a_redemption(verb),
        }
        self._upload(job)
        if verb == "activate":
            self._in_app(f"POST /coupons/{coupon_id}/pause")
        self.known |= {"code": letters, "version": 0 if verb == "coupon-settings" else 2}
        return found

    def _known_to_ads(self, verb: str) -> dict[str, str]:
        """Book one thing of each kind, and bring the flight to where a verb finds it."""
        desk = Desk(deployed=self.deployed, app_id=self.known["app_id"])
        slot = f"slot-{uuid4().hex}"
        found = desk.booked(slot=slot, target={"lifetime": 50, "exact": True})
        template = desk.made("ad-templates", {"name": "Card", "schema": TITLED})
        found["ad_template_id"] = template["ad_template_id"]
        if verb == "pause":
            self._in_app(f"POST /flights/{found['flight_id']}/activate")
        found["decision_id"] = desk.decided(self.known["contact_id"])
        self.known |= {**found, "name": f"{slot}-2", "version": 0 if verb == "ad-settings" else 1}
        return found

    def _upload(self, job: Mapping[str, Any]) -> None:
        upload = job["upload"]
        httpx.put(upload["url"], content=b"x" * 7, headers=upload["headers"]).raise_for_status()

    def _a_claimed_coupon(self) -> tuple[str, str]:
        coupon_id: str = self._in_app("POST /coupons", COUPON)["coupon_id"]
        self._in_app(f"POST /coupons/{coupon_id}/activate")
        claim = self._in_app(f"POST /coupons/{coupon_id}/claims", bearer=self.bearers["device"])
        return coupon_id, claim["code"]

    def _a_redemption(self, verb: str) -> str:
        _, letters = self._a_claimed_coupon()
        used = self._in_app(
            "POST /redemptions",
            {
                "redeemables": [{"code": letters}],
                "basket": BASKET,
                "mode": "reserve" if verb in {"commit", "release"} else "commit",
            },
            bearer=self.bearers["device"],
            headers={"Idempotency-Key": letters},
        )
        redemption_id: str = used["redemption_id"]
        return redemption_id

    def _in_app(self, route: str, body: Any = None, **options: Any) -> Any:
        """Return what a route below the app answers the operator, or another ``bearer``."""
        method, _, path = route.partition(" ")
        options.setdefault("bearer", self.deployed.operator())
        whole = f"{method} /v1/apps/{self.known['app_id']}{path}"
        answer = self.deployed.request(whole, body, **options)
        assert answer.status < 300, (route, answer.body)
        return answer.body

    def fitting(self, operation: Any) -> Request:
        """Return a request that comes through, by a caller who may."""
        needed = [parameter.name for parameter in operation.query if parameter.is_required]
        case: Request = operation.Case(
            path_parameters=self.in_path(operation),
            query=_of({**self.known, **IN_QUERY}, needed, operation),
        )
        if operation.body:
            case.media_type = operation.body[0].media_type
            self.with_fitting_body(case)
        return case

    def with_fitting_body(self, case: Request) -> Request:
        """Return the case with the body of its route that passes."""
        route = case.operation.label
        if route not in BODIES:
            pytest.fail(f"{route} takes a body: add one that passes to BODIES.")
        case.body = _replaced(BODIES[route], self.known)
        return case

    def with_known(self, case: Request) -> Request:
        """Return the case with those values in its body that lead to something."""
        case.body = _replaced(case.body, self.known)
        return case


IN_QUERY = {"type": "impression"}
"""What queries need that is nothing to be made first."""


def _known_to_policy(deployed: Deployment, contact: str) -> dict[str, str]:
    """Reserve a touch of a contact, open a case, and make the links of a message to them."""
    operator = deployed.operator()
    app, _, contact_id = contact.partition("/contacts/")
    wanted = {"contact_id": contact_id, "channel": "post", "reserve": True, "hold_seconds": 7_200}
    reserved = deployed.request(f"POST {app}/contact-decisions", wanted, bearer=operator)
    case = deployed.request(f"POST {contact}/cases", {}, bearer=operator)
    links = deployed.request(f"POST {contact}/preference-links", {}, bearer=operator).body
    app_id = app.rpartition("/")[2]
    token = an_ad_token(app_id=app_id, contact_id=contact_id, device_id="phone-of-ada")
    return {
        "reservation_id": reserved.body["reservation_id"],
        "case_id": case.body["case_id"],
        "preferences_token": links["preferences_url"].rpartition("/")[2],
        "unsubscribe_token": links["unsubscribe_url"].rpartition("/")[2],
        "ad-events_token": token,
        "token": token,
    }


def _of(known: Mapping[str, Any], names: Sequence[str], operation: Any) -> dict[str, Any]:
    """Return what is known by the names of an operation's parameters."""
    for name in names:
        if known.get(name) is None:
            pytest.fail(f"{operation.label} needs a {name}: have World make one, and know it.")
    return {name: known[name] for name in names}


def _replaced(value: Any, known: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_replaced(inner, known) for inner in value]
    if isinstance(value, dict):
        return {
            name: known[name] if name in known and inner is not None else _replaced(inner, known)
            for name, inner in value.items()
        }
    return value


def callers_of(access: str) -> list[str]:
    """Return who calls a route: first one who may, and the documented ones the most often."""
    documented = {
        "device": ["device"],
        "marketer": ["admin", "operator"],
        "operator": ["operator"],
        "contact": ["contact"],
        "write key": ["source"],
        "vendor": ["vendor"],
        "anyone": ["device", "nobody"],
    }
    welcome = [name for word in documented if word in access for name in documented[word]]
    if not welcome:
        pytest.fail(f"Nobody calls as {access}: add who does, and their token to World.bearers.")
    return [*welcome * 4, "nobody", "device", "contact", "operator"]


def cases(world: World, operation: Any) -> st.SearchStrategy[Request]:
    """Return requests of an operation: most about what exists, valid and broken."""
    real = world.in_path(operation)
    valid, broken = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
    about_real = operation.as_strategy(valid, path_parameters=real)
    return st.one_of(
        about_real,
        about_real.map(world.with_known),
        *([about_real.map(world.with_fitting_body)] if operation.body else []),
        operation.as_strategy(valid).map(world.with_known),
        *([operation.as_strategy(broken, path_parameters=real)] if _takes_more(operation) else []),
        *([operation.as_strategy(broken)] if real or _takes_more(operation) else []),
    )


def _takes_more(operation: Any) -> bool:
    return bool(operation.query or operation.body)


@pytest.fixture
def examples(request: pytest.FixtureRequest) -> int:
    return 300 if request.config.getoption("--long") else 30


def _settings(count: int, **others: Any) -> settings:
    return settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        **others,
    )


def _call(case: Request, app: Gateway, bearer: str | None) -> Response:
    headers = _proof(bearer) if bearer else {}
    if "redemption" in case.operation.path:
        headers["Idempotency-Key"] = str(uuid4())
    return case.call(app=app, headers=headers)


def _proof(bearer: str) -> dict[str, str]:
    if bearer == VENDOR_KEY:
        return {"x-api-key": bearer}
    if bearer.startswith("wk_"):
        return {"Authorization": f"Basic {b64encode(f'{bearer}:'.encode()).decode()}"}
    return {"Authorization": f"Bearer {bearer}"}


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_answer_of_a_route_is_documented(
    deployed: Deployment, examples: int, method: str, path: str
) -> None:
    world, app = World(deployed), Gateway(deployed)
    operation = schemathesis.openapi.from_dict(deepcopy(document()))[path][method]
    callers = callers_of(document()["paths"][path][method.lower()]["x-engage-access"])

    def ask(case: Request, caller: str) -> Response:
        response = _call(case, app, world.bearers.get(caller))
        case.validate_response(response, checks=CHECKS)
        if caller == "device" and method == "DELETE" and response.status_code < 300:
            world.log_in(response.json()["device_token"] if response.content else None)
        return response

    fitting = ask(world.fitting(operation), callers[0])
    assert fitting.status_code < 300, (
        f"{operation.label} refuses what {callers[0]} was to get through: {fitting.text} "
        "Mend its body in BODIES, or what World makes for it."
    )

    @_settings(examples)
    @given(case=cases(world, operation), caller=st.sampled_from(callers))
    def run(case: Request, caller: str) -> None:
        ask(case, caller)

    run()


def test_what_one_answer_names_leads_on_to_documented_answers(
    deployed: Deployment, dynamodb_client: Any, examples: int
) -> None:
    """Walk from answer to answer, by the document's links and those that schemathesis infers."""
    app, operator = Gateway(deployed), deployed.operator()
    tokens: dict[str, str] = {}
    apps: list[str] = []
    reached: set[tuple[str, int]] = set()
    workflow: Any = schemathesis.openapi.from_dict(deepcopy(document())).as_state_machine()

    class Walk(workflow):  # type: ignore[misc]
        @override
        def setup(self) -> None:
            """Begin with one app and nothing else: the same steps get the same kinds of answers."""
            _forget_all(deployed, dynamodb_client)
            tokens.clear()
            apps[:] = [deployed.an_app(fcm=FCM)]

        @override
        def call(self, case: Request, **_: Any) -> Response:
            case.body = _replaced(case.body, MEANINGFUL)
            # Where no answer named an app it is the first: few steps make one of their own.
            case.path_parameters = _within(case.path_parameters, apps)
            response = _call(case, app, self.bearer(case))
            reached.add((case.operation.label, response.status_code // 100))
            apps.extend(_named(response, "app_id"))
            tokens.update((self.device(case), one) for one in _named(response, "device_token"))
            return response

        @override
        def validate_response(self, response: Response, case: Request, **_: Any) -> None:
            case.validate_response(response, checks=CHECKS)

        def bearer(self, case: Request) -> str | None:
            """Return the token of the device in the path where it has one, else the operator's."""
            access = case.operation.definition.raw["x-engage-access"]
            if "device" not in access and access != "anyone":
                return operator
            return tokens.get(self.device(case))

        def device(self, case: Request) -> str:
            return f"{case.path_parameters.get('app_id')} {case.path_parameters.get('device_id')}"

    run_state_machine_as_test(Walk, settings=_settings(examples // 2, stateful_step_count=12))
    assert any("{" in route for route, kind in reached if kind == 2), "no walk led anywhere"


def _named(response: Response, name: str) -> list[str]:
    """Return what an answer says of a field, if it succeeded and has it."""
    is_read = response.status_code in {200, 201} and "json" in response.headers["content-type"][0]
    return [response.json()[name]] if is_read and name in response.json() else []


def _within(parameters: dict[str, Any], apps: list[str]) -> dict[str, Any]:
    """Return a path's parameters within an app that there is."""
    is_lost = "app_id" in parameters and parameters["app_id"] not in apps
    return {**parameters, "app_id": apps[0]} if is_lost else parameters


def _forget_all(deployed: Deployment, dynamodb_client: Any) -> None:
    """Empty the tables, but for the grants."""
    for table in deployed.tables.values():
        for page in dynamodb_client.get_paginator("scan").paginate(TableName=table):
            for item in page["Items"]:
                if not item["pk"]["S"].startswith("GRANT#"):
                    key = {"pk": item["pk"], "sk": item["sk"]}
                    dynamodb_client.delete_item(TableName=table, Key=key)
