"""What each function is asked at its cold start: nothing is there that it asks about.

An API function is asked over HTTP, by the operator; a worker by a message of its queue, a batch of
its stream, or its schedule.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt

OPERATOR = "arn:aws:iam::123456789012:role/Operator"
NEW_APP = {"name": "Shop", "org": "com.example", "platforms": ["android"]}

_NOBODY = "0" * 26
_APP = f"app_{_NOBODY}"
_PATH = f"/v1/apps/{_APP}"
_EPOCH = "2026-03-01T12:00:00.000Z"
_SENDER = """
from shared.push.channels.fcm import FcmChannel, FcmCredentials
account = __import__("json").loads(os.environ["SERVICE_ACCOUNT"])
FcmChannel(credentials=FcmCredentials(service_account=account))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An event, the error that it may end with, and what is made besides, as code."""

    event: Mapping[str, Any] = field(default_factory=dict)
    may_raise: str = ""
    then: str = ""


def request(method: str, path: str, body: Any = None) -> dict[str, Any]:
    """Return a request of the operator's, who signs with a role; the naive function takes a JWT."""
    bearer = jwt.encode({"sub": "operator"}, "key".ljust(32, "."), algorithm="HS256")
    return {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json", "authorization": f"Bearer {bearer}"},
        "requestContext": {
            "http": {"method": method, "path": path, "sourceIp": "192.0.2.1"},
            "requestId": "bench",
            "stage": "$default",
            "authorizer": {"iam": {"userArn": OPERATOR}},
        },
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }


def messages(*bodies: Any) -> dict[str, Any]:
    """Return a batch of a queue."""
    records = enumerate(bodies)
    return {"Records": [{"messageId": str(one), "body": json.dumps(body)} for one, body in records]}


def _told(type_: str, *, by: str = "registrations", **data: str) -> dict[str, Any]:
    """Return what the bus tells of an event about a contact."""
    detail = {
        "type": f"com.example.{type_}",
        "source": f"/apps/{_APP}/{by}",
        "subject": f"contact/con_{_NOBODY}",
        "sequence": _NOBODY,
        "time": _EPOCH,
        "data": data,
    }
    return {"detail-type": type_, "detail": detail}


def _loaded() -> dict[str, Any]:
    """Return a batch of the ledger's stream that tells of an ad."""
    image = {
        "pk": f"APP#{_APP}#CONTACT#con_{_NOBODY}",
        "sequence": _NOBODY,
        "type": "ad.loaded.v1",
        "source": f"/apps/{_APP}/ads",
        "subject": f"contact/con_{_NOBODY}",
        "time": _EPOCH,
        "channel": "ad",
        "data": json.dumps({"flight_id": f"flt_{_NOBODY}", "ad_id": f"ad_{_NOBODY}"}),
    }
    change = {
        "SequenceNumber": "1",
        "NewImage": {name: {"S": value} for name, value in image.items()},
    }
    return {"Records": [{"dynamodb": change}], "shardId": "shard", "state": {}}


_JOB = {"app_id": _APP}
_RUN = {**_JOB, "campaign_id": "cmp_0", "run_id": _NOBODY, "shards": [0]}
_MESSAGE = {"recipients": [{"device_id": "phone-001"}], "content": {"title": "Hello"}}

ASKED: Mapping[str, Asked] = {
    "ad_decisions_api": Asked(event=request("GET", f"{_PATH}/ad-decisions/dec_{_NOBODY}")),
    "advance_campaigns": Asked(),
    "apply_contact_events": Asked(
        event=messages(_told("message.opened.v1", message_id=f"msg_{_NOBODY}_0"))
    ),
    "archive_events": Asked(event=messages()),
    "compact_archive": Asked(event={"list": _JOB}),
    "compile_snapshot": Asked(),
    "contact_events_api": Asked(event=request("GET", f"{_PATH}/contacts/con_{_NOBODY}/timeline")),
    "contact_policy_api": Asked(event=request("GET", f"{_PATH}/policy")),
    "coupons_api": Asked(event=request("GET", f"{_PATH}/coupons")),
    "deliver_webhooks": Asked(),
    "file_decisions": Asked(event=messages({**_JOB, "decision_id": f"dec_{_NOBODY}"})),
    "fire_triggers": Asked(),
    "fold_ad_events": Asked(event=_loaded()),
    "fold_channels": Asked(),
    "fold_results": Asked(
        event=messages(_told("message.opened.v1", by="push", message_id=f"msg_{_NOBODY}_0"))
    ),
    "follow_triggers": Asked(
        event=messages(_told("message.opened.v1", by="push", message_id=f"msg_{_NOBODY}_0"))
    ),
    "generate_codes": Asked(
        event=messages({**_JOB, "coupon_id": f"cpn_{_NOBODY}", "job_id": f"job_{_NOBODY}"}),
        may_raise="JobNotFoundError",
    ),
    "note_whereabouts": Asked(
        event=messages(
            _told("device.registered.v1", device_id="phone-001", timezone="Europe/Zurich")
        )
    ),
    "placements_api": Asked(event=request("GET", f"{_PATH}/flights")),
    "plan_campaign": Asked(event=messages(_RUN), may_raise="CampaignNotFoundError"),
    "project_ad_state": Asked(
        event=messages(_told("coupon.redeemed.v1", by="coupons", coupon_id=f"cpn_{_NOBODY}"))
    ),
    "project_audience": Asked(event=messages(_told("device.registered.v1", device_id="phone-001"))),
    "publish_coupon": Asked(
        event=messages({**_JOB, "publication_id": f"pub_{_NOBODY}"}),
        may_raise="PublicationNotFoundError",
    ),
    "push_api": Asked(event=request("POST", f"{_PATH}/messages", _MESSAGE)),
    "rebuild_projections": Asked(event={"names": {}}),
    "registrations_api": Asked(event=request("POST", "/v1/apps", NEW_APP)),
    "relay_events": Asked(),
    "release_deferrals": Asked(),
    "run_import": Asked(
        event=messages({**_JOB, "import_id": "imp_0"}), may_raise="ImportNotFoundError"
    ),
    "send_push": Asked(
        event=messages({**_JOB, "chunk_id": _NOBODY}),
        may_raise="MessageNotFoundError",
        then=_SENDER,
    ),
    "service_api": Asked(event=request("GET", "/v1/health")),
    "settle_contacts": Asked(),
    "sweep_coupons": Asked(),
    "sweep_leases": Asked(),
}
"""By function; each that is deployed is here (tests/unit/test_house.py)."""
