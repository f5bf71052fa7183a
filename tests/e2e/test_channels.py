"""Every channel in, on the deployed stack: stock clients that know nothing of us, and vendors."""

import json
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
import segment.analytics
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent
from standardwebhooks import Webhook

from infra.local.assembly import LOCAL
from infra.local.aws import Cloud
from infra.node import node
from shared.kernel.clock import rfc3339, system_clock
from tests.e2e.calls import PATIENCE, an_app, register
from tests.node import node_package
from tests.unit.contact_events.dialects.samples import sample
from tests.vendors import SECRET, VENDORS, Vendor

CLOUDEVENTS = "cloudevents@10.0.0"
SCRIPT = Path(__file__).with_name("cloudevents_client.mjs")
STRUCTURED = {"content-type": "application/cloudevents+json"}
LETTERS = "/letters"


class Company:
    """An admin at work on an app of its own."""

    def __init__(self, http: httpx.Client, stack: dict[str, Any], cloud: Cloud) -> None:
        self.http, self._stack, self._cloud = http, stack, cloud
        self.token = str(stack["role_tokens"]["admin"])
        self._headers = {"Authorization": f"Bearer {self.token}"}
        self.app_id = an_app(http, stack)
        # The rules of an app that has said nothing keep quiet hours: no test here is about them.
        self.of_app("PUT", "/policy", {})

    @property
    def url(self) -> str:
        return f"{self._stack['base_url']}/v1/apps/{self.app_id}"

    def ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        answer = self.http.request(method, path, json=body, headers=self._headers)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return dict(answer.json()) if answer.content else {}

    def of_app(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        return self.ask(method, f"/v1/apps/{self.app_id}{path}", body)

    def a_system(self, *channels: str) -> Webhook:
        """Return with what a system signs that may tell events of these channels."""
        asked = {"name": f"system-{uuid4().hex[:8]}", "channels": channels}
        return Webhook(self.of_app("POST", "/webhook-secrets", asked)["secret"])

    def tell(
        self, system: Webhook, body: bytes, headers: Mapping[str, str] = STRUCTURED
    ) -> tuple[int, int]:
        """Tell an event, which may not be refused; return how many are new, and how many not."""
        id_, at = f"msg_{uuid4().hex}", system_clock()
        signed = {
            "webhook-id": id_,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": system.sign(id_, at, body.decode()),
        }
        answer = self.http.post(f"{self.url}/events", content=body, headers={**headers, **signed})
        assert answer.status_code == 202, answer.text
        assert answer.json()["rejected"] == []
        return answer.json()["accepted"], answer.json()["duplicates"]

    def believe(self, vendor: Vendor) -> None:
        told = {"name": "vendor", "dialect": vendor.dialect, "secret": vendor.secret}
        self.of_app("POST", "/webhook-secrets", told)

    def rows(self, source: str) -> list[str]:
        """Return the types of all that a source told, as it lies in the ledger."""
        pages = (
            self._cloud.client("dynamodb")
            .get_paginator("scan")
            .paginate(TableName=self._stack["tables"]["contact_events"])
        )
        found = [item for page in pages for item in page["Items"]]
        return sorted(
            item["type"]["S"]
            for item in found
            if self.app_id in item["pk"]["S"] and item.get("source") == {"S": source}
        )

    def customer(self) -> tuple[dict[str, Any], str]:
        """Return a phone, and the e-mail address of who holds it."""
        phone, email = register(self.http, self.app_id), f"{uuid4().hex[:12]}@example.com"
        added = {"add_identifiers": [{"namespace": "email", "value": email}]}
        self.of_app("PATCH", f"/contacts/{phone['contact_id']}", added)
        return phone, email

    def decision_on(self, phone: dict[str, Any]) -> dict[str, Any]:
        asked = {"contact_id": phone["contact_id"], "channel": "push", "purpose": "marketing"}
        return self.of_app("POST", "/contact-decisions", asked)


@pytest.fixture
def company(http: httpx.Client, stack: dict[str, Any], cloud: Cloud) -> Company:
    return Company(http, stack, cloud)


def letter(**other: Any) -> dict[str, Any]:
    event = {
        "specversion": "1.0",
        "id": uuid4().hex,
        "source": LETTERS,
        "type": "message.sent.v1",
        "channel": "post",
        "direction": "out",
        "purpose": "marketing",
        "subject": f"customer/{uuid4().hex[:8]}",
        "time": rfc3339(system_clock()),
        **other,
    }
    return {name: value for name, value in event.items() if value is not None}


def test_segments_library_needs_another_host_and_nothing_else(company: Company) -> None:
    key = company.of_app("POST", "/write-keys", {"name": "shop"})["write_key"]
    failures: list[Exception] = []
    user, said_at = uuid4().hex, system_clock() - timedelta(minutes=5)

    def tell(*, gzip: bool) -> None:
        client = segment.analytics.Client(
            key,
            host=company.url.partition("/v1/")[0],
            gzip=gzip,
            on_error=lambda error, _batch: failures.append(error),
            max_retries=2,
        )
        once = {"timestamp": said_at, "context": {"traits": {"plan": "gold"}}}
        calls: Sequence[Callable[..., Any]] = (
            lambda **of: client.identify(user, {"plan": "gold"}, **of),
            lambda **of: client.track(user, "Product Viewed", {"sku": "T-1"}, **of),
            lambda **of: client.page(user, "Shop", "Home", **of),
            lambda **of: client.screen(user, "Shop", "Home", **of),
            lambda **of: client.group(user, "club", **of),
            lambda **of: client.alias(f"anonymous-{user}", user, **of),
        )
        for number, call in enumerate(calls):
            taken, _ = call(message_id=f"{user}-{number}", **once)
            assert taken
        client.flush()
        client.join()

    tell(gzip=False)
    assert failures == []
    wanted = [
        *("contact.aliased.v1", "contact.described.v1", "group.joined.v1"),
        *("page.viewed.v1", "product.viewed.v1", "screen.viewed.v1"),
    ]
    assert company.rows("segment") == wanted
    tell(gzip=True)
    assert failures == []
    assert company.rows("segment") == wanted
    assert company.of_app("GET", "/ingest-rejects")["items"] == []


def test_the_python_sdk_of_cloudevents_tells_an_event_once_in_either_mode(
    company: Company,
) -> None:
    system = company.a_system("post")
    told = letter(datacontenttype="application/json", time=system_clock().replace(microsecond=0))
    event = CloudEvent(attributes=told, data={"campaign_id": "spring"})
    messages = (to_binary_event(event), to_structured_event(event))
    taken = [
        company.tell(system, message.body, message.headers) for message in (*messages, *messages)
    ]
    assert taken == [(1, 0), (0, 1), (0, 1), (0, 1)]
    assert company.rows(f"cloudevents/{LETTERS}") == ["message.sent.v1"]


def test_the_javascript_sdk_of_cloudevents_tells_an_event_once_in_either_mode(
    company: Company,
) -> None:
    event = letter(datacontenttype="application/json", data={"campaign_id": "spring"})
    command = [str(node()), str(SCRIPT), str(node_package(CLOUDEVENTS)), f"{company.url}/events"]
    taken = []
    for _ in range(2):
        done = subprocess.run(
            [*command, company.token, json.dumps(event)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        for answer in json.loads(done.stdout):
            assert (answer["status"], answer["body"]["rejected"]) == (202, []), answer
            taken.append((answer["body"]["accepted"], answer["body"]["duplicates"]))
    assert taken == [(1, 0), (0, 1), (0, 1), (0, 1)]
    assert company.rows(f"cloudevents/{LETTERS}") == ["message.sent.v1"]


@pytest.mark.parametrize("vendor", VENDORS, ids=str)
def test_what_a_vendor_signs_is_taken_once(company: Company, vendor: Vendor) -> None:
    company.believe(vendor)
    url = f"{company.url}/webhooks/{vendor.dialect}"
    # As the API is named to the public, which only one of them signs.
    public = f"https://{urlsplit(str(LOCAL['public_url'])).netloc}{urlsplit(url).path}"
    signed = vendor.sign(vendor.body, public)
    for _ in range(2):
        answer = company.http.post(url, content=vendor.body, headers=signed)
        assert answer.status_code == 204, answer.text
        assert company.rows(vendor.dialect) == vendor.tells
    forged = company.http.post(url, content=vendor.body, headers=vendor.forge(vendor.body, public))
    assert (forged.status_code, forged.json()["code"]) == (401, "signature_mismatch")
    assert company.rows(vendor.dialect) == vendor.tells


def test_a_push_a_second_after_a_complaint_by_mail_is_refused_and_names_the_case(
    company: Company,
) -> None:
    phone, email = company.customer()
    (ses,) = (one for one in VENDORS if one.dialect == "ses")
    company.believe(ses)
    assert company.decision_on(phone)["decision"] == "allow"
    told = json.dumps(
        {
            "version": "0",
            "id": str(uuid4()),
            "detail-type": "Email Complaint Received",
            "source": "aws.ses",
            "account": "123456789012",
            "time": rfc3339(system_clock()),
            "region": "eu-central-1",
            "resources": [],
            "detail": sample("ses", "complaint").body,
        }
    ).replace("ada@example.com", email)
    answer = company.http.post(
        f"{company.url}/webhooks/ses", content=told, headers={"x-api-key": SECRET}
    )
    assert answer.status_code == 204, answer.text
    time.sleep(1)  # as the promise says
    refused = company.decision_on(phone)
    assert refused["decision"] == "drop", refused
    (because,) = refused["because"]
    assert because["gate"] == "case"
    case_id = because["detail"].split()[2]

    message = company.of_app(
        "POST",
        "/messages",
        {
            "recipients": [{"device_id": phone["device_id"]}],
            "content": {"title": "Spring sale"},
            "purpose": "marketing",
        },
    )["messages"][0]
    place = f"/messages/{message['message_id']}"
    found = eventually(lambda: company.of_app("GET", place)["state"], lambda one: one != "pending")
    assert found == "skipped"
    closed = company.of_app("POST", f"/cases/{case_id}/close")
    assert closed["kind"] == "complaint"


def test_a_text_that_another_system_sent_takes_the_last_place_under_the_cap(
    company: Company,
) -> None:
    cap = {"id": "one-a-day", "limit": 1, "window": {"rolling": 24}}
    company.of_app("PUT", "/policy", {"caps": [cap]})
    phone, email = company.customer()
    assert company.decision_on(phone)["decision"] == "allow"
    whom = {"identifiers": [{"namespace": "email", "value": email}]}
    text = letter(source="/texts", channel="sms", subject=None, data=whom)
    assert company.tell(company.a_system("sms"), json.dumps(text).encode()) == (1, 0)
    put_off = eventually(
        lambda: company.decision_on(phone), lambda one: one["decision"] != "allow", within=10
    )
    assert put_off["decision"] == "defer"
    assert [one["rule"] for one in put_off["because"]] == ["one-a-day"]


def test_two_apps_that_are_told_the_same_share_nothing(
    http: httpx.Client, stack: dict[str, Any], cloud: Cloud
) -> None:
    one, other = (Company(http, stack, cloud) for _ in range(2))
    event = json.dumps(letter()).encode()
    systems = [(company, company.a_system("post")) for company in (one, other)]
    taken = [company.tell(system, event) for company, system in systems * 2]
    assert taken == [(1, 0), (1, 0), (0, 1), (0, 1)]
    assert (
        one.rows(f"cloudevents/{LETTERS}")
        == other.rows(f"cloudevents/{LETTERS}")
        == ["message.sent.v1"]
    )


def eventually(
    read: Callable[[], Any], holds: Callable[[Any], object], *, within: float = PATIENCE
) -> Any:
    """Read until something holds of it, or patience ends; return what was read last."""
    until = time.monotonic() + within
    while not holds(found := read()) and time.monotonic() < until:
        time.sleep(0.2)
    return found
