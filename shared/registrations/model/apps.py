"""An app: a tenant's mobile app, its defaults, its push credentials, whom it trusts."""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from shared.kernel.errors import FieldProblem, InvalidFieldsError
from shared.kernel.principal import Issuer
from shared.kernel.zones import is_zone
from shared.registrations.model.identifiers import NAMESPACES

_COUNTRY = re.compile(r"[A-Za-z]{2}")
_ORG = re.compile(r"[a-z][a-z0-9-]*(\.[a-z0-9-]+)+")


class Platform(StrEnum):
    """Where an app runs."""

    IOS = "ios"
    ANDROID = "android"
    WEB = "web"


class AppCheckMode(StrEnum):
    """What a missing or wrong Firebase App Check token leads to at a first registration."""

    OFF = "off"
    MONITOR = "monitor"
    ENFORCE = "enforce"


class AppCheckVerdict(StrEnum):
    """What became of a registration's App Check token; told in its event, for monitoring."""

    NOT_ASKED = "not_asked"
    MISSING = "missing"
    INVALID = "invalid"
    VALID = "valid"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppCheck:
    """Firebase App Check: its project's number, and the Firebase app ids it may vouch for."""

    mode: AppCheckMode = AppCheckMode.OFF
    project_number: str | None = None
    firebase_app_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fcm:
    """Where pushes go: the Firebase project, and the secret that holds its credentials."""

    project_id: str
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignLimits:
    """What an app asks of its push campaigns; ``None`` is no limit.

    An audience of more than ``approval_above`` devices needs a second person's approval. At most
    ``sends_per_day`` messages are planned for a day in the app's zone.
    """

    approval_above: int | None = None
    sends_per_day: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """One app of a tenant. ``org`` stands before the type of its events, in reverse DNS form.

    ``kept_identifiers`` are the namespaces whose values the app keeps, encrypted; of all others it
    knows a keyed hash and what is shown of it.
    """

    app_id: str
    name: str
    org: str
    platforms: tuple[Platform, ...]
    default_locale: str
    default_timezone: str
    fcm: Fcm | None = None
    issuers: tuple[Issuer, ...] = ()
    app_check: AppCheck = AppCheck()
    policy: str | None = None
    kept_identifiers: tuple[str, ...] = ()
    campaign_limits: CampaignLimits = CampaignLimits()
    created_at: datetime
    version: int = 1

    def __post_init__(self) -> None:
        problems = [
            *_org_problems(self.org),
            *zone_problems(self.default_timezone, "/default_timezone"),
            *_kept_problems(self.kept_identifiers),
        ]
        check = self.app_check
        if check.mode is not AppCheckMode.OFF and not (
            check.project_number and check.firebase_app_ids
        ):
            problems.append(
                FieldProblem(
                    pointer="/app_check",
                    code="incomplete",
                    detail="monitor and enforce need project_number and firebase_app_ids",
                )
            )
        if problems:
            raise InvalidFieldsError("the app is not well described", fields=problems)

    @property
    def default_country(self) -> str | None:
        """Return the country of the default locale (ISO 3166-1 alpha-2), if it names one."""
        return country_of(self.default_locale)

    def changed_by(self, changes: dict[str, Any]) -> tuple["App", tuple[str, ...]]:
        """Return the app with ``changes``, and the names of those that differ.

        Raises:
            InvalidFieldsError: the result breaks a rule.
        """
        differing = tuple(
            sorted(name for name, value in changes.items() if getattr(self, name) != value)
        )
        if not differing:
            return self, ()
        return replace(self, **changes, version=self.version + 1), differing


def country_of(locale: str) -> str | None:
    """Return the country of a locale (ISO 3166-1 alpha-2), if it names one."""
    parts = re.split("[-_]", locale)[1:]
    return next((part.upper() for part in parts if _COUNTRY.fullmatch(part)), None)


def zone_problems(zone: str, pointer: str) -> list[FieldProblem]:
    """Return what is wrong with a time zone's name; nothing if it is one of IANA's."""
    if is_zone(zone):
        return []
    return [FieldProblem(pointer=pointer, code="timezone", detail="not an IANA time zone")]


def _org_problems(org: str) -> list[FieldProblem]:
    if _ORG.fullmatch(org):
        return []
    detail = "reverse DNS in lower case, such as com.example"
    return [FieldProblem(pointer="/org", code="org", detail=detail)]


def _kept_problems(kept: tuple[str, ...]) -> list[FieldProblem]:
    allowed = [name for name, found in NAMESPACES.items() if found.may_be_kept]
    return [
        FieldProblem(
            pointer=f"/kept_identifiers/{place}",
            code="namespace",
            detail=f"one of {', '.join(allowed)}",
        )
        for place, name in enumerate(kept)
        if name not in allowed
    ]
