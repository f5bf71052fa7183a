"""The FCM stand-in as others see it: a process, two protocols, OAuth2, its own routes."""

import json
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from infra.local.fcm.bearers import GRANT_TYPE
from infra.local.fcm.faults import FaultPlan
from infra.local.fcm.running import RunningStandin, running_standin

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
SEND = "/v1/projects/engage-local/messages:send"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStandin]:
    with running_standin(state_dir=tmp_path_factory.mktemp("fcm")) as standin:
        yield standin


@pytest.fixture
def standin(running: RunningStandin) -> RunningStandin:
    running.fail(FaultPlan())
    running.forget()
    return running


@pytest.fixture(params=[True, False], ids=["h2", "http/1.1"])
def client(request: pytest.FixtureRequest, standin: RunningStandin) -> Iterator[httpx.Client]:
    trust = ssl.create_default_context(cadata=standin.ca_pem)
    with httpx.Client(base_url=standin.url, http2=request.param, verify=trust, timeout=5) as client:
        yield client


def assertion(standin: RunningStandin, *, key: str | None = None, **claims: Any) -> str:
    account = standin.service_account
    now = int(time.time())
    said = {
        "iss": account["client_email"],
        "aud": account["token_uri"],
        "iat": now,
        "exp": now + 3600,
        "scope": SCOPE,
        **claims,
    }
    return jwt.encode(said, key or account["private_key"], algorithm="RS256")


def ask_for_bearer(client: httpx.Client, signed: str) -> httpx.Response:
    return client.post("/token", data={"grant_type": GRANT_TYPE, "assertion": signed})


def bearer(client: httpx.Client, standin: RunningStandin) -> dict[str, str]:
    token = ask_for_bearer(client, assertion(standin)).json()["access_token"]
    return {"authorization": f"Bearer {token}"}


def another_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def test_a_signed_assertion_earns_a_bearer_that_may_send(
    client: httpx.Client, standin: RunningStandin
) -> None:
    answer = client.post(SEND, json={"message": {"fid": "fid-1"}}, headers=bearer(client, standin))
    assert answer.status_code == 200
    assert answer.json()["name"].startswith("projects/engage-local/messages/0:")
    protocol = {"HTTP/2": "h2", "HTTP/1.1": "http/1.1"}[answer.http_version]
    assert standin.counts()["requests"] == {protocol: 1}


@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({"exp": 1}, "invalid_grant"),
        ({"aud": "https://elsewhere.example/token"}, "invalid_grant"),
        ({"iss": "stranger@elsewhere.example"}, "invalid_grant"),
        ({"scope": "https://www.googleapis.com/auth/drive"}, "invalid_scope"),
    ],
)
def test_an_assertion_that_says_something_else_earns_none(
    client: httpx.Client, standin: RunningStandin, claims: dict[str, Any], error: str
) -> None:
    answer = ask_for_bearer(client, assertion(standin, **claims))
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_an_assertion_of_another_key_earns_none(
    client: httpx.Client, standin: RunningStandin
) -> None:
    answer = ask_for_bearer(client, assertion(standin, key=another_key()))
    assert answer.json() == {
        "error": "invalid_grant",
        "error_description": "Invalid JWT Signature.",
    }


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer made-up"}])
def test_without_a_bearer_of_its_own_nothing_is_taken(
    client: httpx.Client, standin: RunningStandin, headers: dict[str, str]
) -> None:
    answer = client.post(SEND, json={"message": {"fid": "fid-1"}}, headers=headers)
    assert answer.status_code == 401
    assert answer.json()["error"]["status"] == "UNAUTHENTICATED"
    assert standin.received() == []


def test_an_expired_bearer_is_refused(client: httpx.Client, standin: RunningStandin) -> None:
    standin.fail(FaultPlan(bearer_seconds=0))
    headers = bearer(client, standin)
    assert client.post(SEND, json={"message": {"fid": "fid-1"}}, headers=headers).status_code == 401


