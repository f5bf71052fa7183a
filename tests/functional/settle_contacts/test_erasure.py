"""A person is erased over HTTP, and every item of every table is looked at afterwards."""

import json
from datetime import timedelta
from typing import Any

import pytest

from shared.kernel.clock import system_clock
from shared.registrations.model.erasures import SETTLING
from tests.functional.conftest import Deployment
from tests.functional.relay_events.test_relay import stream_batch
from tests.functional.tenants import LOG, stored

ADDRESS = "cZf0kLq8S3"
PERSONAL = ("ada@example.com", "Countess", ADDRESS, "Analytical Engine 2", "phone-of-ada", "vip-17")


@pytest.fixture
def app_id(deployed: Deployment) -> str:
    return deployed.an_app(
        issuers=[{"issuer": deployed.pool.issuer, "audiences": ["shop"]}],
        kept_identifiers=["email", "phone"],
    )


def register(deployed: Deployment, app_id: str) -> dict[str, Any]:
    """Register Ada's phone, as it says all of itself each time."""
    return deployed.a_device(
        app_id,
        "phone-of-ada",
        address={"kind": "fid", "value": ADDRESS},
        model="Analytical Engine 2",
        attributes={"title": "Countess"},
    )


def ada(deployed: Deployment, app_id: str) -> str:
    """Register, log in and describe a person; return their contact."""
    known = deployed.log_in(register(deployed, app_id), "ada", audience="shop")
    path = f"/v1/apps/{app_id}/contacts/{known['contact_id']}"
    described = deployed.request(
        f"PATCH {path}",
        {
            "add_tags": ["vip-17"],
            "attributes": {"title": "Countess"},
            "add_identifiers": [{"namespace": "email", "value": "ada@example.com"}],
        },
        bearer=deployed.operator(),
    )
    assert described.status == 200, described.body
    contact_id: str = known["contact_id"]
    return contact_id


def spoken_with(deployed: Deployment, app_id: str, contact_id: str) -> None:
    """Have a person consent, wish, complain and be told something."""
    path = f"/v1/apps/{app_id}/contacts/{contact_id}"
    consent = {"status": "granted", "obtained_by": "a form of the Countess", "text": "vip-17?"}
    told = {
        "contact_id": contact_id,
        "channel": "email",
        "purpose": "transactional",
        "reserve": True,
    }
    for route, body in (
        (f"PUT {path}/consents", consent),
        (f"PUT {path}/preferences", {"topics_off": ["vip-17"], "zone": "Europe/London"}),
        (f"POST /v1/apps/{app_id}/contact-decisions", told),
        (f"POST {path}/cases", {"case_id": "vip-17"}),
        (
            f"POST /v1/apps/{app_id}/inbox-messages",
            {"contact_ids": [contact_id], "content": {"title": "Dear Countess"}},
        ),
    ):
        answer = deployed.request(route, body, bearer=deployed.operator())
        assert answer.status < 300, answer.body


