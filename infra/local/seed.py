"""Gives a fresh deployment what a first look needs: an app, marketers of every role, a device."""

import json
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from infra.local.api import ApiCaller, RefusedError
from infra.local.aws import Cloud, issuer_of
from infra.local.people import People
from shared.kernel.clock import Clock, milliseconds

APP_NAME = "Engage demo"
FCM_SECRET = "engage/fcm/local"  # noqa: S105 - the name of a secret
MARKETERS = {
    "admin": "operators",
    "sender": "senders",
    "editor": "editors",
    "viewer": "viewers",
}
"""Role -> the user pool's group that holds it; operators are admins of every app."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone:
    """A registered device, as a phone remembers itself."""

    device_id: str
    contact_id: str
    token: str = field(repr=False)
    address: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeds:
    """What was sown; tokens are fresh, and live as long as their issuers say."""

    app_id: str
    phone: Phone
    role_tokens: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeder:
    """Sows once, and finds what it has sown: whatever is there already stays as it is."""

    cloud: Cloud
    outputs: Mapping[str, str]
    base_url: str
    fcm: Mapping[str, Any]
    clock: Clock

    @property
    def issuer(self) -> str:
        """The issuer of the marketers' tokens, as Amazon Cognito writes it."""
        return issuer_of(self.outputs["UserPoolId"])

    def seed(self, *, known_phone: Mapping[str, Any] | None) -> Seeds:
        """Sow; ``known_phone`` is the phone of last time, which has the token to say who it is.

        Raises:
            LocalStackError: the API refused a step.
        """
        self._allow_operators()
        self._keep_fcm_credentials()
        tokens = {role: self._marketer(role, group) for role, group in MARKETERS.items()}
        with httpx.Client(base_url=self.base_url, timeout=60) as client:
            operator = ApiCaller(client, tokens["admin"])
            app_id = self._app(operator)
            for role, group in MARKETERS.items():
                if role != "admin":
                    principal = f"{self.issuer}#group/{group}"
                    grant = {"principal": principal, "app_id": app_id, "role": role}
                    operator.put("/v1/grants", grant)
            phone = self._phone(client, app_id, known_phone)
        return Seeds(app_id=app_id, phone=phone, role_tokens=tokens)

    def _allow_operators(self) -> None:
        """Write the first grant as an item: on AWS the operator's role comes by CDK context."""
        self.cloud.client("dynamodb").put_item(
            TableName=self.outputs["RegistrationsTable"],
            Item={
                "pk": {"S": f"GRANT#{self.issuer}#group/{MARKETERS['admin']}"},
                "sk": {"S": "APP#*"},
                "role": {"S": "admin"},
            },
        )

    def _keep_fcm_credentials(self) -> None:
        """Point the very same sender at the stand-in, by data: credentials, endpoint, authority."""
        value = json.dumps(
            {
                "service_account": json.loads(Path(self.fcm["service_account"]).read_text()),
                "endpoint": self.fcm["url"],
                "ca_pem": Path(self.fcm["ca"]).read_text(),
            }
        )
        keeper = self.cloud.client("secretsmanager")
        try:
            keeper.create_secret(Name=FCM_SECRET, SecretString=value)
        except keeper.exceptions.ResourceExistsException:
            if keeper.get_secret_value(SecretId=FCM_SECRET)["SecretString"] != value:
                keeper.put_secret_value(SecretId=FCM_SECRET, SecretString=value)

    def _marketer(self, role: str, group: str) -> str:
        """Make a marketer of a role unless there is one, and return an ID token of theirs."""
        cognito, pool = self.cloud.client("cognito-idp"), self.outputs["UserPoolId"]
        with suppress(cognito.exceptions.GroupExistsException):
            cognito.create_group(UserPoolId=pool, GroupName=group)
        people = People(cognito=cognito, pool_id=pool, client_id=self.outputs["UserPoolClientId"])
        name = people.add(role)
        cognito.admin_add_user_to_group(UserPoolId=pool, Username=name, GroupName=group)
        return people.token(role)

    def _app(self, operator: ApiCaller) -> str:
        for app in operator.items("/v1/apps"):
            if app["name"] == APP_NAME:
                return str(app["app_id"])
        project = json.loads(Path(self.fcm["service_account"]).read_text())["project_id"]
        created = operator.post(
            "/v1/apps",
            {
                "name": APP_NAME,
                "org": "com.example",
                "platforms": ["android", "ios"],
                "default_locale": "en",
                "default_timezone": "Europe/London",
                "fcm": {"project_id": project, "secret": FCM_SECRET},
            },
        )
        return str(created["app_id"])

    def _phone(self, client: httpx.Client, app_id: str, known: Mapping[str, Any] | None) -> Phone:
        seq = milliseconds(self.clock())
        if known:
            # An emulator that was killed forgot the phone, and the key that signed its token.
            with suppress(RefusedError):
                device_id, token = known["device_id"], known["token"]
                return register_phone(client, app_id, device_id, seq=seq, token=token)
        return register_phone(client, app_id, f"demo-phone-{secrets.token_hex(3)}", seq=seq)


def register_phone(
    client: httpx.Client, app_id: str, device_id: str, *, seq: int, token: str | None = None
) -> Phone:
    """Register a phone, or refresh it with the token that it got before.

    Raises:
        RefusedError: the API does not take it.
    """
    address = {"kind": "fid", "value": f"fid-of-{device_id}"}
    said = ApiCaller(client, token).put(
        f"/v1/apps/{app_id}/devices/{device_id}", phone_body(address, seq=seq)
    )
    return Phone(
        device_id=device_id,
        contact_id=said["contact_id"],
        token=said["device_token"],
        address=address,
    )


def phone_body(address: Mapping[str, str], *, seq: int) -> dict[str, Any]:
    """Return what the demo phone says of itself; the highest ``client_seq`` wins."""
    return {
        "platform": "android",
        "address": dict(address),
        "locale": "en-GB",
        "timezone": "Europe/London",
        "app_version": "1.0.0",
        "push_permission": "granted",
        "client_seq": seq,
    }


def push_body(device_id: str) -> dict[str, Any]:
    """Return a marketer's first push, to one device."""
    return {
        "recipients": [{"device_id": device_id}],
        "content": {"title": "Hello from Engage", "body": "This push is one contact event."},
    }
