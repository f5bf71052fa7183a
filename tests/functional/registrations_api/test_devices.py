"""Devices over HTTP."""

from tests.deployment import http_event
from tests.fakes.issuer import OidcIssuer
from tests.functional.conftest import POOL, Deployment

DEVICE = {"platform": "android", "client_seq": 1}


def path(app_id: str, device_id: str = "phone-001") -> str:
    return f"/v1/apps/{app_id}/devices/{device_id}"


def test_a_device_registers_with_nothing_but_the_app_id(deployed: Deployment) -> None:
    app_id = deployed.an_app()
    answer = deployed.request(
        f"PUT {path(app_id)}",
        {**DEVICE, "address": {"kind": "fid", "value": "cZf0kLq8S3"}, "timezone": "Europe/Madrid"},
    )
    assert answer.status == 201
    assert answer.body["address"] == {"kind": "fid", "value": "cZf0kLq8S3"}
    read = deployed.request(f"GET {path(app_id)}", bearer=answer.body["device_token"])
    assert (read.status, read.body["timezone"]) == (200, "Europe/Madrid")


def test_a_known_device_id_needs_its_token(deployed: Deployment) -> None:
    app_id = deployed.an_app()
    device = deployed.a_device(app_id)
    stranger = deployed.request(f"PUT {path(app_id)}", {**DEVICE, "client_seq": 2})
    assert (stranger.status, stranger.body["code"]) == (401, "device_token_required")
    owner = deployed.request(
        f"PUT {path(app_id)}", {**DEVICE, "client_seq": 2}, bearer=device["device_token"]
    )
    assert (owner.status, owner.body["client_seq"]) == (200, 2)


def test_a_device_speaks_for_itself_alone(deployed: Deployment) -> None:
    app_id = deployed.an_app()
    token = deployed.a_device(app_id)["device_token"]
    deployed.a_device(app_id, "phone-002")
    assert deployed.request(f"GET {path(app_id, 'phone-002')}", bearer=token).status == 404


def test_an_unregistered_device_is_gone(deployed: Deployment) -> None:
    app_id = deployed.an_app()
    token = deployed.a_device(app_id)["device_token"]
    assert deployed.request(f"DELETE {path(app_id)}", bearer=token).status == 204
    assert deployed.request(f"GET {path(app_id)}", bearer=token).status == 401


def test_an_answer_without_content_is_empty_text(deployed: Deployment) -> None:
    app_id = deployed.an_app()
    token = deployed.a_device(app_id)["device_token"]
    event = http_event("DELETE", path(app_id), headers={"authorization": f"Bearer {token}"})
    answer = deployed.invoke("registrations_api", event)
    assert (answer["statusCode"], answer["body"]) == (204, "")


def test_an_unknown_app_registers_nobody(deployed: Deployment) -> None:
    answer = deployed.request(f"PUT {path('app_' + '0' * 26)}", DEVICE)
    assert (answer.status, answer.body["code"]) == (404, "app_not_found")


def test_each_wrong_field_is_named(deployed: Deployment) -> None:
    app_id = deployed.an_app()
    answer = deployed.request(
        f"PUT {path(app_id)}", {"platform": "symbian", "client_seq": "one", "stray": 1}
    )
    assert answer.status == 422
    assert {problem["pointer"] for problem in answer.body["errors"]} == {
        "/platform",
        "/client_seq",
        "/stray",
    }


def test_a_wrong_time_zone_is_named(deployed: Deployment) -> None:
    app_id = deployed.an_app()
    answer = deployed.request(f"PUT {path(app_id)}", {**DEVICE, "timezone": "Mars/Olympus"})
    assert answer.status == 422
    assert answer.body["errors"] == [
        {"pointer": "/timezone", "code": "timezone", "detail": "not an IANA time zone"}
    ]


def test_an_app_that_enforces_app_check_wants_its_token(deployed: Deployment) -> None:
    check = {
        "mode": "enforce",
        "project_number": "12345",
        "firebase_app_ids": ["1:12345:android:a"],
    }
    app_id = deployed.an_app(app_check=check)
    without = deployed.request(f"PUT {path(app_id)}", DEVICE)
    assert (without.status, without.body["code"]) == (401, "app_check_required")


def test_logging_in_binds_the_device_and_logging_out_frees_it(deployed: Deployment) -> None:
    app_id = deployed.an_app(issuers=[{"issuer": POOL, "audiences": ["the-app"]}])
    anonymous = deployed.a_device(app_id)
    users = OidcIssuer(POOL, audience="the-app")
    known = deployed.request(
        f"PUT {path(app_id)}/contact",
        {"user_token": users.token("ada")},
        bearer=anonymous["device_token"],
    )
    assert (known.status, known.body["is_anonymous"]) == (200, False)
    assert known.body["contact_id"] != anonymous["contact_id"]
    left = deployed.request(f"DELETE {path(app_id)}/contact", bearer=known.body["device_token"])
    assert (left.status, left.body["is_anonymous"]) == (200, True)
    old = deployed.request(f"GET {path(app_id)}", bearer=known.body["device_token"])
    assert (old.status, old.body["code"]) == (401, "unauthenticated")
    new = deployed.request(f"GET {path(app_id)}", bearer=left.body["device_token"])
    assert new.status == 200


def test_a_token_of_a_foreign_issuer_binds_nobody(deployed: Deployment) -> None:
    app_id = deployed.an_app(issuers=[{"issuer": POOL, "audiences": ["the-app"]}])
    device = deployed.a_device(app_id)
    for token in (
        OidcIssuer("https://evil.example", audience="the-app").token(),
        OidcIssuer(POOL, audience="another-app").token(),
        OidcIssuer(POOL, audience="the-app").token(exp=None),
        OidcIssuer(POOL, audience="the-app").token(signed_by="another key"),
    ):
        answer = deployed.request(
            f"PUT {path(app_id)}/contact", {"user_token": token}, bearer=device["device_token"]
        )
        assert (answer.status, answer.body["code"]) == (401, "unauthenticated")


def test_a_contact_reads_itself_and_nobody_else(deployed: Deployment) -> None:
    app_id = deployed.an_app(issuers=[{"issuer": POOL, "audiences": ["the-app"]}])
    users = OidcIssuer(POOL, audience="the-app")
    contacts = {}
    for subject, device_id in (("ada", "phone-001"), ("grace", "phone-002")):
        device = deployed.a_device(app_id, device_id)
        bound = deployed.request(
            f"PUT {path(app_id, device_id)}/contact",
            {"user_token": users.token(subject)},
            bearer=device["device_token"],
        )
        contacts[subject] = f"/v1/apps/{app_id}/contacts/{bound.body['contact_id']}"
    own = deployed.request(f"GET {contacts['ada']}", bearer=users.token("ada"))
    assert (own.status, own.body["identifiers"]) == (
        200,
        [{"namespace": "oidc", "masked": "…#ada"}],
    )
    assert deployed.request(f"GET {contacts['grace']}", bearer=users.token("ada")).status == 404
    tagged = deployed.request(
        f"PATCH {contacts['ada']}", {"attributes": {"plan": "gold"}}, bearer=users.token("ada")
    )
    assert (tagged.status, tagged.body["attributes"]) == (200, {"plan": "gold"})
