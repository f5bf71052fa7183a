"""A campaign on the deployed stack: four zones, five languages, faults of FCM, a pause, an end."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx
import pytest

from infra.local.aws import Cloud
from infra.local.fcm.received import attempts, standin_client
from tests.e2e.calls import PATIENCE, an_app, register_many

DUE_ZONE = "Pacific/Auckland"
ZONES = (DUE_ZONE, "Asia/Tokyo", "Europe/Zurich", "America/Bogota")
"""From east to west: when the clocks of the first show an hour, the others come to it later."""

COLUMNS = "device_id,platform,address.kind,address.value,timezone,locale"
LANGUAGES = ("en", "de", "fr", "it", "es")
FAULTS = {"quota-exceeded": 0.08, "unavailable": 0.04, "unregistered": 0.05, "hang": 0.01}
DEVICES = 10_000
STATES = ("pending", "sent", "invalid", "skipped", "held_out", "expired", "failed", "unknown")
QUIET = 5
"""Seconds after an acknowledged pause in which what FCM was just given may still arrive."""


@dataclass
class Office:
    """An admin at work on an app of its own."""

    http: httpx.Client
    stack: dict[str, Any]
    app_id: str = ""
    looks: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.app_id = an_app(self.http, self.stack, default_timezone="Europe/Zurich")

    def ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.stack['role_tokens']['admin']}"}
        answer = self.http.request(method, path, json=body, headers=headers)
        if answer.status_code == httpx.codes.BAD_GATEWAY and method == "GET":
            # Too much at once for the emulator: reading again is harmless.
            return self.ask(method, path)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return dict(answer.json()) if answer.content else {}

    def of_app(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        return self.ask(method, f"/v1/apps/{self.app_id}{path}", body)

    def import_devices(self, rows: list[str]) -> None:
        """Bring devices in by a file, as a company does that moves."""
        content = "\n".join([COLUMNS, *rows, ""]).encode()
        made = self.of_app("POST", "/imports", {"kind": "devices", "size": len(content)})
        sent = httpx.put(
            made["upload"]["url"], content=content, headers=made["upload"]["headers"], timeout=60
        )
        assert sent.is_success, sent.text
        place = f"/imports/{made['import_id']}"
        self.of_app("POST", f"{place}/start")
        done = eventually(
            lambda: self.of_app("GET", place),
            lambda job: job["state"] in {"done", "failed"},
            within=900,
        )
        assert done["progress"]["accepted"] == len(rows), done

    def books(self, campaign_id: str) -> dict[str, Any]:
        """Look at the books: they balance whenever somebody looks."""
        found: dict[str, Any] = self.of_app("GET", f"/campaigns/{campaign_id}/results")["books"]
        assert found["balanced"], found
        assert found["planned"] == sum(found[state] for state in STATES), found
        self.looks.append(found)
        return found


def eventually(
    look: Callable[[], Any], is_so: Callable[[Any], bool], *, within: float = PATIENCE
) -> Any:
    """Look until it is so, and return what was seen; patience ends in a failure."""
    until = time.monotonic() + within
    while not is_so(found := look()):
        assert time.monotonic() < until, found
        time.sleep(0.3)
    return found


class Fcm:
    """The stand-in, which remembers what it was given."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self._client = standin_client(facts)
        self._before = self._client.get("/_standin/faults").json()

    def fail(self, **rates: float) -> None:
        plan = {**self._before, "rates": rates, "quota_retry_after": "1"}
        assert self._client.put("/_standin/faults", json=plan).is_success

    def mend(self) -> None:
        assert self._client.put("/_standin/faults", json=self._before).is_success
        self._client.close()

    def attempts(self, run: str) -> list[Mapping[str, Any]]:
        """Return every attempt to reach a device of this test's run, oldest first."""
        return [one for one in attempts(self._client) if one["address"].startswith(f"fid-{run}-")]


@pytest.fixture
def fcm(stack: dict[str, Any]) -> Iterator[Fcm]:
    standin = Fcm(stack["fcm"])
    standin.fail(**FAULTS)
    try:
        yield standin
    finally:
        standin.mend()


