"""The environment, read lazily and typed; the only module that may look."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache


class SettingMissingError(RuntimeError):
    """The function was deployed without a setting that it needs."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where this deployment keeps its things; each raises ``SettingMissingError`` when unset."""

    environment: Mapping[str, str]

    @property
    def registrations_table(self) -> str:
        """Return the name of the registrations table."""
        return self._need("REGISTRATIONS_TABLE")

    @property
    def contact_events_table(self) -> str:
        """Return the name of the ledger."""
        return self._need("CONTACT_EVENTS_TABLE")

    @property
    def contact_policy_table(self) -> str:
        """Return the name of the contact policy table."""
        return self._need("CONTACT_POLICY_TABLE")

    @property
    def push_table(self) -> str:
        """Return the name of the push table."""
        return self._need("PUSH_TABLE")

    @property
    def coupons_table(self) -> str:
        """Return the name of the coupons table."""
        return self._need("COUPONS_TABLE")

    @property
    def placements_table(self) -> str:
        """Return the name of the placements table."""
        return self._need("PLACEMENTS_TABLE")

    @property
    def push_queue_url(self) -> str:
        """Return the URL of the queue that feeds the sender."""
        return self._need("PUSH_QUEUE_URL")

    @property
    def plan_queue_url(self) -> str:
        """Return the URL of the queue that feeds the planner of campaigns."""
        return self._need("PLAN_QUEUE_URL")

    @property
    def advance_queue_url(self) -> str:
        """Return the URL of the queue of runs to take on."""
        return self._need("ADVANCE_QUEUE_URL")

    @property
    def import_queue_url(self) -> str:
        """Return the URL of the queue that feeds the worker of imports."""
        return self._need("IMPORT_QUEUE_URL")

    @property
    def code_queue_url(self) -> str:
        """Return the URL of the queue that feeds the worker of jobs about codes."""
        return self._need("CODE_QUEUE_URL")

    @property
    def publication_queue_url(self) -> str:
        """Return the URL of the queue that feeds the worker who gives coupons away."""
        return self._need("PUBLICATION_QUEUE_URL")

    @property
    def files_bucket(self) -> str:
        """Return the name of the bucket of files that come and go."""
        return self._need("FILES_BUCKET")

    @property
    def code_files_bucket(self) -> str:
        """Return the name of the bucket of codes that come and go."""
        return self._need("CODE_FILES_BUCKET")

    @property
    def snapshots_bucket(self) -> str:
        """Return the name of the bucket of what decisions about ads are made from."""
        return self._need("SNAPSHOTS_BUCKET")

    @property
    def decisions_bucket(self) -> str:
        """Return the name of the bucket of decisions about ads."""
        return self._need("DECISIONS_BUCKET")

    @property
    def archive_bucket(self) -> str:
        """Return the name of the bucket of the archive."""
        return self._need("ARCHIVE_BUCKET")

    @property
    def decision_queue_url(self) -> str:
        """Return the URL of the queue of decisions to file."""
        return self._need("DECISION_QUEUE_URL")

    @property
    def event_bus(self) -> str:
        """Return the name of the bus that carries contact events."""
        return self._need("EVENT_BUS")

    @property
    def device_token_secret(self) -> str:
        """Return the ARN of the secret that signs device tokens."""
        return self._need("DEVICE_TOKEN_SECRET")

    @property
    def identifier_secret(self) -> str:
        """Return the ARN of the secret that hides identifiers."""
        return self._need("IDENTIFIER_SECRET")

    @property
    def code_secret(self) -> str:
        """Return the ARN of the secret that hides coupon codes."""
        return self._need("CODE_SECRET")

    @property
    def encryption_secret(self) -> str:
        """Return the ARN of the secret that wraps the contacts' data keys."""
        return self._need("ENCRYPTION_SECRET")

    @property
    def oidc_issuer(self) -> str:
        """Return the issuer of the marketers' tokens: the deployment's own user pool."""
        return self._need("OIDC_ISSUER")

    @property
    def oidc_audience(self) -> str:
        """Return the audience of the marketers' tokens: the user pool's client."""
        return self._need("OIDC_AUDIENCE")

    @property
    def public_url(self) -> str | None:
        """Return where people reach the API, if that was said."""
        return self.environment.get("PUBLIC_URL") or None

    @property
    def webhook_local_hosts(self) -> frozenset[str]:
        """Return the hosts of a local run that webhooks may reach as they are; on AWS none."""
        return frozenset(self.environment.get("WEBHOOK_LOCAL_HOSTS", "").split())

    @property
    def operator_role_arn(self) -> str | None:
        """Return the IAM role that operates the deployment before any grant exists."""
        return self.environment.get("OPERATOR_ROLE_ARN") or None

    @property
    def service_version(self) -> str:
        """Return the version that was deployed."""
        return self.environment.get("SERVICE_VERSION", "unknown")

    def _need(self, name: str) -> str:
        try:
            return self.environment[name]
        except KeyError:
            raise SettingMissingError(f"{name} is not set in this function") from None


@cache
def settings() -> Settings:
    """Return the settings of this process."""
    return Settings(os.environ)  # noqa: TID251 - the one reader
