"""What all booked things have in common: a kind, an id, and states that follow each other."""

from collections.abc import Mapping
from dataclasses import replace

from shared.placements.errors import (
    AdCampaignNotFoundError,
    AdNotFoundError,
    AdTemplateNotFoundError,
    AdvertiserNotFoundError,
    CreativeNotFoundError,
    DemandStateError,
    FlightNotFoundError,
    PlacementNotFoundError,
    PlacementsError,
)
from shared.placements.model.demand import (
    Ad,
    AdCampaign,
    AdTemplate,
    Advertiser,
    Creative,
    Flight,
    Kind,
    Placement,
    State,
    Thing,
)

TYPES: Mapping[Kind, type[Thing]] = {
    Kind.PLACEMENT: Placement,
    Kind.AD_TEMPLATE: AdTemplate,
    Kind.ADVERTISER: Advertiser,
    Kind.AD_CAMPAIGN: AdCampaign,
    Kind.FLIGHT: Flight,
    Kind.CREATIVE: Creative,
    Kind.AD: Ad,
}

PREFIXES: Mapping[Kind, str] = {
    Kind.PLACEMENT: "plc",
    Kind.AD_TEMPLATE: "adt",
    Kind.ADVERTISER: "adv",
    Kind.AD_CAMPAIGN: "adc",
    Kind.FLIGHT: "flt",
    Kind.CREATIVE: "crv",
    Kind.AD: "ad",
}
"""Of ids."""

NOT_FOUND: Mapping[Kind, type[PlacementsError]] = {
    Kind.PLACEMENT: PlacementNotFoundError,
    Kind.AD_TEMPLATE: AdTemplateNotFoundError,
    Kind.ADVERTISER: AdvertiserNotFoundError,
    Kind.AD_CAMPAIGN: AdCampaignNotFoundError,
    Kind.FLIGHT: FlightNotFoundError,
    Kind.CREATIVE: CreativeNotFoundError,
    Kind.AD: AdNotFoundError,
}

LEADS_TO: Mapping[State, frozenset[State]] = {
    State.DRAFT: frozenset({State.ACTIVE, State.ENDED}),
    State.ACTIVE: frozenset({State.PAUSED, State.ENDED}),
    State.PAUSED: frozenset({State.ACTIVE, State.ENDED}),
    State.ENDED: frozenset(),
}
"""What may follow a state. Only flights begin as drafts; other things are active at once."""

_KINDS = {made: kind for kind, made in TYPES.items()}


def kind_of(thing: Thing) -> Kind:
    """Return the kind of a thing."""
    return _KINDS[type(thing)]


def id_field_of(kind: Kind) -> str:
    """Return the field that holds the id of things of a kind."""
    return f"{kind.value}_id"


def id_of(thing: Thing) -> str:
    """Return a thing's id."""
    thing_id: str = getattr(thing, id_field_of(kind_of(thing)))
    return thing_id


def moved_to(state: State, thing: Thing) -> Thing:
    """Return the thing's next version, in another state.

    Raises:
        DemandStateError: that state does not follow its own.
    """
    if state not in LEADS_TO[thing.state]:
        raise DemandStateError(f"it is {thing.state}: it cannot become {state}")
    return replace(thing, state=state, version=thing.version + 1)
