"""Two tenants to tell apart, and the routes of the published document to try on them."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from typing_extensions import override

from shared.coupons.model.shops import letters_of
from shared.kernel.clock import system_clock
from shared.kernel.principal import Role
from tests.deployment import Answer, Deployment, document
from tests.fakes.issuer import OidcIssuer
from tests.fakes.tills import Till
from tests.functional.booking import Desk
from tests.functional.given_ads import an_ad_token
from tests.functional.given_outgoing import a_replay, an_undelivered_event

FORM = "application/x-www-form-urlencoded"
LOG, GUESS = "AUDIT#", "#GUESS#"
"""Of keys: what marketers did, and how often somebody was wrong about a code."""
NEEDED = {word: {"contact_id": f"con_{'0' * 26}"} for word in ("explain", "instances")}
"""Parameters without which a route asks for nothing, by the last word of its path."""
REMINDER = {
    "when": {"type": "message.sent.v1"},
    "then": {"request": {"channel": "email", "purpose": "marketing", "text": "reminder"}},
}
ROLES = tuple(role.name.lower() for role in Role)


@dataclass(frozen=True, kw_only=True)
class Operation:
    """A route of the document."""

    method: str
    path: str
    access: str
    takes_body: bool
    needs_body: bool
    takes_form: bool
    takes_content: bool
    """It reads the body itself, byte by byte, and has tests of its own for hostile ones."""

    @property
    def names(self) -> list[str]:
        """Return the names of the path's parameters."""
        return re.findall(r"\{(\w+)\}", self.path)

    @property
    def role(self) -> str | None:
        """Return the weakest role that may call it; ``None``: it is not for marketers."""
        found = re.search(r"marketer \((\w+)\)", self.access)
        return found and found[1]

    @property
    def is_for_devices(self) -> bool:
        return "device" in self.access

    @property
    def is_for_systems(self) -> bool:
        return "system" in self.access

    @property
    def is_for_tills(self) -> bool:
        return "till" in self.access

    @property
    def is_for_anyone(self) -> bool:
        return self.access == "anyone"

    @property
    def proves_itself(self) -> bool:
        """Say whether the caller proves what no bearer is: a vendor's signature, a write key."""
        return self.access in {"vendor", "write key"}

    @property
    def is_for_operators(self) -> bool:
        return self.access == "operator"

    def admits(self, role: str) -> bool:
        """Say whether a marketer's role suffices."""
        return self.role is not None and Role[role.upper()] >= Role[self.role.upper()]

    @override
    def __str__(self) -> str:
        return f"{self.method} {self.path}"


OPERATIONS = tuple(
    Operation(
        method=method.upper(),
        path=path,
        access=operation["x-engage-access"],
        takes_body="requestBody" in operation and "x-engage-content" not in operation,
        needs_body=operation.get("requestBody", {}).get("required", False),
        takes_content="x-engage-content" in operation,
        takes_form=FORM in operation.get("requestBody", {}).get("content", {})
        and "x-engage-content" not in operation,
    )
    for path, operations in document()["paths"].items()
    for method, operation in operations.items()
)


