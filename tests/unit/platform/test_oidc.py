"""OIDC tokens: which hold, and how often their issuer is asked for keys."""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm

from shared.kernel.clock import system_clock
from shared.kernel.principal import Issuer
from shared.platform.auth.errors import UnauthenticatedError
from shared.platform.auth.oidc import (
    KEYS_FRESH_SECONDS,
    MISS_PAUSE_SECONDS,
    IssuerUnreachableError,
    JwksKeySource,
    TokenVerifier,
)
from tests.fakes.issuer import OidcIssuer

URL = "https://issuer.example"
KEYS_URL = f"{URL}/keys"
ISSUER = Issuer(issuer=URL, audiences=("app", "site"), jwks_uri=KEYS_URL)


@dataclass
class Web:
    """What is published where, and what was asked for."""

    pages: dict[str, Mapping[str, Any]]
    asked: list[str] = field(default_factory=list)

    def fetch(self, url: str) -> Mapping[str, Any]:
        self.asked.append(url)
        try:
            return self.pages[url]
        except KeyError:
            raise IssuerUnreachableError(url) from None


@dataclass
class Seconds:
    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def signer() -> OidcIssuer:
    return OidcIssuer(URL, audience="app")


@pytest.fixture
def web(signer: OidcIssuer) -> Web:
    return Web({KEYS_URL: signer.jwks()})


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def verifier(web: Web, seconds: Seconds) -> TokenVerifier:
    return TokenVerifier(keys=JwksKeySource(fetch=web.fetch, monotonic=seconds))


