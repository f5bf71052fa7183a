"""Channels out, on the deployed stack: who subscribed is told, triggers answer, all is archived."""

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
from standardwebhooks import Webhook

from infra.local.aws import Cloud
from infra.local.processes import wait_for
from infra.local.story_stage import plain
from shared.kernel.clock import from_rfc3339, rfc3339, system_clock
from tests import parquet
from tests.e2e.calls import PATIENCE, consumer, register
from tests.e2e.conftest import Engage
from tests.e2e.test_channels import Company, eventually, letter
from tests.e2e.test_coupons import BASKET
from tests.receivers import Received, Receiver, receiver

KNOWN_AFTER = 10
"""Seconds after which every process knows of a subscription."""

REQUESTED = "contact.requested.v1"
UNOPENED = {
    "name": "unopened push",
    "when": {"type": "message.sent.v1", "filter": "channel = 'push'"},
    "unless": [{"type": "message.opened.v1", "same": "message"}],
    "then": {"request": {"channel": "email", "purpose": "marketing", "text": "spring-offer"}},
}
BOUGHT = {
    "name": "bought elsewhere",
    "when": {"type": "purchase.completed.v1"},
    "then": {"release_reservations": {}},
}


class Outgoing:
    """An app, and what its functions do when their time comes."""

    def __init__(self, http: httpx.Client, stack: dict[str, Any], cloud: Cloud) -> None:
        self.company = Company(http, stack, cloud)
        self.app_id, self.stack, self._cloud = self.company.app_id, stack, cloud
        self._http, self._dynamodb = http, cloud.client("dynamodb")
        self._ledger = stack["tables"]["contact_events"]

    @cached_property
    def system(self) -> Webhook:
        """A system that tells events, known as soon as it tells its first."""
        return self.company.a_system("web")

    def call(self, function: str, event: dict[str, Any]) -> Any:
        """Call a function as its schedule does."""
        name = self.stack["functions"][function]
        answer = self._cloud.client("lambda").invoke(
            FunctionName=name, Payload=json.dumps(event).encode()
        )
        said = json.loads(answer["Payload"].read() or b"null")
        assert "FunctionError" not in answer, said
        return said

    def ledger(self) -> list[dict[str, Any]]:
        pages = self._dynamodb.get_paginator("scan").paginate(TableName=self._ledger)
        return [item for page in pages for item in page["Items"]]

    def subscribed(self, there: Receiver, **said: Any) -> tuple[str, Webhook]:
        """Subscribe a receiver; return the subscription's path, and what checks its messages."""
        made = self.company.of_app("POST", "/subscriptions", {"url": there.url(), **said})
        return f"/subscriptions/{made['subscription_id']}", Webhook(made["secret"])

    def in_force(self, **document: Any) -> str:
        """Draft a trigger, have a sender approve it, and return its path."""
        made = self.company.of_app("POST", "/triggers", {"document": document})
        token = self.stack["role_tokens"]["sender"]
        issuer = jwt.decode(token, options={"verify_signature": False})["iss"]
        grant = {"principal": f"{issuer}#group/senders", "app_id": self.app_id, "role": "sender"}
        self.company.ask("PUT", "/v1/grants", grant)
        path = f"/triggers/{made['trigger_id']}"

        def is_approved() -> bool:
            answer = self._http.post(
                f"/v1/apps/{self.app_id}{path}/approve",
                json={"version": made["version"]},
                headers={"Authorization": f"Bearer {token}"},
            )
            return answer.is_success

        assert wait_for(is_approved, within=PATIENCE, every=1)
        return path

    def instances(self, trigger: str, phone: dict[str, Any]) -> list[str]:
        """Return the states of what a trigger started for who holds a phone."""
        path = f"{trigger}/instances?contact_id={phone['contact_id']}"
        return [one["state"] for one in self.company.of_app("GET", path)["items"]]

    def bring_forward(self) -> None:
        """Have what waits swept five minutes sooner: nothing is due within less than two."""
        timers = f"APP#{self.app_id}#TIMER#"
        for timer in [one for one in self.ledger() if one["pk"]["S"].startswith(timers)]:
            *_, shard = timer["pk"]["S"].split("#")
            due = from_rfc3339(json.loads(timer["text"]["S"])["due_at"]) - timedelta(minutes=5)
            sooner = {"pk": {"S": f"{timers}{due:%Y-%m-%dT%H:%M}#{shard}"}}
            self._dynamodb.put_item(TableName=self._ledger, Item={**timer, **sooner})
        swept = {"pk": {"S": f"APP#{self.app_id}#TIMER"}, "sk": {"S": "SWEPT"}}
        until = {"S": rfc3339(system_clock() - timedelta(minutes=8))}
        self._dynamodb.put_item(TableName=self._ledger, Item={**swept, "until": until})

    def is_fired(self, trigger: str, phone: dict[str, Any]) -> bool:
        self.bring_forward()
        self.call("fire_triggers", {})
        (state,) = self.instances(trigger, phone)
        assert state in {"waiting", "fired"}
        return bool(state == "fired")

    def push(self, phone: dict[str, Any]) -> str:
        """Send a push, and return its message once it is in the ledger."""
        asked = {
            "recipients": [{"device_id": phone["device_id"]}],
            "content": {"title": "Spring sale"},
            "purpose": "marketing",
        }
        message = self.company.of_app("POST", "/messages", asked)["messages"][0]
        assert wait_for(lambda: "message.sent" in self.timeline(phone), within=PATIENCE)
        return str(message["message_id"])

    def open(self, phone: dict[str, Any], message_id: str) -> None:
        receipt = {"message_id": message_id, "type": "opened", "at": rfc3339(system_clock())}
        answer = self.of_phone("POST", "/receipts", {"receipts": [receipt]}, phone=phone)
        assert answer.json()["accepted"] == 1, answer.text

    def of_phone(
        self, method: str, path: str, body: Any, *, phone: dict[str, Any]
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {phone['device_token']}"}
        if path == "/redemptions":
            headers["Idempotency-Key"] = uuid4().hex
        url = f"/v1/apps/{self.app_id}{path}"
        answer = self._http.request(method, url, json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer

    def timeline(self, phone: dict[str, Any]) -> list[str]:
        path = f"/contacts/{phone['contact_id']}/timeline?limit=100"
        return [plain(one["type"]) for one in self.company.of_app("GET", path)["items"]]

    def objects(self) -> dict[str, bytes]:
        """Return the objects of the archive by ``/bucket/key``."""
        s3, function = self._cloud.client("s3"), self.stack["functions"]["compact_archive"]
        settings = self._cloud.client("lambda").get_function_configuration(FunctionName=function)
        bucket = settings["Environment"]["Variables"]["ARCHIVE_BUCKET"]
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        keys = [one["Key"] for page in pages for one in page.get("Contents", [])]
        return {
            f"/{bucket}/{key}": s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys
        }


@pytest.fixture
def outgoing(http: httpx.Client, stack: dict[str, Any], cloud: Cloud) -> Outgoing:
    return Outgoing(http, stack, cloud)


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


def checked(got: Received, *signers: Webhook) -> dict[str, Any]:
    """Return the event of a message that each of these secrets signed."""
    found = [signer.verify(got.body, dict(got.headers)) for signer in signers]
    assert all(one == found[0] for one in found)
    return dict(found[0])


def arrived(there: Receiver, *signers: Webhook) -> set[str]:
    return {checked(one, *signers)["id"] for one in list(there.got)}


def told(outgoing: Outgoing, type_: str) -> str:
    """Have a system tell an event, and return the id under which the ledger has it."""
    source = f"//shop.test/{uuid4().hex}"
    event = letter(type=type_, channel="web", direction="in", source=source)
    assert outgoing.company.tell(outgoing.system, json.dumps(event).encode()) == (1, 0)
    (row,) = [
        one for one in outgoing.ledger() if one.get("source") == {"S": f"cloudevents/{source}"}
    ]
    return f"evt_{row['sequence']['S']}"


def test_a_receiver_gets_the_events_that_its_filter_wants_and_two_secrets_sign(
    outgoing: Outgoing, there: Receiver
) -> None:
    wanted = "type LIKE '%.purchase.completed.v1' AND channel = 'web'"
    path, first = outgoing.subscribed(there, filter=wanted)
    tried = outgoing.company.of_app("POST", f"{path}/test")
    assert (tried["arrived"], tried["status"]) == (True, 204)
    assert plain(checked(there.got[0], first)["type"]) == "subscription.tested"
    second = Webhook(outgoing.company.of_app("POST", f"{path}/secrets")["secret"])
    assert outgoing.company.of_app("GET", path)["secrets"] == 2
    time.sleep(KNOWN_AFTER)  # as the promise says

    there.got.clear()
    told(outgoing, "page.viewed.v1")
    bought = {told(outgoing, "purchase.completed.v1") for _ in range(3)}
    assert wait_for(lambda: arrived(there, first, second) >= bought, within=PATIENCE)
    assert arrived(there, first, second) == bought


def test_what_a_receiver_refused_it_gets_when_it_is_back(
    outgoing: Outgoing, there: Receiver
) -> None:
    there.status = 503
    path, signer = outgoing.subscribed(there, filter="type LIKE '%.purchase.completed.v1'")
    time.sleep(KNOWN_AFTER)  # as the promise says
    bought = told(outgoing, "purchase.completed.v1")
    waiting = f"{path}/deliveries?state=waiting"
    (failed,) = eventually(lambda: outgoing.company.of_app("GET", waiting)["items"], bool)
    assert (failed["event_ids"], failed["outcome"]) == ([bought], "503")

    there.status = 204

    def is_taken() -> bool:
        outgoing.call("deliver_webhooks", {})
        return not outgoing.company.of_app("GET", waiting)["items"]

    assert wait_for(is_taken, within=PATIENCE, every=1)
    assert arrived(there, signer) == {bought}
    assert len({one.headers["webhook-id"] for one in there.got}) == 1
    assert len(there.got) > 1


def test_a_push_that_nobody_opened_has_an_e_mail_requested_once(
    outgoing: Outgoing, http: httpx.Client, cloud: Cloud
) -> None:
    trigger = outgoing.in_force(**UNOPENED)
    phone, other = (register(http, outgoing.app_id) for _ in range(2))
    with consumer(cloud, bus=outgoing.stack["event_bus"], detail_type=REQUESTED) as queue:
        outgoing.push(phone)
        opened = outgoing.push(other)
        for one in (phone, other):
            started = eventually(partial(outgoing.instances, trigger, one), bool)
            assert started == ["waiting"]
        outgoing.open(other, opened)
        cancelled = ["cancelled"]
        ended = eventually(lambda: outgoing.instances(trigger, other), lambda it: it == cancelled)
        assert ended == cancelled
        assert wait_for(lambda: outgoing.is_fired(trigger, phone), within=PATIENCE, every=1)
        outgoing.call("fire_triggers", {})
        assert wait_for(
            lambda: "contact.requested" in outgoing.timeline(phone), within=PATIENCE, every=1
        )
        requests: dict[str, Any] = {}

        def is_told() -> bool:
            ours = (one for one in queue.events() if outgoing.app_id in one["source"])
            requests.update({one["id"]: one for one in ours})
            return bool(requests)

        assert wait_for(is_told, within=PATIENCE)
    (request,) = requests.values()
    assert (request["channel"], request["data"]["text"]) == ("email", "spring-offer")
    assert request["subject"] == f"contact/{phone['contact_id']}"
    assert outgoing.timeline(phone).count("contact.requested") == 1
    assert "contact.requested" not in outgoing.timeline(other)


def test_who_bought_elsewhere_gives_back_the_coupon_that_was_reserved(
    outgoing: Outgoing, http: httpx.Client
) -> None:
    company, trigger = outgoing.company, outgoing.in_force(**BOUGHT)
    phone = register(http, outgoing.app_id)
    code = f"SALE{uuid4().hex[:8].upper()}"
    offer = {
        "name": "A tenth off",
        "discount": {"kind": "percent", "percent_off": 10},
        "limits": [{"subject": "coupon", "uses": 1}],
    }
    coupon = f"/coupons/{company.of_app('POST', '/coupons', offer)['coupon_id']}"
    company.of_app("POST", f"{coupon}/codes", {"code": code})
    company.of_app("POST", f"{coupon}/activate")
    order = {"mode": "reserve", "redeemables": [{"code": code}], "basket": BASKET}
    made = outgoing.of_phone("POST", "/redemptions", order, phone=phone).json()
    redemption = f"/redemptions/{made['redemption_id']}"
    assert company.of_app("GET", redemption)["state"] == "reserved"

    bought = letter(
        type="purchase.completed.v1",
        channel="web",
        direction="in",
        subject=f"contact/{phone['contact_id']}",
    )
    assert company.tell(outgoing.system, json.dumps(bought).encode()) == (1, 0)
    assert eventually(lambda: outgoing.instances(trigger, phone), bool) == ["waiting"]
    assert wait_for(lambda: outgoing.is_fired(trigger, phone), within=PATIENCE, every=1)
    state = eventually(
        lambda: company.of_app("GET", redemption)["state"], lambda one: one != "reserved"
    )
    assert state == "released"
    (limit,) = company.of_app("GET", f"{coupon}/audit")["items"]
    assert (limit["reserved"], limit["granted"]) == (0, 0)


def test_rows_of_the_archive_are_rows_of_the_ledger(
    outgoing: Outgoing, http: httpx.Client, tmp_path: Path
) -> None:
    register(http, outgoing.app_id)
    for _ in range(3):
        told(outgoing, "purchase.completed.v1")
    recorded = parquet.of_the_ledger(outgoing.ledger(), outgoing.app_id)
    filed = eventually(
        lambda: [
            one["id"]
            for one in parquet.archived(outgoing.objects(), outgoing.app_id, tmp_path / "parts")
        ],
        lambda ids: len(ids) == len(recorded),
    )
    assert filed == [row["id"] for row in recorded]
    asked = {"app_id": outgoing.app_id, "day": recorded[-1]["day"].isoformat()}
    outgoing.call("compact_archive", {"compact": asked})
    shown = outgoing.call("compact_archive", {"verify": asked})["items"]
    assert {line["type"] for line in shown} == {row["type"] for row in recorded}
    for line in shown:
        assert (line["files"], line["only_archive"], line["only_ledger"]) == (1, 0, 0)
    wholes = parquet.archived(outgoing.objects(), outgoing.app_id, tmp_path / "wholes")
    assert wholes == recorded


def test_projections_are_made_again_by_a_command(engage: Engage, outgoing: Outgoing) -> None:
    wanted = ("rebuild", "--app", outgoing.app_id)
    looked, made = (engage.run(*wanted, *dry)["projections"] for dry in (["--dry-run"], []))
    names = {"ad_counters", "audience", "channels", "results"}
    assert {one["projection"] for one in looked} == {one["projection"] for one in made} == names
    assert all(one["is_over"] for one in made)
    read = {one["projection"]: one["read"] for one in looked}
    assert all(one["read"] >= read[one["projection"]] for one in made)
