"""Apps and grants, on the wire."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import Field

from functions.registrations_api.schemas import AnyApp, Locale, PrincipalName, Word, Zone
from shared.kernel.principal import Issuer, Role
from shared.platform.http.schemas import In, Out
from shared.registrations.model.apps import (
    App,
    AppCheck,
    AppCheckMode,
    CampaignLimits,
    Fcm,
    Platform,
)


class FcmIn(In):
    """Where an app's pushes go."""

    project_id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.:-]{3,62}$")]
    secret: Annotated[
        str,
        Field(
            pattern=r"^engage/fcm/[A-Za-z0-9/_+=.@-]{1,200}$",
            description="Name of the secret with the credentials.",
        ),
    ]


class IssuerIn(In):
    """An OIDC issuer whose tokens say who a contact is."""

    issuer: Annotated[str, Field(max_length=256, pattern=r"^https://[!\"$-~]+$")]
    audiences: Annotated[tuple[Word, ...], Field(min_length=1, max_length=10)]


class AppCheckIn(In):
    """Firebase App Check."""

    mode: AppCheckMode = AppCheckMode.OFF
    project_number: Annotated[str | None, Field(pattern=r"^[0-9]{1,20}$")] = None
    firebase_app_ids: Annotated[tuple[Word, ...], Field(max_length=20)] = ()


class CampaignLimitsIn(In):
    """What an app asks of its push campaigns; what is null has no limit."""

    approval_above: Annotated[int | None, Field(ge=0, le=1_000_000_000)] = Field(
        default=None,
        description="A larger audience needs the approval of a second person, who types the"
        " campaign's name.",
    )
    sends_per_day: Annotated[int | None, Field(ge=1, le=1_000_000_000)] = Field(
        default=None, description="Messages of campaigns that a day in the app's zone may have."
    )


class AppSettingsIn(In):
    """Settings that a change of an app may carry; what is left out stays."""

    name: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    platforms: Annotated[tuple[Platform, ...], Field(min_length=1, max_length=3)] | None = None
    default_locale: Locale | None = None
    default_timezone: Zone | None = None
    fcm: FcmIn | None = None
    issuers: Annotated[tuple[IssuerIn, ...], Field(max_length=10)] | None = None
    app_check: AppCheckIn | None = None
    policy: Word | None = None
    kept_identifiers: (
        Annotated[
            tuple[Annotated[str, Field(pattern=r"^(customer|email|phone)$")], ...],
            Field(max_length=3, description="Namespaces whose values are kept, encrypted."),
        ]
        | None
    ) = None
    campaign_limits: CampaignLimitsIn | None = None

    def settings(self) -> dict[str, Any]:
        """Return the settings that were sent, in the words of the model."""
        sent = {name: getattr(self, name) for name in self.model_fields_set}
        if self.fcm:
            sent["fcm"] = Fcm(project_id=self.fcm.project_id, secret=self.fcm.secret)
        if self.issuers is not None:
            sent["issuers"] = tuple(
                Issuer(issuer=one.issuer, audiences=one.audiences) for one in self.issuers
            )
        if self.app_check:
            sent["app_check"] = AppCheck(**self.app_check.model_dump())
        if self.campaign_limits:
            sent["campaign_limits"] = CampaignLimits(**self.campaign_limits.model_dump())
        return {
            name: value for name, value in sent.items() if value is not None or name in _NULLABLE
        }


_NULLABLE = frozenset({"fcm", "policy"})


class AppIn(AppSettingsIn):
    """A new app."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    org: Annotated[
        str,
        Field(
            max_length=100,
            pattern=r"^[a-z][a-z0-9-]*(\.[a-z0-9-]+)+$",
            description="Reverse DNS name that stands before the app's event types; never changes.",
            examples=["com.example"],
        ),
    ]
    platforms: Annotated[tuple[Platform, ...], Field(min_length=1, max_length=3)]
    default_locale: Locale = "en"
    default_timezone: Zone = "UTC"


class FcmOut(Out):
    """Where an app's pushes go."""

    project_id: str
    secret: str


class IssuerOut(Out):
    """An OIDC issuer whose tokens say who a contact is."""

    issuer: str
    audiences: tuple[str, ...]


class AppCheckOut(Out):
    """Firebase App Check."""

    mode: AppCheckMode
    project_number: str | None
    firebase_app_ids: tuple[str, ...]


class CampaignLimitsOut(Out):
    """What an app asks of its push campaigns."""

    approval_above: int | None
    sends_per_day: int | None


class AppOut(Out):
    """An app."""

    app_id: str
    name: str
    org: str
    platforms: tuple[Platform, ...]
    default_locale: str
    default_timezone: str
    fcm: FcmOut | None
    issuers: tuple[IssuerOut, ...]
    app_check: AppCheckOut
    policy: str | None
    kept_identifiers: tuple[str, ...]
    campaign_limits: CampaignLimitsOut
    created_at: datetime
    version: int

    @classmethod
    def of(cls, app: App) -> Self:
        """Render an app."""
        return cls.model_validate(app, from_attributes=True)


class AppsOut(Out):
    """A page of apps."""

    items: tuple[AppOut, ...]
    next_cursor: str | None


class GrantIn(In):
    """A role of a principal on an app, or on every app."""

    principal: PrincipalName
    app_id: AnyApp
    role: Annotated[str, Field(pattern=r"^(viewer|editor|sender|admin)$")]

    def granted(self) -> Role:
        """Return the role."""
        return Role[self.role.upper()]


class GrantOut(Out):
    """A role of a principal on an app, or on every app (`*`)."""

    principal: str
    app_id: str
    role: str


class GrantsOut(Out):
    """A page of grants."""

    items: tuple[GrantOut, ...]
    next_cursor: str | None