def encoded(part: Any) -> str:
    return urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def decoded(part: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def with_header(token: str, **changes: Any) -> str:
    """Return the token with another header, signed as before."""
    header, payload, signature = token.split(".")
    changed = {k: v for k, v in {**decoded(header), **changes}.items() if v is not None}
    return f"{encoded(changed)}.{payload}.{signature}"


def with_claims(token: str, **changes: Any) -> str:
    """Return the token with other claims, signed as before."""
    header, payload, signature = token.split(".")
    return f"{header}.{encoded({**decoded(payload), **changes})}.{signature}"


def signed_with_the_public_key(signer: OidcIssuer) -> str:
    """Return a token whose HMAC key is what everybody knows: the issuer's public key."""
    (published,) = signer.jwks()["keys"]
    public: rsa.RSAPublicKey = jwt.PyJWK(published).key
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header, payload, _ = with_header(signer.token(), alg="HS256").split(".")
    digest = hmac.digest(pem, f"{header}.{payload}".encode(), sha256)
    return f"{header}.{payload}.{urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def soon(seconds: float) -> Any:
    return system_clock() + timedelta(seconds=seconds)


BAD: dict[str, Callable[[OidcIssuer], str]] = {
    "nothing": lambda _: "",
    "expired": lambda signer: signer.token(exp=soon(-1)),
    "for another audience": lambda signer: signer.token(aud="another app"),
    "for other audiences": lambda signer: signer.token(aud=["another app", "apps"]),
    "of another issuer": lambda signer: signer.token(iss="https://evil.example"),
    "of an issuer with a slash more": lambda signer: signer.token(iss=f"{URL}/"),
    "signed by another key": lambda signer: signer.token(signed_by="another key"),
    "alg none, unsigned": lambda signer: (
        with_header(signer.token(), alg="none").rpartition(".")[0] + "."
    ),
    "alg none, signed": lambda signer: with_header(signer.token(), alg="none"),
    "alg None": lambda signer: with_header(signer.token(), alg="None"),
    "no alg": lambda signer: with_header(signer.token(), alg=None),
    "alg of another family": lambda signer: with_header(signer.token(), alg="ES256"),
    "alg of the same family": lambda signer: with_header(signer.token(), alg="PS256"),
    "HS256 with the public key": signed_with_the_public_key,
    "another subject than was signed": lambda signer: with_claims(signer.token(), sub="eve"),
    "another expiry than was signed": lambda signer: with_claims(signer.token(), exp=2**40),
    "not valid yet": lambda signer: signer.token(nbf=soon(600)),
    "issued in the future": lambda signer: signer.token(iat=soon(600)),
    "without expiry": lambda signer: signer.token(exp=None),
    "without audience": lambda signer: signer.token(aud=None),
    "without issuer": lambda signer: signer.token(iss=None),
    "without subject": lambda signer: signer.token(sub=None),
    "a subject that is a number": lambda signer: signer.token(sub=7),
    "an expiry that is a word": lambda signer: signer.token(exp="never"),
    "an audience that is an object": lambda signer: signer.token(aud={"app": "app"}),
    "signed by an unknown key": lambda signer: with_header(signer.token(), kid="k2"),
    "without key id": lambda signer: with_header(signer.token(), kid=None),
    "a key id that is a number": lambda signer: with_header(signer.token(), kid=1),
    "a key id that is a list": lambda signer: with_header(signer.token(), kid=["k1"]),
    "unknown critical header": lambda signer: with_header(signer.token(), crit=["b64"]),
    "garbage": lambda _: "not a token",
    "garbage in three parts": lambda _: "a.b.c",
    "a list as claims": lambda signer: with_claims_of(signer, []),
    "a list as header": lambda signer: f"{encoded([])}.{signer.token().partition('.')[2]}",
    "letters beyond ASCII": lambda signer: signer.token() + "é",
    "half a surrogate pair": lambda signer: signer.token() + "\ud800",
    "without signature": lambda signer: signer.token().rpartition(".")[0] + ".",
    "a part more": lambda signer: signer.token() + ".e30",
    "too long": lambda signer: signer.token(note="x" * 16_384),
}


def with_claims_of(signer: OidcIssuer, claims: Any) -> str:
    header, _, signature = signer.token().split(".")
    return f"{header}.{encoded(claims)}.{signature}"


@pytest.mark.parametrize("name", BAD)
def test_a_bad_token_is_refused(verifier: TokenVerifier, signer: OidcIssuer, name: str) -> None:
    with pytest.raises(UnauthenticatedError):
        verifier.verify(BAD[name](signer), ISSUER)


def test_a_good_token_tells_its_claims(verifier: TokenVerifier, signer: OidcIssuer) -> None:
    assert verifier.verify(signer.token("ada"), ISSUER)["sub"] == "ada"


@pytest.mark.parametrize("audience", ["app", "site", ["site"], ["elsewhere", "app"]])
def test_each_of_the_audiences_will_do(
    verifier: TokenVerifier, signer: OidcIssuer, audience: str | list[str]
) -> None:
    assert verifier.verify(signer.token(aud=audience), ISSUER)["aud"] == audience


def test_a_token_may_be_signed_by_an_elliptic_key(web: Web, verifier: TokenVerifier) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    public = json.loads(ECAlgorithm.to_jwk(private.public_key()))
    web.pages[KEYS_URL] = {"keys": [{**public, "kid": "e1", "alg": "ES256"}]}
    claims = {"iss": URL, "aud": "app", "sub": "ada", "exp": soon(60)}
    token = jwt.encode(claims, private, algorithm="ES256", headers={"kid": "e1"})
    assert verifier.verify(token, ISSUER)["sub"] == "ada"


def test_a_token_is_chosen_by_issuer_and_audience(
    verifier: TokenVerifier, signer: OidcIssuer
) -> None:
    elsewhere = Issuer(issuer="https://elsewhere.example", audiences=("app",))
    narrow = Issuer(issuer=URL, audiences=("another",))
    assert verifier.choose(signer.token(), [elsewhere, narrow, ISSUER]) is ISSUER
    assert verifier.choose(signer.token(), [elsewhere, narrow]) is None
    assert verifier.choose(signer.token(aud=None), [ISSUER]) is None
    assert verifier.choose(signer.token(iss=None), [ISSUER]) is None


@pytest.mark.parametrize("audience", [5, True, [["app"]], [{"app": 1}], {"app": 1}], ids=str)
def test_an_audience_of_no_known_shape_chooses_nobody(
    verifier: TokenVerifier, signer: OidcIssuer, audience: Any
) -> None:
    """Anybody may write such a token: nothing is verified yet when an issuer is chosen."""
    assert verifier.choose(with_claims(signer.token(), aud=audience), [ISSUER]) is None


def test_keys_are_fetched_once(web: Web, verifier: TokenVerifier, signer: OidcIssuer) -> None:
    for _ in range(5):
        verifier.verify(signer.token(), ISSUER)
    assert web.asked == [KEYS_URL]


def test_a_new_key_is_fetched_when_a_token_names_it(
    web: Web, seconds: Seconds, verifier: TokenVerifier, signer: OidcIssuer
) -> None:
    verifier.verify(signer.token(), ISSUER)
    newer = OidcIssuer(URL, audience="app", key_id="k2")
    web.pages[KEYS_URL] = {"keys": [*signer.jwks()["keys"], *newer.jwks()["keys"]]}
    seconds.now += MISS_PAUSE_SECONDS
    verifier.verify(newer.token(), ISSUER)
    assert web.asked == [KEYS_URL] * 2
    verifier.verify(signer.token(), ISSUER)
    assert web.asked == [KEYS_URL] * 2


def test_unknown_keys_ask_the_issuer_once_a_minute_at_most(
    web: Web, seconds: Seconds, verifier: TokenVerifier, signer: OidcIssuer
) -> None:
    verifier.verify(signer.token(), ISSUER)
    made_up = with_header(signer.token(), kid="made up")
    for _ in range(60):
        with pytest.raises(UnauthenticatedError):
            verifier.verify(made_up, ISSUER)
        seconds.now += 1
    assert len(web.asked) == 1
    for _ in range(60):
        with pytest.raises(UnauthenticatedError):
            verifier.verify(made_up, ISSUER)
        seconds.now += 1
    assert len(web.asked) == 2


def test_keys_are_fetched_again_after_an_hour(
    web: Web, seconds: Seconds, verifier: TokenVerifier, signer: OidcIssuer
) -> None:
    verifier.verify(signer.token(), ISSUER)
    seconds.now += KEYS_FRESH_SECONDS - 1
    verifier.verify(signer.token(), ISSUER)
    assert len(web.asked) == 1
    seconds.now += 1
    verifier.verify(signer.token(), ISSUER)
    assert len(web.asked) == 2


def test_a_key_that_its_issuer_withdrew_is_refused_within_the_hour(
    web: Web, seconds: Seconds, verifier: TokenVerifier, signer: OidcIssuer
) -> None:
    verifier.verify(signer.token(), ISSUER)
    web.pages[KEYS_URL] = OidcIssuer(URL, audience="app", key_id="k2").jwks()
    seconds.now += KEYS_FRESH_SECONDS
    with pytest.raises(UnauthenticatedError):
        verifier.verify(signer.token(), ISSUER)


def test_issuers_do_not_share_keys(web: Web, verifier: TokenVerifier, signer: OidcIssuer) -> None:
    verifier.verify(signer.token(), ISSUER)
    other = Issuer(
        issuer="https://other.example", audiences=("app",), jwks_uri="https://other.example/keys"
    )
    web.pages["https://other.example/keys"] = OidcIssuer(
        other.issuer, audience="app", key_id="k2"
    ).jwks()
    with pytest.raises(UnauthenticatedError):
        verifier.verify(signer.token(iss=other.issuer), other)
    assert web.asked == [KEYS_URL, "https://other.example/keys"]


def test_discovery_tells_where_the_keys_lie(
    web: Web, verifier: TokenVerifier, signer: OidcIssuer
) -> None:
    discovery = f"{URL}/.well-known/openid-configuration"
    web.pages[discovery] = {"issuer": URL, "jwks_uri": KEYS_URL}
    discovered = Issuer(issuer=URL, audiences=("app",))
    assert verifier.verify(signer.token(), discovered)["sub"] == "ada"
    assert web.asked == [discovery, KEYS_URL]


@pytest.mark.parametrize(
    "document", [{}, {"jwks_uri": None}, {"jwks_uri": "http://issuer.example/keys"}], ids=str
)
def test_discovery_must_name_https_keys(
    web: Web, verifier: TokenVerifier, signer: OidcIssuer, document: dict[str, Any]
) -> None:
    web.pages[f"{URL}/.well-known/openid-configuration"] = document
    with pytest.raises(IssuerUnreachableError):
        verifier.verify(signer.token(), Issuer(issuer=URL, audiences=("app",)))


@pytest.mark.parametrize(
    "published", [{}, {"keys": []}, {"keys": [{"kty": "RSA"}]}, {"keys": "none"}], ids=str
)
def test_an_issuer_without_usable_keys_vouches_for_nobody(
    web: Web, verifier: TokenVerifier, signer: OidcIssuer, published: dict[str, Any]
) -> None:
    web.pages[KEYS_URL] = published
    with pytest.raises(IssuerUnreachableError):
        verifier.verify(signer.token(), ISSUER)


def test_an_issuer_that_does_not_answer_vouches_for_nobody(
    web: Web, verifier: TokenVerifier, signer: OidcIssuer
) -> None:
    web.pages.clear()
    with pytest.raises(IssuerUnreachableError):
        verifier.verify(signer.token(), ISSUER)