def settle(deployed: Deployment, dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bring the requested erasures to the settler as the bus does, and sweep when it is time."""
    deployed.invoke("relay_events", stream_batch(deployed, dynamodb))
    asked = [
        {"messageId": str(place), "body": json.dumps({"detail": entry["Detail"]})}
        for place, entry in enumerate(deployed.aws.published)
        if entry["DetailType"] == "contact.erasure_requested.v1"
    ]
    assert asked
    assert deployed.invoke("settle_contacts", {"Records": asked}) == {"batchItemFailures": []}
    first = deployed.invoke("settle_contacts", {"detail-type": "Scheduled Event"})
    assert first["open_erasures"] == 1

    from functions.settle_contacts import wiring  # noqa: PLC0415 - as the process has it now

    later = timedelta(seconds=1) + SETTLING
    wiring.forgetting.cache_clear()
    monkeypatch.setattr(wiring, "system_clock", lambda: system_clock() + later)
    second = deployed.invoke("settle_contacts", {"detail-type": "Scheduled Event"})
    assert second["open_erasures"] == 0


def test_nothing_readable_is_left_and_no_way_to_the_contact(
    deployed: Deployment, dynamodb_client: Any, app_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact_id = ada(deployed, app_id)
    path = f"/v1/apps/{app_id}/contacts/{contact_id}"
    assert any(stored(deployed, dynamodb_client, about=one) for one in PERSONAL)

    asked = deployed.request(f"DELETE {path}", bearer=deployed.operator())
    assert (asked.status, asked.body["state"]) == (202, "requested")
    again = deployed.request(f"DELETE {path}", bearer=deployed.operator())
    assert again.body == asked.body
    settle(deployed, dynamodb_client, monkeypatch)

    told = deployed.request(f"GET {path}/erasure", bearer=deployed.operator())
    assert (told.status, told.body["state"]) == (200, "done")
    for one in PERSONAL:
        assert stored(deployed, dynamodb_client, about=one) == []
    # That somebody asked for the erasure stays in the audit log, under the id that means nothing.
    named = stored(deployed, dynamodb_client, about=contact_id, but_for=(LOG,))
    left = [json.loads(item) for item in named]
    # The contact policy keeps that nothing may be told, and counts no more.
    kept = {"M", "ERASURE", "E", "STANDING", "PRESSURE"}
    assert {item["sk"]["S"].split("#")[0] for item in left} == kept
    assert [item["type"]["S"] for item in left if "type" in item] == ["contact.erased.v1"]
    for known in (path, f"{path}/timeline", f"{path}/export"):
        gone = deployed.request(f"GET {known}", bearer=deployed.operator())
        assert (gone.status, gone.body["code"]) == (404, "contact_erased")


def test_of_what_was_said_and_told_only_the_tombstone_is_left(
    deployed: Deployment, dynamodb_client: Any, app_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact_id = ada(deployed, app_id)
    spoken_with(deployed, app_id, contact_id)
    deployed.request(f"DELETE /v1/apps/{app_id}/contacts/{contact_id}", bearer=deployed.operator())
    settle(deployed, dynamodb_client, monkeypatch)

    for one in PERSONAL:
        assert stored(deployed, dynamodb_client, about=one) == []
    rows = dynamodb_client.scan(TableName=deployed.tables["contact_policy"])["Items"]
    left = {row["sk"]["S"]: row for row in rows if contact_id in row["pk"]["S"]}
    assert set(left) == {"PRESSURE", "STANDING"}
    assert left["PRESSURE"]["touches"] == {"B": b""}
    said = json.loads(left["STANDING"]["said"]["S"])
    assert said["parts"][contact_id] == {"erased": True}
    asked = deployed.request(
        f"POST /v1/apps/{app_id}/contact-decisions",
        {"contact_id": contact_id, "channel": "email", "purpose": "transactional"},
        bearer=deployed.operator(),
    )
    assert (asked.status, asked.body["code"]) == (404, "contact_erased")


def test_who_registers_again_is_not_tied_to_who_was_erased(
    deployed: Deployment, dynamodb_client: Any, app_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ada(deployed, app_id)
    deployed.request(f"DELETE /v1/apps/{app_id}/contacts/{before}", bearer=deployed.operator())
    settle(deployed, dynamodb_client, monkeypatch)
    after = deployed.log_in(register(deployed, app_id), "ada", audience="shop")["contact_id"]
    assert after != before
    about_both = [item for item in stored(deployed, dynamodb_client, about=before) if after in item]
    assert about_both == []
    profile = deployed.request(
        f"GET /v1/apps/{app_id}/contacts/{after}", bearer=deployed.operator()
    )
    assert (profile.body["tags"], profile.body["attributes"]) == ([], {})


def test_a_person_may_export_and_erase_themselves(deployed: Deployment, app_id: str) -> None:
    from tests.fakes.issuer import OidcIssuer  # noqa: PLC0415 - for this test alone

    contact_id = ada(deployed, app_id)
    herself = OidcIssuer(deployed.pool.issuer, audience="shop").token("ada")
    path = f"/v1/apps/{app_id}/contacts/{contact_id}"
    seen, query = [], {"limit": "2"}
    while True:
        page = deployed.request(f"GET {path}/export", query=query, bearer=herself)
        assert page.status == 200, page.body
        seen += page.body["items"]
        if page.body["next_cursor"] is None:
            break
        query = {"limit": "2", "cursor": page.body["next_cursor"]}
    (contact,) = [item["data"] for item in seen if item["kind"] == "contact"]
    assert {"namespace": "email", "masked": "a…@e….com", "value": "ada@example.com"} in contact[
        "identifiers"
    ]
    events = [item["data"]["type"] for item in seen if item["kind"] == "event"]
    assert sorted(events) == [
        "contact.identified.v1",
        "contact.updated.v1",
        "device.registered.v1",
    ]
    assert deployed.request(f"DELETE {path}", bearer=herself).status == 202
    assert deployed.request(f"GET {path}", bearer=herself).status == 404


def test_an_unusable_cursor_of_an_export_is_refused(deployed: Deployment, app_id: str) -> None:
    contact_id = ada(deployed, app_id)
    path = f"/v1/apps/{app_id}/contacts/{contact_id}/export"
    for cursor in ("nonsense", "OTkg", "MSBub25zZW5zZQ"):
        answer = deployed.request(
            f"GET {path}", query={"cursor": cursor}, bearer=deployed.operator()
        )
        assert (answer.status, answer.body["code"]) == (422, "invalid_fields"), cursor


def test_a_rotation_by_hand_tells_what_it_did(deployed: Deployment, app_id: str) -> None:
    ada(deployed, app_id)
    deployed.aws.secrets["data-keys"] = {"current": "the next", "previous": "an encryption key"}
    told = deployed.invoke("settle_contacts", {"rotate": "*"})
    assert told == {app_id: {"contacts": 1, "rewrapped": 1, "refiled": 0}}
    assert deployed.invoke("settle_contacts", {"rotate": app_id})[app_id]["rewrapped"] == 0


def test_an_erasure_that_nobody_asked_for_comes_again(deployed: Deployment, app_id: str) -> None:
    detail = {"source": f"/apps/{app_id}/registrations", "subject": "contact/con_none"}
    record = {"messageId": "7", "body": json.dumps({"detail": detail})}
    answer = deployed.invoke("settle_contacts", {"Records": [record]})
    assert answer == {"batchItemFailures": [{"itemIdentifier": "7"}]}
