import http.client
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from infra.local.proxy import LARGEST_BODY, Target, serve


class Upstream(BaseHTTPRequestHandler):
    """Answers what it was asked."""

    protocol_version = "HTTP/1.1"

    def echo(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        said = json.dumps(
            {
                "method": self.command,
                "path": self.path,
                "headers": {name.lower(): value for name, value in self.headers.items()},
                "body": body.hex(),
            }
        ).encode()
        self.send_response_only(418)
        self.send_header("Set-Cookie", "a=1")
        self.send_header("Set-Cookie", "b=2")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(said)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = echo  # noqa: N815


@pytest.fixture(scope="module")
def upstream() -> Iterator[int]:
    yield from running(ThreadingHTTPServer(("127.0.0.1", 0), Upstream))


@pytest.fixture(scope="module")
def proxy(upstream: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    yield from proxied(upstream, tmp_path_factory.mktemp("proxy"))


def running(server: ThreadingHTTPServer) -> Iterator[int]:
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


def proxied(upstream: int, folder: Path) -> Iterator[httpx.Client]:
    document = folder / "openapi.json"
    document.write_text(json.dumps({"openapi": "3.1.0", "paths": {}}))
    target = Target(port=upstream, api_id="abc123", openapi=document)
    for port in running(serve(target, port=0)):
        with httpx.Client(base_url=f"http://localhost:{port}", timeout=10) as client:
            yield client


def said(answer: httpx.Response) -> dict[str, Any]:
    return dict(answer.json())


def test_a_request_arrives_as_it_was_sent_but_for_its_host(
    proxy: httpx.Client, upstream: int
) -> None:
    answer = proxy.post(
        "/v1/a%2Fb/ü?x=1&x=2", content=b"\x00\xff", headers={"Authorization": "Bearer t"}
    )
    told = said(answer)
    assert (answer.status_code, told["method"]) == (418, "POST")
    assert told["path"] == "/v1/a%2Fb/%C3%BC?x=1&x=2"
    assert told["body"] == "00ff"
    assert told["headers"]["host"] == f"abc123.execute-api.localhost:{upstream}"
    assert told["headers"]["authorization"] == "Bearer t"
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]


def test_a_body_in_chunks_arrives_whole(proxy: httpx.Client) -> None:
    told = said(proxy.put("/v1/x", content=iter([b"ab", b"", b"c" * 70_000])))
    assert bytes.fromhex(told["body"]) == b"ab" + b"c" * 70_000
    assert told["headers"]["content-length"] == "70002"


def test_a_preflight_passes_through(proxy: httpx.Client) -> None:
    assert said(proxy.options("/v1/x", headers={"Origin": "http://a"}))["method"] == "OPTIONS"


def test_an_answer_to_head_has_no_body(proxy: httpx.Client) -> None:
    assert proxy.head("/v1/x").content == b""
    assert said(proxy.get("/v1/x"))["method"] == "GET"


def test_a_body_that_is_too_large_is_refused_unread(proxy: httpx.Client) -> None:
    connection = http.client.HTTPConnection("localhost", proxy.base_url.port, timeout=10)
    connection.putrequest("POST", "/v1/x")
    connection.putheader("Content-Length", str(LARGEST_BODY + 1))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_the_page_needs_nothing_from_elsewhere(proxy: httpx.Client) -> None:
    answer = proxy.get("/", follow_redirects=True)
    assert answer.url.path == "/docs"
    assert "http" not in answer.text.replace("http://www.w3.org", "")


def test_the_document_names_this_server(proxy: httpx.Client) -> None:
    server = said(proxy.get("/openapi.json"))["servers"][0]["url"]
    assert server == str(proxy.base_url).rstrip("/")


def test_a_dead_emulator_is_named_with_the_way_out(tmp_path: Path) -> None:
    for client in proxied(9, tmp_path):
        answer = client.get("/v1/health")
        assert answer.status_code == 502
        assert "engage up" in answer.json()["detail"]
