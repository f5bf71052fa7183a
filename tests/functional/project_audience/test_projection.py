"""What happens to people is asked for by segments, however the bus brings it."""

from dataclasses import dataclass
from random import Random
from typing import Any

import pytest

from tests.functional.bus import records, told
from tests.functional.shops import AUDIENCE, Shop

SECOND = "second-phone"
MARKETING = {"consent": {"purpose": "marketing", "channel": "push", "topic": None}}
NEWS = {"consent": {"purpose": "marketing", "topic": "news"}}
GOLD = {"attribute": "plan", "is": "gold"}
OPENED = "case.opened.v1"


@dataclass(frozen=True, kw_only=True)
class Projected:
    """A shop, and all that its ledger told, as the bus brings it to the projection."""

    shop: Shop
    dynamodb: Any

    def bring(self, *, seed: int | None = None) -> None:
        """Bring every event about a contact; with a seed twice, in an order of its own."""
        deployed = self.shop.deployed
        told(deployed, self.dynamodb)
        published = [entry["Detail"] for entry in deployed.aws.published]
        events = [one for one in published if one["subject"].startswith("contact/")]
        if seed is not None:
            events = Random(seed).sample([*events, *events], 2 * len(events))  # noqa: S311 - a test
        assert events
        answer = deployed.invoke("project_audience", records(events))
        assert answer == {"batchItemFailures": []}

    def size(self, rule: dict[str, Any]) -> int:
        answer = self.shop.call("POST /segments/estimate", {"rule": rule})
        assert answer.status == 200, answer.body
        size: int = answer.body["size"]
        return size

    def define(self, name: str, rule: dict[str, Any]) -> None:
        made = self.shop.call("POST /segments", {"name": name, "rule": rule})
        assert made.status == 201, made.body

    def consent(self, status: str, **about: Any) -> None:
        said = self.shop.of_ada(
            "PUT /consents", {"status": status, "channel": "push", "obtained_by": "a form", **about}
        )
        assert said.status < 300, said.body

    def open_case(self) -> None:
        assert self.shop.of_ada("POST /cases", {}).status < 300


@pytest.fixture
def it(shop: Shop, dynamodb_client: Any) -> Projected:
    return Projected(shop=shop, dynamodb=dynamodb_client)


def second_phone(shop: Shop) -> None:
    """Have Ada log in with a second phone."""
    device = shop.deployed.a_device(shop.app_id, SECOND)
    shop.deployed.log_in(device, "ada", audience=AUDIENCE)


def test_a_consent_counts_on_every_device_of_the_person(it: Projected) -> None:
    second_phone(it.shop)
    it.bring()
    assert it.size(MARKETING) == 0
    it.consent("granted")
    it.bring()
    assert (it.size(MARKETING), it.size(NEWS)) == (2, 2)
    it.consent("withdrawn")
    it.bring()
    assert it.size(MARKETING) == 0


def test_a_topic_that_is_switched_off_is_not_agreed_to(it: Projected) -> None:
    it.shop.put_policy(topics={"news": "News"})
    it.consent("granted")
    wished = it.shop.of_ada("PUT /preferences", {"topics_off": ["news"]})
    assert wished.status == 200, wished.body
    it.bring()
    assert (it.size(MARKETING), it.size(NEWS)) == (1, 0)
    assert it.shop.of_ada("PUT /preferences", {"channels_off": ["push"]}).status == 200
    it.bring()
    assert it.size(MARKETING) == 0


def test_an_attribute_of_the_contact_is_asked_of_a_device_that_comes_later(it: Projected) -> None:
    assert it.shop.of_ada("PATCH ", {"attributes": {"plan": "gold"}}).status == 200
    it.bring()
    assert it.size(GOLD) == 1
    second_phone(it.shop)
    it.bring()
    assert it.size(GOLD) == 2


@pytest.mark.parametrize("seed", [None, 1, 2, 3])
def test_what_comes_twice_and_in_any_order_ends_as_what_is_true(
    it: Projected, seed: int | None
) -> None:
    it.define("complaints", {"event": {"type": OPENED}})
    second_phone(it.shop)
    it.consent("granted")
    for plan in ("silver", "gold"):
        assert it.shop.of_ada("PATCH ", {"attributes": {"plan": plan}}).status == 200
    it.consent("withdrawn")
    it.open_case()
    it.bring(seed=seed)
    assert (it.size(GOLD), it.size(MARKETING)) == (2, 0)
    assert it.size({"event": {"type": OPENED}}) == 2
    assert it.size({"event": {"type": OPENED, "at_least": 2}}) == 0


def test_an_event_that_no_segment_asks_for_is_passed_over(it: Projected) -> None:
    it.bring()
    before = rows(it)
    it.open_case()
    it.bring()
    assert rows(it) == before


def rows(it: Projected) -> list[str]:
    table = it.shop.deployed.tables["registrations"]
    return sorted(
        str(row)
        for row in it.dynamodb.scan(TableName=table)["Items"]
        if row["sk"]["S"] == "H" or "audience" in row
    )


def test_an_event_that_cannot_be_read_comes_again_alone(it: Projected) -> None:
    assert it.shop.of_ada("PATCH ", {"attributes": {"plan": "gold"}}).status == 200
    batch = records(told(it.shop.deployed, it.dynamodb, "contact.updated.v1"))
    batch["Records"].append({"messageId": "torn", "body": "{}"})
    answer = it.shop.deployed.invoke("project_audience", batch)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "torn"}]}
    assert it.size(GOLD) == 1
