"""Every key of an app's data starts with the app; what does not is listed here, nowhere else."""

import json
import re
from typing import Any

from shared.contact_events.model.hours import HOUR, hour_of
from shared.kernel.clock import rfc3339, system_clock
from tests.fakes.issuer import OidcIssuer
from tests.functional.conftest import POOL, Deployment

WITHOUT_AN_APP = re.compile(r"GRANT#.*|APPS|WRITEKEY#.*|RECEIPT#.*|COUNTED|AUDIT#.*|QUOTA#.*")
"""Grants are given before and above apps, and noted; the list of apps; a stream mixes apps; apps
may share a Firebase project, whose quota FCM counts."""


def test_keys_start_with_the_app(deployed: Deployment, dynamodb_client: Any) -> None:
    began = hour_of(system_clock())
    app_id = deployed.an_app(
        fcm={"project_id": "engage-local", "secret": "engage/fcm/local"},
        issuers=[{"issuer": POOL, "audiences": ["the-app"]}],
    )
    address = {"kind": "fid", "value": "cZf0kLq8S3"}
    device = deployed.a_device(app_id, address=address)
    deployed.request(
        f"PUT /v1/apps/{app_id}/devices/phone-001/contact",
        {"user_token": OidcIssuer(POOL, audience="the-app").token()},
        bearer=device["device_token"],
    )
    sent = deployed.request(
        f"POST /v1/apps/{app_id}/messages",
        {"recipients": [{"device_id": "phone-001"}], "content": {"title": "Hello"}},
        bearer=deployed.marketer(app_id, "sender"),
        headers={"Idempotency-Key": "k"},
    )
    chunk_id = sent.body["messages"][0]["message_id"].split("_")[1]
    job = {"messageId": "1", "body": json.dumps({"app_id": app_id, "chunk_id": chunk_id})}
    # There are no credentials: it takes of the quota, and comes again.
    assert deployed.invoke("send_push", {"Records": [job]})["batchItemFailures"]
    bearer, path = deployed.operator(), f"/v1/apps/{app_id}/contacts/{device['contact_id']}"
    wanted = {"contact_id": device["contact_id"], "channel": "post", "reserve": True}
    segment = {"name": "s", "rule": {"event": {"type": "case.opened.v1"}}}
    for route, body in (
        (f"PUT /v1/apps/{app_id}/policy", {"topics": {"news": "News"}}),
        (f"POST /v1/apps/{app_id}/control-groups", {"percent": 1, "channels": ["phone"]}),
        (f"POST /v1/apps/{app_id}/contact-decisions", wanted),
        (f"PUT {path}/preferences", {"topics_off": ["news"]}),
        (f"PUT {path}/consents", {"status": "granted", "obtained_by": "a form"}),
        (f"POST /v1/apps/{app_id}/segments", segment),
        (f"POST {path}/cases", {"case_id": "t-1"}),
    ):
        assert deployed.request(route, body, bearer=bearer).status < 300, route
    asked = {"from": rfc3339(began), "to": rfc3339(system_clock() + HOUR)}
    assert deployed.invoke("relay_events", {"audit": asked})["republished"] > 0

    keys = {
        row["pk"]["S"]
        for table in deployed.tables.values()
        for row in dynamodb_client.scan(TableName=table)["Items"]
    }
    of_the_app = {key for key in keys if key.startswith(f"APP#{app_id}#")}
    assert len(of_the_app) >= 14
    assert "QUOTA#engage-local" in keys
    assert all(WITHOUT_AN_APP.fullmatch(key) for key in keys - of_the_app)
