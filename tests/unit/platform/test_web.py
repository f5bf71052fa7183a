"""What is fetched from vendors, over what stands in for a socket."""

from http.client import HTTPConnection
from io import BytesIO

import pytest

from shared.platform.web import LARGEST, MOST_KEPT, Fetched, VendorUnreachableError, get

URL = "https://sns.eu-west-1.amazonaws.com/key.pem?version=2"


class Vendor:
    """Whoever answers, once, whatever is asked: what a connection needs of a socket."""

    def __init__(self, answer: bytes) -> None:
        self.answer = BytesIO(answer)
        self.heard = b""
        self.is_closed = False

    def connect(self, host: str) -> HTTPConnection:
        connection = HTTPConnection(host)
        connection.sock = self
        return connection

    def sendall(self, request: bytes) -> None:
        self.heard += request

    def makefile(self, _mode: str) -> BytesIO:
        return self.answer

    def close(self) -> None:
        self.is_closed = True


def test_a_url_is_asked_for_what_it_answers() -> None:
    vendor = Vendor(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nkey")
    assert get(URL, connect=vendor.connect) == b"key"
    asked, *headers = vendor.heard.decode().splitlines()
    assert asked == "GET /key.pem?version=2 HTTP/1.1"
    assert "Host: sns.eu-west-1.amazonaws.com" in headers
    assert vendor.is_closed


def test_an_answer_may_come_in_chunks_and_be_as_long_as_the_limit() -> None:
    chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nke\r\n1\r\ny\r\n0\r\n\r\n"
    assert get(URL, connect=Vendor(chunks).connect) == b"key"
    assert (
        len(get(URL, connect=Vendor(b"HTTP/1.1 200 OK\r\n\r\n" + b"k" * LARGEST).connect))
        == LARGEST
    )


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 302 Found\r\nLocation: https://evil.example/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nkey",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"k" * (LARGEST + 1),
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nkey",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nkey",
        b"SSH-2.0-OpenSSH\r\n",
        b"",
    ],
    ids=["elsewhere", "not found", "too large", "cut off", "cut off chunk", "no HTTP", "nothing"],
)
def test_any_other_answer_is_none_and_tells_no_query(answer: bytes) -> None:
    with pytest.raises(VendorUnreachableError) as refused:
        get(URL, connect=Vendor(answer).connect)
    assert refused.value.detail.startswith("sns.eu-west-1.amazonaws.com ")
    assert "version" not in refused.value.detail


def test_a_host_that_nobody_reaches_does_not_answer() -> None:
    def connect(_host: str) -> HTTPConnection:
        raise TimeoutError

    with pytest.raises(VendorUnreachableError):
        get(URL, connect=connect)


class Certificates:
    """A vendor's certificates; it fails where it is told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.is_down = False

    def get(self, url: str) -> bytes:
        self.asked.append(url)
        if self.is_down:
            raise VendorUnreachableError
        return url.encode()


def test_a_certificate_is_fetched_once_and_a_confirmation_each_time() -> None:
    certificates = Certificates()
    fetched = Fetched(get=certificates.get)
    assert [fetched.kept(URL) for _ in range(2)] == [URL.encode()] * 2
    assert certificates.asked == [URL]
    assert [fetched.fetch(URL) for _ in range(2)] == [URL.encode()] * 2
    assert certificates.asked == [URL] * 3


def test_what_failed_is_asked_again() -> None:
    certificates = Certificates()
    fetched = Fetched(get=certificates.get)
    certificates.is_down = True
    with pytest.raises(VendorUnreachableError):
        fetched.kept(URL)
    certificates.is_down = False
    assert fetched.kept(URL) == URL.encode()


def test_no_more_is_kept_than_so_many() -> None:
    certificates = Certificates()
    fetched = Fetched(get=certificates.get)
    urls = [f"{URL}&{number}" for number in range(MOST_KEPT + 1)]
    for url in [*urls, urls[-1], urls[0]]:
        fetched.kept(url)
    assert certificates.asked == [*urls, urls[0]]
