"""The emulator's AWS, as the stack's own commands see it: root, in one region, on loopback."""

from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config

REGION = "us-east-1"
ACCOUNT = "000000000000"
ACCESS_KEY = SECRET_KEY = "test"  # noqa: S105 - what the emulator calls root; it guards nothing


@dataclass(frozen=True, slots=True)
class Cloud:
    """Clients of one emulator, made once each."""

    endpoint: str
    _session: boto3.Session = field(
        default_factory=lambda: boto3.Session(ACCESS_KEY, SECRET_KEY, region_name=REGION),
        compare=False,
        repr=False,
    )
    _clients: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def client(self, service: str) -> Any:
        """Return the boto3 client of a service, for example ``dynamodb``."""
        if service not in self._clients:
            self._clients[service] = self._session.client(  # type: ignore[call-overload] # any service
                service,
                endpoint_url=self.endpoint,
                config=Config(retries={"mode": "standard", "max_attempts": 3}, read_timeout=120),
            )
        return self._clients[service]

    def functions(self) -> dict[str, str]:
        """Return the deployed functions: the name of the folder they come from -> Lambda's name."""
        pages = self.client("lambda").get_paginator("list_functions").paginate()
        return {
            names["POWERTOOLS_SERVICE_NAME"]: function["FunctionName"]
            for page in pages
            for function in page["Functions"]
            if "POWERTOOLS_SERVICE_NAME"
            in (names := function.get("Environment", {}).get("Variables", {}))
        }


def issuer_of(pool_id: str) -> str:
    """Return the issuer of a user pool's tokens, as Amazon Cognito writes it."""
    return f"https://cognito-idp.{REGION}.amazonaws.com/{pool_id}"
