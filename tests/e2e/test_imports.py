"""A file of devices, by the command that a marketer uses, on the deployed stack."""

import json
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from tests.e2e.calls import PATIENCE
from tests.e2e.conftest import Engage

DEVICES = 30


def a_file(folder: Path, name: str) -> Path:
    header = "device_id,platform,fcm_token,timezone,identifier.customer,tags"
    rows = [
        f"{name}-{n:03},android,token-{name}-{n:03},Europe/Zurich,{name}-customer-{n},imported"
        for n in range(DEVICES)
    ]
    written = folder / "devices.csv"
    written.write_text("\n".join([header, *rows, f"{name}-bad,palm,,,,"]) + "\n")
    return written


def test_a_file_of_devices_is_imported_by_the_command(
    engage: Engage, stack: dict[str, Any], tmp_path: Path
) -> None:
    name = uuid4().hex[:10]
    rejects = tmp_path / "rejects.jsonl"
    done = engage.run(
        "import",
        str(a_file(tmp_path, name)),
        *("--kind", "devices", "--rejects", str(rejects)),
    )
    assert done["state"] == "done"
    assert (done["progress"]["read"], done["progress"]["rejected"]) == (DEVICES + 1, 1)
    (reject,) = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert (reject["line"], reject["problems"][0]["pointer"]) == (DEVICES + 2, "platform")


def test_an_imported_device_is_there_for_its_installation(
    http: httpx.Client, stack: dict[str, Any], tmp_path: Path
) -> None:
    name, path = uuid4().hex[:10], f"/v1/apps/{stack['app_id']}"
    content = a_file(tmp_path, name).read_bytes()
    editor = {"Authorization": f"Bearer {stack['role_tokens']['editor']}"}
    body = {"kind": "devices", "size": len(content)}
    announced = http.post(f"{path}/imports", json=body, headers=editor).json()
    upload = announced["upload"]
    sent = httpx.put(upload["url"], content=content, headers=upload["headers"])
    assert sent.status_code == 200, sent.text
    place = f"{path}/imports/{announced['import_id']}"
    assert http.post(f"{place}/start", headers=editor).status_code == 202
    until = time.monotonic() + 3 * PATIENCE
    while http.get(place, headers=editor).json()["state"] != "done":
        assert time.monotonic() < until, http.get(place, headers=editor).text
        time.sleep(1)

    said = {
        "platform": "android",
        "client_seq": 0,
        "address": {"kind": "fcm_token", "value": f"token-{name}-007"},
    }
    answer = http.put(f"{path}/devices/{name}-007", json=said)
    assert (answer.status_code, answer.json()["is_anonymous"]) == (200, False)
