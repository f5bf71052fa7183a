"""What is sent to places that others name, over real connections of this machine."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from shared.kernel.targets import ForbiddenTargetError, LocalHosts
from shared.platform.outbound import Outbound, Patience, UnansweredError
from tests.receivers import Receiver, receiver

NAME = "hooks.example.com"
LOCAL = LocalHosts(names=frozenset({"localhost"}))
SHORT = Patience(connect=0.5, total=0.3)


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


def send(url: str, outbound: Outbound) -> int:
    return outbound.post(url, body=b"{}", headers={"content-type": "application/json"}).status


def test_a_body_arrives_with_its_headers_and_the_path_with_its_query(there: Receiver) -> None:
    there.body = b"x" * 5_000
    answer = Outbound(local=LOCAL).post(there.url(), body=b"{}", headers={"webhook-id": "w1"})
    (got,) = there.got
    assert (got.path, got.body, got.headers["webhook-id"]) == ("/in?for=us", b"{}", "w1")
    assert got.headers["host"] == f"localhost:{there.port}"
    assert (answer.status, len(answer.beginning)) == (204, 0)


def test_of_an_answer_only_the_beginning_is_read(there: Receiver) -> None:
    there.status, there.body = 500, b"x" * 500_000
    answer = Outbound(local=LOCAL).post(there.url(), body=b"{}", headers={})
    assert (answer.status, answer.beginning) == (500, b"x" * 1024)


def test_a_redirect_is_an_answer_and_is_not_followed(there: Receiver) -> None:
    there.status, there.headers = 302, {"location": f"http://localhost:{there.port}/other"}
    assert send(there.url(), Outbound(local=LOCAL)) == 302
    assert len(there.got) == 1


@pytest.mark.parametrize("way", ["hangs", "drips"])
def test_a_server_that_takes_its_time_is_cut_off(there: Receiver, way: str) -> None:
    setattr(there, way, True)
    with pytest.raises(UnansweredError) as unanswered:
        send(there.url(), Outbound(local=LOCAL, patience=SHORT))
    assert unanswered.value.reason == "timeout"


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "::1", "169.254.169.254"])
def test_nothing_is_sent_to_a_name_with_an_address_that_is_not_public(address: str) -> None:
    outbound = Outbound(resolve=lambda _host, _port: ["8.8.8.8", address])
    with pytest.raises(ForbiddenTargetError):
        send(f"https://{NAME}/", outbound)


def test_a_name_that_nobody_knows_is_no_answer() -> None:
    def unknown(_host: str, _port: int) -> list[str]:
        raise OSError("no such name")

    with pytest.raises(UnansweredError) as unanswered:
        send(f"https://{NAME}/", Outbound(resolve=unknown))
    assert unanswered.value.reason == "name_not_found"


def test_a_port_at_which_nobody_listens_is_no_answer(there: Receiver) -> None:
    url = there.url().replace(str(there.port), "1")
    with pytest.raises(UnansweredError) as unanswered:
        send(url, Outbound(local=LOCAL, patience=SHORT))
    assert unanswered.value.reason == "no_connection"


class Rebound:
    """A name that means a public address when it is first asked for, and this machine later."""

    def __init__(self, first: str) -> None:
        self.first = first
        self.asked = 0

    def __call__(self, _host: str, _port: int) -> list[str]:
        self.asked += 1
        return [self.first if self.asked == 1 else "127.0.0.1"]


def test_the_address_that_was_checked_is_the_one_that_is_connected_to(
    there: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached: list[str] = []

    def refuse(address: tuple[str, int], _timeout: float) -> None:
        reached.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr("socket.create_connection", refuse)
    name = Rebound("8.8.8.8")
    with pytest.raises(UnansweredError):
        send(f"https://{NAME}/", Outbound(resolve=name))
    assert (reached, name.asked) == (["8.8.8.8"], 1)
    assert there.got == []


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return what a server of this name shows, and what a client that believes it holds."""
    key = ec.generate_private_key(ec.SECP256R1())
    own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)  # noqa: TID251 - TLS asks the machine's clock
    made = (
        x509.CertificateBuilder()
        .subject_name(own)
        .issuer_name(own)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    (folder / "key.pem").write_bytes(
        key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / "certificate.pem").write_bytes(made.public_bytes(encoding))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return server, ssl.create_default_context(cafile=str(folder / "certificate.pem"))


@pytest.mark.parametrize("host", [NAME, "other.example.com"])
def test_the_certificate_is_held_to_the_name_and_not_to_the_address(
    tmp_path: Path, host: str
) -> None:
    server, client = certificate(tmp_path, NAME)
    outbound = Outbound(
        resolve=lambda _host, _port: ["127.0.0.1"],
        local=LocalHosts(names=frozenset({host})),
        tls=lambda: client,
    )
    with receiver(tls=server) as there:
        url = there.url(host, scheme="https")
        if host == NAME:
            assert send(url, outbound) == 204
            return
        with pytest.raises(UnansweredError) as unanswered:
            send(url, outbound)
    assert (unanswered.value.reason, there.got) == ("tls", [])