def rows_of(
    cloud: Cloud, table: str, condition: Callable[[dict[str, Any]], bool]
) -> list[dict[str, Any]]:
    found = []
    for page in cloud.client("dynamodb").get_paginator("scan").paginate(TableName=table):
        found += [item for item in page["Items"] if condition(item)]
    return found


def known_places(cloud: Cloud, stack: dict[str, Any], run: str) -> int:
    """Return of how many of the run's people the contact policy knows where they are."""
    told = f'"{run}-'
    return len(
        rows_of(
            cloud,
            stack["tables"]["contact_policy"],
            lambda item: item["sk"]["S"] == "STANDING" and told in item["said"]["S"],
        )
    )


def planned_instants(cloud: Cloud, stack: dict[str, Any], run: str) -> dict[str, str]:
    """Return for which instant each device of the run is planned; each stands in one chunk."""
    found: dict[str, str] = {}
    items = rows_of(cloud, stack["tables"]["push"], lambda item: "#K#" in item["pk"]["S"])
    chunks = {item["pk"]["S"]: item for item in items if item["sk"]["S"] == "K"}
    for item in items:
        if item["sk"]["S"] != "R":
            continue
        for device_id, *_ in json.loads(item["recipients"]["S"]):
            if device_id.startswith(run):
                assert device_id not in found
                found[device_id] = chunks[item["pk"]["S"]]["planned_at"]["S"]
    return found


def test_a_campaign_is_planned_sent_explained_and_done(
    http: httpx.Client, stack: dict[str, Any]
) -> None:
    office = Office(http, stack)
    # The rules of an app that has said nothing keep quiet hours: this is no test of the evening.
    office.of_app("PUT", "/policy", {})
    phones = register_many(http, office.app_id, 5)
    segment = office.of_app("POST", "/segments", {"name": "all", "rule": {"all": []}})
    words = {"en": {"title": "Sale"}}
    draft = {"name": "sale", "purpose": "service", "default_locale": "en", "contents": words}
    template = office.of_app("POST", "/templates", draft)
    campaign = {
        "name": "Spring",
        "segment_id": segment["segment_id"],
        "variants": [{"name": "a", "template_id": template["template_id"]}],
    }
    campaign_id = office.of_app("POST", "/campaigns", campaign)["campaign_id"]
    estimate = office.of_app("POST", f"/campaigns/{campaign_id}/estimate")
    assert (estimate["devices"], estimate["exact"]) == (5, True)
    office.of_app("POST", f"/campaigns/{campaign_id}/send")
    books = eventually(
        lambda: office.books(campaign_id), lambda books: books["sent"] == 5, within=240
    )
    assert (books["planned"], books["pending"]) == (5, 0)
    path = f"/campaigns/{campaign_id}"
    explained = office.of_app("GET", f"{path}/explain?contact_id={phones[0]['contact_id']}")
    assert [one["outcome"]["fate"] for one in explained["devices"]] == ["sent"]
    eventually(
        lambda: office.of_app("GET", path), lambda found: found["state"] == "done", within=180
    )


