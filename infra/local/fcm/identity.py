"""Who the stand-in is: its certificate authority, its server certificate, its service account.

They lie in one folder and are made once, so that a restarted stack keeps the trust it had.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PROJECT = "engage-local"
CLIENT_EMAIL = f"push@{PROJECT}.iam.gserviceaccount.com"

_VALIDITY = timedelta(days=3650)
_MARGIN = timedelta(days=30)
_OWNER_ONLY = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The files of the stand-in, in ``folder``."""

    folder: Path

    @classmethod
    def kept_in(cls, folder: Path) -> Self:
        """Return the identity kept in ``folder``, made anew if missing or about to expire."""
        identity = cls(folder=folder)
        folder.mkdir(parents=True, exist_ok=True)
        if not identity._is_usable():
            identity._make_certificates()
        if not identity._account_key.exists():
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            _write_private(identity._account_key, _pem(key))
        return identity

    @property
    def ca(self) -> Path:
        """Return the file of the authority that clients must trust."""
        return self.folder / "ca.pem"

    @property
    def certificate(self) -> Path:
        """Return the file of the server's certificate, for localhost and 127.0.0.1."""
        return self.folder / "server.pem"

    @property
    def key(self) -> Path:
        """Return the file of the server's key."""
        return self.folder / "server-key.pem"

    @property
    def service_account(self) -> Path:
        """Return the file that ``write_service_account`` writes."""
        return self.folder / "service-account.json"

    @property
    def _account_key(self) -> Path:
        return self.folder / "service-account-key.pem"

    def account_public_key(self) -> rsa.RSAPublicKey:
        """Return the key that checks the service account's assertions."""
        key = serialization.load_pem_private_key(self._account_key.read_bytes(), password=None)
        if not isinstance(key, rsa.RSAPrivateKey):
            message = f"{self._account_key} holds no RSA key; delete it to have one made"
            raise TypeError(message)
        return key.public_key()

    def write_service_account(self, url: str) -> dict[str, Any]:
        """Write, and return, the service account whose tokens the server at ``url`` issues."""
        account = {
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": "engage-local-1",
            "private_key": self._account_key.read_text(),
            "client_email": CLIENT_EMAIL,
            "client_id": "100000000000000000001",
            "token_uri": f"{url}/token",
        }
        _write_private(self.service_account, json.dumps(account, indent=2).encode())
        return account

    def _is_usable(self) -> bool:
        if not all(path.exists() for path in (self.ca, self.certificate, self.key)):
            return False
        certificate = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        return certificate.not_valid_after_utc > _now() + _MARGIN

    def _make_certificates(self) -> None:
        authority_key = ec.generate_private_key(ec.SECP256R1())
        server_key = ec.generate_private_key(ec.SECP256R1())
        authority = _name("Engage local FCM authority")
        names = [x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1"))]
        ca = _certificate(
            authority,
            authority_key.public_key(),
            issuer=authority,
            issuer_key=authority_key,
            extensions=[
                (x509.BasicConstraints(ca=True, path_length=0), True),
                (_key_usage(signs_certificates=True), True),
                (x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), False),
            ],
        )
        server = _certificate(
            _name("localhost"),
            server_key.public_key(),
            issuer=authority,
            issuer_key=authority_key,
            extensions=[
                (x509.BasicConstraints(ca=False, path_length=None), True),
                (_key_usage(signs_certificates=False), True),
                (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
                (x509.SubjectAlternativeName(names), False),
                (
                    x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
                    False,
                ),
            ],
        )
        self.ca.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
        self.certificate.write_bytes(server.public_bytes(serialization.Encoding.PEM))
        _write_private(self.key, _pem(server_key))


def _certificate(
    subject: x509.Name,
    key: ec.EllipticCurvePublicKey,
    *,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    extensions: Sequence[tuple[x509.ExtensionType, bool]],
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_now() - timedelta(days=1))
        .not_valid_after(_now() + _VALIDITY)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(issuer_key, hashes.SHA256())


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: PrivateKeyTypes) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write_private(path: Path, content: bytes) -> None:
    path.touch(mode=_OWNER_ONLY)
    path.write_bytes(content)


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - certificates are dated by the laptop's clock
