"""A contact's timeline over HTTP."""

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
