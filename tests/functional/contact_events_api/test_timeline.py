"""A contact's timeline over HTTP."""

from shared.contact_events.model.events import ForeignEvent
from shared.kernel.clock import system_clock
from shared.kernel.ids import Ids
from shared.platform.dynamodb import commit
from shared.platform.ledger import Ledger
from shared.platform.settings import settings
from tests.fakes.issuer import OidcIssuer
from tests.functional.conftest import POOL, Deployment


def test_the_anonymous_history_is_part_of_the_timeline(deployed: Deployment) -> None:
    app_id = deployed.an_app(issuers=[{"issuer": POOL, "audiences": ["the-app"]}])
    device = deployed.a_device(app_id)
    users = OidcIssuer(POOL, audience="the-app")
    bound = deployed.request(
        f"PUT /v1/apps/{app_id}/devices/phone-001/contact",
        {"user_token": users.token("ada")},
        bearer=device["device_token"],
    ).body
    route = f"GET /v1/apps/{app_id}/contacts/{bound['contact_id']}/timeline"
    viewer = deployed.marketer(app_id, "viewer")
    answer = deployed.request(route, bearer=viewer)
    assert [event["type"] for event in answer.body["items"]] == [
        "com.example.device.registered.v1",
        "com.example.contact.identified.v1",
    ]
    assert answer.body["next_cursor"] is None
    own = deployed.request(route, bearer=users.token("ada"))
    assert own.body == answer.body
    filtered = deployed.request(
        route, bearer=viewer, query={"type": "com.example.device.registered.v1", "limit": "1"}
    )
    assert [event["id"] for event in filtered.body["items"]] == [answer.body["items"][0]["id"]]


def test_an_unknown_contact_has_no_timeline(deployed: Deployment) -> None:
    app_id = deployed.an_app()
    answer = deployed.request(
        f"GET /v1/apps/{app_id}/contacts/con_{'0' * 26}/timeline", bearer=deployed.operator()
    )
    assert (answer.status, answer.body["code"]) == (404, "contact_not_found")


def test_a_cursor_of_somebody_else_is_refused(deployed: Deployment) -> None:
    app_id = deployed.an_app()
    device = deployed.a_device(app_id)
    answer = deployed.request(
        f"GET /v1/apps/{app_id}/contacts/{device['contact_id']}/timeline",
        bearer=deployed.operator(),
        query={"cursor": "bm9uc2Vuc2U"},
    )
    assert (answer.status, answer.body["errors"][0]["pointer"]) == (422, "query/cursor")


def test_what_another_system_sent_is_for_admins_and_the_contact(deployed: Deployment) -> None:
    app_id = deployed.an_app(issuers=[{"issuer": POOL, "audiences": ["the-app"]}])
    known = deployed.log_in(deployed.a_device(app_id), "ada", audience="the-app")
    record_order(app_id, known["contact_id"])
    callers = {role: deployed.marketer(app_id, role) for role in ("viewer", "sender", "admin")}
    callers["contact"] = OidcIssuer(POOL, audience="the-app").token("ada")
    seen = {}
    for caller, bearer in callers.items():
        answer = deployed.request(
            f"GET /v1/apps/{app_id}/contacts/{known['contact_id']}/timeline",
            query={"type": "order.placed.v1"},
            bearer=bearer,
        )
        seen[caller] = answer.body["items"][0]["data"]
    assert seen["viewer"] == seen["sender"] == {"total": 12}
    assert seen["admin"] == seen["contact"] == {"total": 12, "raw": {"to": "ada@example.com"}}


def record_order(app_id: str, contact_id: str) -> None:
    """Record an order as a shop tells it, with the parts that the function has."""
    from functions.contact_events_api import wiring  # noqa: PLC0415 - the process's own

    event = ForeignEvent(
        app_id=app_id,
        source="shop",
        id="order-1",
        type="order.placed.v1",
        time=system_clock(),
        contact_id=contact_id,
        data={"total": 12},
        raw=b'{"to": "ada@example.com"}',
    )
    sequence = Ids(clock=system_clock).sequence()
    sealed = wiring._vault().seal(
        event.raw or b"", app_id=app_id, contact_id=contact_id, about=f"evt_{sequence}"
    )
    recorded = event.envelope(sequence=sequence, contact_id=contact_id, raw=sealed)
    ledger = Ledger(table=settings().contact_events_table)
    commit({"event": ledger.record(recorded)})
