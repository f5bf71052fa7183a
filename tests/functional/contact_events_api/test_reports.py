"""Reports on channels over HTTP, from what was recorded to what is told."""

from datetime import timedelta
from typing import Any

import pytest

from shared.kernel.clock import rfc3339, system_clock
from shared.kernel.envelope import Envelope
from shared.kernel.events import Subject
from shared.kernel.ids import Ids
from shared.platform.dynamodb import commit
from shared.platform.ledger import Ledger
from tests.functional.conftest import Deployment

IDS = Ids(clock=system_clock)


def record(deployed: Deployment, app_id: str, contact: str, channel: str, **data: Any) -> None:
    """Record that a message was sent just now."""
    told = Envelope(
        app_id=app_id,
        sequence=IDS.sequence(),
        type="message.sent.v1",
        source="elsewhere",
        time=system_clock(),
        subject=Subject(kind="contact", id=f"con_{contact * 26}"),
        channel=channel,
        direction="out",
        data=data,
    )
    ledger = Ledger(table=deployed.tables["contact_events"])
    commit({"event": ledger.record(told)})


@pytest.fixture
def app_id(deployed: Deployment) -> str:
    """Return an app of which three messages were recorded and counted."""
    app_id = deployed.an_app()
    for contact in "AAB":
        record(deployed, app_id, contact, "post", cost={"amount": 850_000, "currency": "CHF"})
    deployed.invoke("fold_channels", {})
    return app_id


def report(deployed: Deployment, app_id: str, name: str, **query: str) -> Any:
    answer = deployed.request(
        f"GET /v1/apps/{app_id}/reports/{name}",
        bearer=deployed.marketer(app_id, "viewer"),
        query=query,
    )
    assert answer.status == 200, answer.body
    return answer.body


def test_coverage_tells_of_all_channels(deployed: Deployment, app_id: str) -> None:
    found = report(deployed, app_id, "coverage", days="7")
    told = {one["channel"]: one for one in found["channels"]}
    assert (found["days"], found["telling"], len(told)) == (7, 1, 12)
    assert told["post"]["events"] == 3
    assert told["post"]["silent_days"] in {0, 1}  # midnight may have struck
    assert told["email"]["last_day"] is None
    assert found["counted_at"]


def test_the_mix_is_that_of_twelve_months(deployed: Deployment, app_id: str) -> None:
    found = report(deployed, app_id, "channel-mix")
    assert len(found["months"]) == 12
    assert sum(month["contacts"] for month in found["months"]) == 3
    (month,) = [month for month in found["months"] if month["contacts"]]
    (post,) = [one for one in month["channels"] if one["channel"] == "post"]
    assert post == {"channel": "post", "inbound": 0, "outbound": 3, "share": 1.0}
    assert month["digital_share"] == 0


def test_costs_are_told_by_channel_and_currency(deployed: Deployment, app_id: str) -> None:
    assert report(deployed, app_id, "costs")["costs"] == [
        {
            "channel": "post",
            "currency": "CHF",
            "amount": 2_550_000,
            "contacts": 3,
            "per_contact": 850_000,
        }
    ]


def test_pressure_names_who_is_over_the_limit(deployed: Deployment, app_id: str) -> None:
    for window in report(deployed, app_id, "pressure", limit="1")["windows"]:
        assert (window["people"], window["sampled"], window["over"]) == (2, 2, 1)
        assert window["over_share"] == {"value": 0.5, "low": 0.5, "high": 0.5}
        assert window["histogram"] == [{"touches": 1, "people": 1}, {"touches": 2, "people": 1}]
        assert window["most_touched"] == [{"contact_id": f"con_{'A' * 26}", "touches": 2}]


def test_before_anything_was_counted_reports_say_so(deployed: Deployment) -> None:
    app_id = deployed.an_app()
    for name in ("coverage", "channel-mix", "costs", "pressure"):
        assert report(deployed, app_id, name)["counted_at"] is None


def test_a_span_may_be_counted_again_by_hand(deployed: Deployment, app_id: str) -> None:
    now = system_clock()
    asked = {"from": rfc3339(now - timedelta(hours=2)), "to": rfc3339(now), "app_id": app_id}
    before = report(deployed, app_id, "costs")
    assert deployed.invoke("fold_channels", {"count": asked})["hours"] in {2, 3}
    assert report(deployed, app_id, "costs") == before


@pytest.mark.parametrize(
    "query",
    [
        {"from": "2026-03", "to": "2026-02"},
        {"from": "2000-01", "to": "2026-01"},
    ],
)
def test_unusable_months_are_refused(deployed: Deployment, query: dict[str, str]) -> None:
    app_id = deployed.an_app()
    for name in ("channel-mix", "costs"):
        answer = deployed.request(
            f"GET /v1/apps/{app_id}/reports/{name}", bearer=deployed.operator(), query=query
        )
        assert (answer.status, answer.body["errors"][0]["pointer"]) == (422, "query/to")


def test_an_app_that_is_not_there_has_no_reports(deployed: Deployment) -> None:
    for name in ("coverage", "channel-mix", "costs", "pressure"):
        answer = deployed.request(
            f"GET /v1/apps/app_{'0' * 26}/reports/{name}", bearer=deployed.operator()
        )
        assert (answer.status, answer.body["code"]) == (404, "app_not_found")