@dataclass(frozen=True, kw_only=True)
class Tenant:
    """An app with one thing of each kind in it; ``ids`` by the names of path parameters.

    ``bearers`` are the tokens of its device, of its contact, of a till, and of a marketer of each
    role, and the secret of another system. ``letters`` are those of a code that its contact holds.
    ``links`` are the tokens of its contact's links and of an ad, by the word of their path.
    """

    ids: dict[str, str]
    bearers: dict[str, str]
    links: dict[str, str]
    letters: str

    @classmethod
    def in_(cls, deployed: Deployment, name: str) -> "Tenant":
        """Fill a new app; a new kind of thing whose id stands in a path is made here."""
        app_id = deployed.an_app(
            name=name,
            fcm={"project_id": "engage-local", "secret": "engage/fcm/local"},
            issuers=[{"issuer": deployed.pool.issuer, "audiences": [name]}],
        )
        device = deployed.a_device(app_id, f"phone-of-{name}")
        known = deployed.log_in(device, f"ada-of-{name}", audience=name)
        content = {"title": "Hello"}
        sent = deployed.request(
            f"POST /v1/apps/{app_id}/messages",
            {"recipients": [{"device_id": known["device_id"]}], "content": content},
            bearer=deployed.operator(),
        )
        placed = deployed.request(
            f"POST /v1/apps/{app_id}/inbox-messages",
            {"contact_ids": [known["contact_id"]], "content": content},
            bearer=deployed.operator(),
        )
        in_app = deployed.request(
            f"POST /v1/apps/{app_id}/in-app-messages",
            {"name": f"hello-of-{name}", "content": {"layout": "banner", **content}},
            bearer=deployed.operator(),
        )
        profile = deployed.request(
            f"GET /v1/apps/{app_id}/contacts/{known['contact_id']}", bearer=deployed.operator()
        )
        system = deployed.request(
            f"POST /v1/apps/{app_id}/webhook-secrets",
            {"name": f"suite-of-{name}", "channels": ["email"]},
            bearer=deployed.operator(),
        )
        contact = f"/v1/apps/{app_id}/contacts/{known['contact_id']}"
        reserved = deployed.request(
            f"POST /v1/apps/{app_id}/contact-decisions",
            {
                "contact_id": known["contact_id"],
                "channel": "email",
                "purpose": "transactional",
                "reserve": True,
            },
            bearer=deployed.operator(),
        )
        case = deployed.request(f"POST {contact}/cases", {}, bearer=deployed.operator())
        links = deployed.request(
            f"POST {contact}/preference-links", {}, bearer=deployed.operator()
        ).body
        template = deployed.request(
            f"POST /v1/apps/{app_id}/templates",
            {"name": f"greeting-of-{name}", "default_locale": "en", "contents": {"en": content}},
            bearer=deployed.operator(),
        )
        segment = deployed.request(
            f"POST /v1/apps/{app_id}/segments",
            {"name": f"vips-of-{name}", "rule": {"tag": "vip"}},
            bearer=deployed.operator(),
        )
        write_key = deployed.request(
            f"POST /v1/apps/{app_id}/write-keys",
            {"name": f"site-of-{name}"},
            bearer=deployed.operator(),
        ).body
        trigger = deployed.request(
            f"POST /v1/apps/{app_id}/triggers",
            {"document": {**REMINDER, "name": f"reminder-of-{name}"}},
            bearer=deployed.operator(),
        )
        timeline = deployed.request(f"GET {contact}/timeline", bearer=deployed.operator()).body
        outgoing = an_undelivered_event(deployed, app_id, timeline["items"][0]["id"])
        till_key = Till(app_id=app_id, store_id=f"store-of-{name}", seed=name)
        coupons, letters = _coupons(deployed, app_id, known, till_key)
        booked = Desk(deployed=deployed, app_id=app_id).booked_and_filed(known["contact_id"])
        campaign_id, run_id = _campaign(
            deployed, app_id, segment.body["segment_id"], template.body["template_id"]
        )
        return cls(
            ids={
                "app_id": app_id,
                "device_id": known["device_id"],
                "contact_id": known["contact_id"],
                "edge_id": profile.body["merges"][0],
                "secret_id": system.body["secret_id"],
                "message_id": sent.body["messages"][0]["message_id"],
                "reservation_id": reserved.body["reservation_id"],
                "case_id": case.body["case_id"],
                "placed_id": placed.body["items"][0]["message_id"],
                "in_app_id": in_app.body["in_app_id"],
                "template_id": template.body["template_id"],
                "segment_id": segment.body["segment_id"],
                "campaign_id": campaign_id,
                "run_id": run_id,
                "write_key_id": write_key["write_key_id"],
                "write_key": write_key["write_key"],
                "trigger_id": trigger.body["trigger_id"],
                "event_id": timeline["items"][0]["id"],
                "import_id": deployed.an_import(app_id)["import_id"],
                **outgoing,
                "replay_id": a_replay(deployed, app_id, outgoing["subscription_id"]),
                **coupons,
                **booked,
            },
            bearers={
                "device": known["device_token"],
                "contact": OidcIssuer(deployed.pool.issuer, audience=name).token(f"ada-of-{name}"),
                "system": system.body["secret"],
                "till": till_key.token(at=system_clock(), key_id=coupons["key_id"]),
                **{role: deployed.marketer(app_id, role) for role in ROLES},
            },
            links={
                **{
                    word: links[f"{word}_url"].rpartition("/")[2]
                    for word in ("preferences", "unsubscribe")
                },
                "ad-events": an_ad_token(
                    app_id=app_id,
                    contact_id=known["contact_id"],
                    device_id=known["device_id"],
                ),
            },
            letters=letters,
        )

    def path(self, operation: Operation, **others: str) -> str:
        """Return an operation's path about this tenant's things, but for ``others``."""
        known = {"code": "not_found", "dialect": "ses", **self.ids}
        if "codes" in operation.path.split("/"):
            known["code"] = self.letters
        if "inbox" in operation.path.split("/"):
            known["message_id"] = known["placed_id"]
        if "token" in operation.names:
            known["token"] = self.links[operation.path.split("/")[2]]
        known |= others
        for name in operation.names:
            if name not in known:
                pytest.fail(
                    f"{operation}: no test knows a {name}. Make one in Tenant.in_ "
                    f"(tests/functional/tenants.py), so that its route is tried across tenants."
                )
        return operation.path.format_map(known)