@pytest.mark.long
def test_a_campaign_in_local_time_with_all_that_may_go_wrong(
    http: httpx.Client, stack: dict[str, Any], cloud: Cloud, fcm: Fcm
) -> None:
    office, run, devices = Office(http, stack), uuid4().hex[:8], DEVICES
    zone_of = {f"{run}-{at:05}": ZONES[at % len(ZONES)] for at in range(devices)}
    # Open at the hour of the campaign, and closed half a day later.
    wall = datetime.now(ZoneInfo(DUE_ZONE)).replace(second=0, microsecond=0, tzinfo=None)  # noqa: TID251
    hours = {
        "from": f"{(wall - timedelta(hours=3)):%H:00}",
        "to": f"{(wall + timedelta(hours=6)):%H:00}",
    }
    quiet = {"id": "night", "channels": ["push"], "allowed": [hours]}
    office.of_app("PUT", "/policy", {"quiet_hours": [quiet]})
    segment = office.of_app(
        "POST", "/segments", {"name": "android", "rule": {"device": "platform", "is": "android"}}
    )
    contents = {language: {"title": f"Sale ({language})"} for language in LANGUAGES}
    template = office.of_app(
        "POST",
        "/templates",
        {"name": "sale", "purpose": "marketing", "default_locale": "en", "contents": contents},
    )
    due = devices // len(ZONES)
    campaign_id = office.of_app(
        "POST",
        "/campaigns",
        {
            "name": "Spring",
            "segment_id": segment["segment_id"],
            "variants": [{"name": "a", "template_id": template["template_id"]}],
            "send_at": wall.isoformat(),
            "local_time": True,
            "throttle_per_minute": due // 2,
            "holdout_percent": 10,
        },
    )["campaign_id"]
    office.import_devices(
        [
            f"{name},android,fid,fid-{name},{zone},{LANGUAGES[at % len(LANGUAGES)]}"
            for at, (name, zone) in enumerate(zone_of.items())
        ]
    )
    # Quiet hours are those of where people are: nobody whose zone is unknown is told today.
    eventually(lambda: known_places(cloud, stack, run), lambda known: known == devices, within=900)
    office.of_app("POST", f"/campaigns/{campaign_id}/send")

    def ended(books: dict[str, Any]) -> int:
        return int(books["planned"] - books["pending"])

    patience = 120 + devices / 10
    half = eventually(
        lambda: office.books(campaign_id),
        lambda books: ended(books) >= due // 4,
        within=patience,
    )
    assert half["planned"] == devices
    office.of_app("POST", f"/campaigns/{campaign_id}/pause")
    paused = time.time()
    planned = planned_instants(cloud, stack, run)
    expected = {
        name: wall.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) for name, zone in zone_of.items()
    }
    assert {name: datetime.fromisoformat(at) for name, at in planned.items()} == expected
    eventually(time.time, lambda now: now > paused + 2 * QUIET)
    late = [one for one in fcm.attempts(run) if one["at"] > paused + QUIET]
    assert late == []
    office.of_app("POST", f"/campaigns/{campaign_id}/resume")
    books = eventually(
        lambda: office.books(campaign_id), lambda books: ended(books) >= due, within=2 * patience
    )
    assert books["pending"] == devices - due
    told = {one["address"].removeprefix("fid-") for one in fcm.attempts(run)}
    assert {zone_of[name] for name in told} == {DUE_ZONE}
    expect_dead_addresses_gone(cloud, stack, fcm.attempts(run), books)
    expect_duplicates_flagged(cloud, stack, fcm.attempts(run))
    # Three standard deviations of a binomial.
    assert abs(books["held_out"] - due * 0.1) <= 3 * (due * 0.1 * 0.9) ** 0.5

    office.of_app("POST", f"/campaigns/{campaign_id}/cancel")
    books = eventually(
        lambda: office.books(campaign_id),
        lambda books: not books["pending"],
        within=patience,
    )
    assert books["because"]["skipped"]["cancelled"] == devices - due
    assert office.of_app("GET", f"/campaigns/{campaign_id}")["state"] == "cancelled"


def expect_dead_addresses_gone(
    cloud: Cloud, stack: dict[str, Any], attempts: list[Mapping[str, Any]], books: dict[str, Any]
) -> None:
    dead = {one["address"] for one in attempts if one["outcome"] == "unregistered"}
    rows = rows_of(
        cloud,
        stack["tables"]["registrations"],
        lambda item: item.get("address", {}).get("S", "").removeprefix("fid:") in dead,
    )
    assert rows == []
    assert len(dead) == books["invalid"]


def expect_duplicates_flagged(
    cloud: Cloud, stack: dict[str, Any], attempts: list[Mapping[str, Any]]
) -> None:
    """A device that FCM accepted a message for twice is flagged in the ledger, and no other."""
    taken = Counter(
        one["address"] for one in attempts if one["outcome"] in {"sent", "hang", "lost-connection"}
    )
    twice = {address.removeprefix("fid-") for address, count in taken.items() if count > 1}
    sent = rows_of(
        cloud,
        stack["tables"]["contact_events"],
        lambda item: item.get("type", {}).get("S") == "message.sent.v1",
    )
    data = [json.loads(item["data"]["S"]) for item in sent]
    flagged = {one["device_id"] for one in data if one["ambiguous"]}
    assert twice <= flagged
