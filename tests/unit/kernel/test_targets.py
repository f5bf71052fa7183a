"""Where nobody may have us send requests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.targets import (
    ForbiddenTargetError,
    LocalHosts,
    Target,
    expect_public,
    is_public,
    target_of,
)

FORBIDDEN_URLS = [
    "http://example.com/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "//example.com/",
    "HTTPS://example.com/",
    "https://example.com:80/",
    "https://example.com:8443/",
    "https://example.com:0443443/",
    "https://user@example.com/",
    "https://user:word@example.com/",
    "https://example.com@10.0.0.1/",
    "https://example.com#@10.0.0.1/",
    "https://example.com\\@10.0.0.1/",
    "https://example.com /",
    "https://example.com/\r\nHost: 10.0.0.1",
    "https://example.com/\u00e9",
    "https://ex\u00e4mple.com/",
    "https://\u2460\u2461\u2466.0.0.1/",
    "https://example\u3002com/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://8.8.8.8/",
    "https://[::1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://[2002:0a00:0001::]/",
    "https://[64:ff9b::10.0.0.1]/",
    "https://[fe80::1%25eth0]/",
    "https://localhost/",
    "https://metadata/",
    "https://example.com./",
    "https://.example.com/",
    "https://-example.com/",
    "https://example.1/",
    "https:///example.com/",
    "https://",
    "",
    " https://example.com/",
    "https://example.com/" + "a" * 2048,
    "https://" + ".".join(["a" * 60] * 5) + ".com/",
]
NOT_PUBLIC = [
    "0.0.0.0",  # noqa: S104 - an address to refuse
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "203.0.113.7",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:8.8.8.8",
    "::8.8.8.8",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:808:808::1",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "localhost",
    "",
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001:80b::200e"]


@pytest.mark.parametrize("url", FORBIDDEN_URLS)
def test_a_url_of_another_form_is_refused(url: str) -> None:
    with pytest.raises(ForbiddenTargetError):
        target_of(url)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_is_not_public_is_refused_whatever_stands_beside_it(address: str) -> None:
    assert not is_public(address)
    with pytest.raises(ForbiddenTargetError):
        expect_public(["8.8.8.8", address])


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_one(address: str) -> None:
    assert is_public(address)


def test_a_host_without_an_address_is_refused() -> None:
    with pytest.raises(ForbiddenTargetError):
        expect_public([])


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://example.com", Target(host="example.com", port=443, path="/")),
        ("https://a.example.com:443/in?x=1&y=%20", None),
        ("https://xn--exmple-cua.com/", None),
    ],
)
def test_a_url_with_a_name_on_port_443_is_taken(url: str, target: Target | None) -> None:
    found = target_of(url)
    assert found.port == 443
    assert found.is_secure
    assert target in {None, found}


def test_a_local_run_reaches_its_own_names_alone() -> None:
    local = LocalHosts(names=frozenset({"localhost"}))
    found = target_of("http://localhost:9000/in", local=local)
    assert found == Target(host="localhost", port=9000, path="/in", is_secure=False)
    with pytest.raises(ForbiddenTargetError):
        target_of("http://example.com:9000/in", local=local)


@given(st.text())
def test_whatever_is_taken_leads_to_the_host_that_it_says(text: str) -> None:
    try:
        found = target_of(f"https://{text}")
    except ForbiddenTargetError:
        return
    assert text.startswith(found.host)
    assert text.removeprefix(found.host).removeprefix(":443") in {found.path, ""}
