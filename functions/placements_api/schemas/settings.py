"""What an app decides for all its ads, on the wire."""

from typing import Annotated, Any, Self, TypeAlias

from pydantic import Field, StrictInt

from functions.placements_api.schemas.things import Caps
from shared.placements.model.demand import HIGHEST_TIER, LOWEST_TIER, AdSettings, Choosing
from shared.placements.model.documents import MOST_MINUTES, document_of_settings
from shared.platform.http.schemas import In, Out

ChoosingByTier: TypeAlias = Annotated[
    dict[str, Choosing],
    Field(
        max_length=LOWEST_TIER,
        description=f"By tier, {HIGHEST_TIER} to {LOWEST_TIER}; the others choose by lottery.",
        examples=[{"12": "auction"}],
    ),
]
Minutes: TypeAlias = Annotated[
    StrictInt,
    Field(ge=0, le=MOST_MINUTES, description="For which two ads of one label are kept apart."),
]


class AdSettingsIn(In):
    """What holds for all ads of the app; the whole of it."""

    version: Annotated[
        StrictInt, Field(ge=0, le=10**9, description="The version that was read; 0 at first.")
    ]
    choosing: ChoosingByTier = Field(default_factory=dict)
    caps: Caps = Field(default=(), description="Of all ads together.")
    apart_minutes: Minutes = 30

    def document(self) -> dict[str, Any]:
        """Return what was sent as a document of the model."""
        return self.model_dump(mode="json", exclude_unset=True, exclude={"version"})


class AdSettingsOut(Out):
    """What holds for all ads of the app; version 0 before anybody decided."""

    version: int
    choosing: ChoosingByTier
    caps: Caps
    apart_minutes: Minutes

    @classmethod
    def of(cls, settings: AdSettings) -> Self:
        """Render an app's settings."""
        return cls.model_validate({**document_of_settings(settings), "version": settings.version})
