"""A marketer's office: an app with devices, a segment and a template, and the queues at work."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tests.deployment import Answer
from tests.functional.bus import told
from tests.functional.shops import Shop

FUNCTION_OF = {"plan": "plan_campaign", "advance": "advance_campaigns", "push": "send_push"}
EVERYBODY = {"device": "has_address", "is": True}


@dataclass
class Office:
    """Calls the API as an admin, unless told otherwise, and works off what is queued."""

    shop: Shop
    segment_id: str = ""
    template_id: str = ""
    devices: dict[str, dict[str, Any]] = field(default_factory=dict)

    def call(self, route: str, body: Any = None, **options: Any) -> Answer:
        return self.shop.call(route, body, **options)

    def expect(self, route: str, body: Any = None, **options: Any) -> Any:
        answer = self.call(route, body, **options)
        assert answer.status < 300, answer.body
        return answer.body

    def opened(self, *, rule: Any = None) -> "Office":
        """Write a segment and a template."""
        segment = self.expect("POST /segments", {"name": "everybody", "rule": rule or EVERYBODY})
        self.segment_id = segment["segment_id"]
        self.template_id = self.template(contents={"en": {"title": "Sale"}})
        return self

    def template(self, name: str = "sale", **draft: Any) -> str:
        body = {"name": name, "purpose": "marketing", "default_locale": "en", **draft}
        template_id: str = self.expect("POST /templates", body)["template_id"]
        return template_id

    def register(self, count: int, **state: Any) -> list[str]:
        """Register so many phones more, each of a contact of its own."""
        names = [f"phone-{len(self.devices) + at:05}" for at in range(count)]
        for name in names:
            address = {"kind": "fid", "value": f"fid-of-{name}"}
            self.devices[name] = self.shop.deployed.a_device(
                self.shop.app_id, name, **{"address": address, **state}
            )
        return names

    def draft(self, **terms: Any) -> str:
        """Draft a campaign, and return its id."""
        variants = [{"name": "a", "template_id": self.template_id}]
        body = {"name": "Spring", "segment_id": self.segment_id, "variants": variants, **terms}
        campaign_id: str = self.expect("POST /campaigns", body)["campaign_id"]
        return campaign_id

    def do(self, campaign_id: str, verb: str, body: Any = None, **options: Any) -> Answer:
        return self.call(f"POST /campaigns/{campaign_id}/{verb}", body, **options)

    def send(self, campaign_id: str) -> None:
        answer = self.do(campaign_id, "send")
        assert answer.status == 202, answer.body

    def state(self, campaign_id: str) -> str:
        found: str = self.expect(f"GET /campaigns/{campaign_id}")["state"]
        return found

    def minute(self, *, after: timedelta = timedelta(minutes=1)) -> None:
        """Let time pass, as the schedule of each minute sees it, and work off the queues."""
        self.shop.clock.advance(after)
        self.shop.deployed.invoke("advance_campaigns", {})
        self.work()

    def work(self, *, until: Callable[[], bool] = lambda: False) -> Counter[str]:
        """Work off what is queued, and what that queues, while ``until`` does not hold."""
        done: Counter[str] = Counter()
        jobs = self.shop.deployed.aws.jobs
        while jobs and not until():
            job = jobs.pop(0)
            queue = job["QueueUrl"].rpartition("/")[2]
            self.hand(queue, job["MessageBody"])
            done[queue] += 1
        return done

    def hand(self, queue: str, job: dict[str, Any]) -> None:
        """Hand one job to the function behind its queue."""
        record = {"messageId": "1", "body": json.dumps(job)}
        answer = self.shop.deployed.invoke(FUNCTION_OF[queue], {"Records": [record]})
        assert answer == {"batchItemFailures": []}, (queue, job)

    def books(self, campaign_id: str) -> dict[str, Any]:
        """Return the books; they balance at every look."""
        found: dict[str, Any] = self.expect(f"GET /campaigns/{campaign_id}/results")["books"]
        states = ("pending", "sent", "invalid", "skipped", "held_out", "expired", "failed")
        assert found["planned"] == sum(found[name] for name in (*states, "unknown"))
        assert found["balanced"]
        return found

    def rehearse(self, campaign_id: str) -> dict[str, Any]:
        """Rehearse a campaign to its end, and return what it came to."""
        run_id = self.do(campaign_id, "rehearse").body["run_id"]
        self.work()
        found: dict[str, Any] = self.expect(f"GET /campaigns/{campaign_id}/rehearsals/{run_id}")
        assert found["done"], found
        return found

    def message_to(self, device_id: str, dynamodb: Any) -> str | None:
        """Return the message that was sent to a device, if one was."""
        for event in told(self.shop.deployed, dynamodb, "message.sent.v1"):
            if event["data"]["device_id"] == device_id:
                message_id: str = event["data"]["message_id"]
                return message_id
        return None

    def fates(self, campaign_id: str, contact_id: str) -> list[str]:
        """Return what became of a campaign's messages to a person, by device."""
        asked = {"contact_id": contact_id}
        found = self.expect(f"GET /campaigns/{campaign_id}/explain", query=asked)
        return [device["outcome"]["fate"] for device in found["devices"]]