def _coupons(
    deployed: Deployment, app_id: str, known: dict[str, str], till: Till
) -> tuple[dict[str, str], str]:
    """Draw up a coupon, claim and use it, give it away, announce codes, and register a till.

    Returns the ids of what is there, and the letters of the claim's code.
    """
    app, operator = f"/v1/apps/{app_id}", deployed.operator()

    def call(route: str, body: Any = None, **options: Any) -> Any:
        method, _, path = route.partition(" ")
        options.setdefault("bearer", operator)
        answer = deployed.request(f"{method} {app}{path}", body, **options)
        assert answer.status < 300, (route, answer.body)
        return answer.body

    discount = {"kind": "percent", "percent_off": 10}
    claims = {"enabled": True, "with_code": True}
    coupon = {"name": "Spring", "discount": discount, "claims": claims}
    coupon_id: str = call("POST /coupons", coupon)["coupon_id"]
    path = f"/coupons/{coupon_id}"
    job = call(f"POST {path}/codes", {"import": {"size": 7}})
    httpx.put(job["upload"]["url"], content=b"x" * 7, headers=job["upload"]["headers"])
    call(f"POST {path}/activate")
    letters: str = call(f"POST {path}/claims", bearer=known["device_token"])["code"]
    whose = {"code": letters, "contact_id": known["contact_id"]}
    code = call(f"POST {path}/codes/assignments", whose)
    given = {"source_id": "mail", "contacts": [known["contact_id"]]}
    publication = call(f"POST {path}/publications", given)
    line = {"line_id": "1", "product_id": "shirt", "quantity": 1, "unit_price": 1_000}
    used = call(
        "POST /redemptions",
        {
            "redeemables": [{"code": letters}],
            "basket": {"currency": "CHF", "lines": [line]},
        },
        bearer=known["device_token"],
        headers={"Idempotency-Key": "once"},
    )
    key = call(
        f"POST /stores/{till.store_id}/keys",
        {"public_key": letters_of(till.key.public), "name": "Till 3"},
    )
    ids = {
        "coupon_id": coupon_id,
        "code_id": code["code_id"],
        "job_id": job["job"]["job_id"],
        "publication_id": publication["publication_id"],
        "redemption_id": used["redemption_id"],
        "store_id": till.store_id,
        "key_id": key["key_id"],
    }
    return ids, letters


def _campaign(
    deployed: Deployment, app_id: str, segment_id: str, template_id: str
) -> tuple[str, str]:
    """Draft a campaign and begin a rehearsal of it."""
    path, operator = f"/v1/apps/{app_id}/campaigns", deployed.operator()
    body = {
        "name": "Spring",
        "segment_id": segment_id,
        "variants": [{"name": "a", "template_id": template_id}],
    }
    campaign_id = deployed.request(f"POST {path}", body, bearer=operator).body["campaign_id"]
    begun = deployed.request(f"POST {path}/{campaign_id}/rehearse", bearer=operator)
    return campaign_id, begun.body["run_id"]


def call(
    deployed: Deployment, operation: Operation, path: str, bearer: str | None, body: Any = None
) -> Answer:
    """Call an operation; one that takes a body gets an empty one unless told otherwise."""
    route = f"{operation.method} {path}"
    if operation.takes_form:
        return deployed.request(route, body or "", bearer=bearer, headers={"Content-Type": FORM})
    sent = {} if body is None and operation.takes_body else body
    query = NEEDED.get(operation.path.rpartition("/")[2])
    return deployed.request(route, sent, bearer=bearer, query=query)


def is_problem(answer: Answer) -> bool:
    """Say whether an answer is a problem document of our own about what the client did."""
    return (
        400 <= answer.status < 500
        and answer.headers.get("Content-Type") == "application/problem+json"
        and set(answer.body) >= {"type", "title", "status", "code", "detail", "instance", "errors"}
        and answer.body["status"] == answer.status
        and answer.body["type"] == f"/v1/problems/{answer.body['code']}"
    )


def stored(
    deployed: Deployment, dynamodb_client: Any, *, about: str = "", but_for: Sequence[str] = ()
) -> list[str]:
    """Return every item of every table that mentions ``about``.

    Left out are items whose partition has one of the words ``but_for``: what is kept of calls.
    """
    pages = (
        page
        for table in deployed.tables.values()
        for page in dynamodb_client.get_paginator("scan").paginate(TableName=table)
    )
    items = (
        json.dumps(item, sort_keys=True, default=str)
        for page in pages
        for item in page["Items"]
        if not any(word in item["pk"]["S"] for word in but_for)
    )
    return sorted(item for item in items if about in item)
