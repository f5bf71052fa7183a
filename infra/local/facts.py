"""Says how to reach a running stack: for programs, and in two lines that a person can paste."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from infra.local.aws import ACCESS_KEY, REGION, SECRET_KEY, Cloud
from infra.local.curl import curl
from infra.local.seed import Seeds, phone_body, push_body
from shared.kernel.clock import milliseconds


def describe(
    cloud: Cloud,
    names: Mapping[str, str],
    *,
    base_url: str,
    fcm: Mapping[str, Any],
    seeds: Seeds,
    at: datetime,
) -> dict[str, Any]:
    """Return all that a program needs to use the stack, and two lines for a person."""
    emulator_port = cloud.endpoint.rpartition(":")[2]
    app_url, phone = f"{base_url}/v1/apps/{seeds.app_id}", seeds.phone
    return {
        "base_url": base_url,
        "docs_url": f"{base_url}/docs",
        "app_id": seeds.app_id,
        "device": {
            "device_id": phone.device_id,
            "contact_id": phone.contact_id,
            "token": phone.token,
        },
        "role_tokens": dict(seeds.role_tokens),
        "function_urls": {
            _snake(name.removesuffix("Url")): _local_url(url, port=emulator_port)
            for name, url in names.items()
            if ".lambda-url." in url
        },
        "emulator": {
            "endpoint": cloud.endpoint,
            "region": REGION,
            "access_key_id": ACCESS_KEY,
            "secret_access_key": SECRET_KEY,
        },
        "tables": {
            _snake(name.removesuffix("Table")): table
            for name, table in names.items()
            if name.endswith("Table")
        },
        "event_bus": names["EventBus"],
        "push_queue_url": names["PushQueueUrl"],
        "functions": cloud.functions(),
        "fcm": {"endpoint": fcm["url"], "ca": fcm["ca"]},
        "user_pool": {"id": names["UserPoolId"], "client_id": names["UserPoolClientId"]},
        "curl": {
            "device": curl(
                "PUT",
                f"{app_url}/devices/{phone.device_id}",
                token=phone.token,
                body=phone_body(phone.address, seq=milliseconds(at) + 1),
            ),
            "push": curl(
                "POST",
                f"{app_url}/messages",
                token=seeds.role_tokens["sender"],
                body=push_body(phone.device_id),
                is_new_each_time=True,
            ),
        },
    }


def _local_url(url: str, *, port: str) -> str:
    """Return a function's URL where the emulator serves it: names under localhost are loopback."""
    label = url.removeprefix("https://").partition(".")[0]
    return f"http://{label}.lambda-url.{REGION}.localhost:{port}/"


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)[1:]