def test_an_unknown_path_is_not_found(client: httpx.Client) -> None:
    for path in ("/", "/v1/projects//messages:send", "/v1/projects/a/b/messages:send"):
        assert client.post(path).status_code == 404


def test_what_was_received_is_listed_by_project_address_and_page(
    client: httpx.Client, standin: RunningStandin
) -> None:
    headers = bearer(client, standin)
    for project in ("one", "two"):
        for address in ("fid-1", "fid-2"):
            path = f"/v1/projects/{project}/messages:send"
            client.post(path, json={"message": {"fid": address}}, headers=headers)

    def listed(**query: str) -> list[tuple[str, str]]:
        page = client.get("/_standin/messages", params=query).json()["messages"]
        return [(message["project"], message["address"]) for message in page]

    everything = [("one", "fid-1"), ("one", "fid-2"), ("two", "fid-1"), ("two", "fid-2")]
    assert listed() == everything
    assert listed(project="two") == everything[2:]
    assert listed(address="fid-2") == everything[1::2]
    first = client.get("/_standin/messages").json()["messages"][0]
    assert listed(after=str(first["sequence"])) == everything[1:]
    assert first["body"] == {"message": {"fid": "fid-1"}}
    assert client.delete("/_standin/messages").status_code == 204
    assert listed() == []


def test_a_long_list_comes_whole(client: httpx.Client, standin: RunningStandin) -> None:
    headers = bearer(client, standin)
    text = "x" * 4000
    for _ in range(50):
        client.post(SEND, json={"message": {"fid": "f", "data": {"k": text}}}, headers=headers)
    page = client.get("/_standin/messages").json()["messages"]
    assert [message["body"]["message"]["data"]["k"] for message in page] == [text] * 50


def test_faults_are_set_over_http(client: httpx.Client, standin: RunningStandin) -> None:
    wanted = {"addresses": {"fid-1": "unregistered"}, "seed": 3}
    assert client.put("/_standin/faults", json=wanted).json()["seed"] == 3
    assert client.get("/_standin/faults").json()["addresses"] == {"fid-1": "unregistered"}
    sent = client.post(SEND, json={"message": {"fid": "fid-1"}}, headers=bearer(client, standin))
    assert sent.status_code == 404
    assert client.put("/_standin/faults", json={"addresses": {"a": "b"}}).status_code == 400


def test_a_body_beyond_the_limit_is_refused(client: httpx.Client, standin: RunningStandin) -> None:
    answer = client.post(SEND, content=b"x" * (1024 * 1024 + 1), headers=bearer(client, standin))
    assert answer.status_code == 400
    assert "exceeds the limit" in answer.json()["error"]["message"]


@contextmanager
def process(folder: Path, *options: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "infra.local.fcm", "--state-dir", str(folder), *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def ready(running: "subprocess.Popen[str]") -> dict[str, Any]:
    assert running.stdout
    said: dict[str, Any] = json.loads(running.stdout.readline())
    return said


def test_a_restarted_process_keeps_its_port_its_authority_and_its_account(tmp_path: Path) -> None:
    with process(tmp_path) as running:
        first = ready(running)
        files = [Path(first["ca"]).read_text(), Path(first["service_account"]).read_text()]
        running.send_signal(signal.SIGTERM)
        assert running.wait(10) == 0
    with process(tmp_path, "--port", str(first["port"])) as running:
        assert ready(running) == first
        assert files == [Path(first["ca"]).read_text(), Path(first["service_account"]).read_text()]
        trust = ssl.create_default_context(cafile=first["ca"])
        health = httpx.get(f"{first['url']}/_standin/health", verify=trust).json()
        assert health["status"] == "ok"


def test_a_port_in_use_is_said_with_its_way_out(tmp_path: Path) -> None:
    with process(tmp_path) as holder:
        port = str(ready(holder)["port"])
        with process(tmp_path, "--port", port) as late:
            assert late.stderr
            said = late.stderr.read()
            assert late.wait(10) == 1
    assert f"port {port}" in said
    assert "--port" in said
    assert "Traceback" not in said
