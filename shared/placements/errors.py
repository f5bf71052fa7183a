"""Why something about ads is refused."""

from shared.kernel.errors import DomainError, Fault


class PlacementsError(DomainError):
    """Base of every refusal of this domain."""


class PlacementNotFoundError(PlacementsError):
    """The app has no such placement."""

    code = "placement_not_found"
    fault = Fault.NOT_FOUND


class AdTemplateNotFoundError(PlacementsError):
    """The app has no such template of native ads."""

    code = "ad_template_not_found"
    fault = Fault.NOT_FOUND


class AdvertiserNotFoundError(PlacementsError):
    """The app has no such advertiser."""

    code = "advertiser_not_found"
    fault = Fault.NOT_FOUND


class AdCampaignNotFoundError(PlacementsError):
    """The app has no such ad campaign."""

    code = "ad_campaign_not_found"
    fault = Fault.NOT_FOUND


class FlightNotFoundError(PlacementsError):
    """The app has no such flight."""

    code = "flight_not_found"
    fault = Fault.NOT_FOUND


class CreativeNotFoundError(PlacementsError):
    """The app has no such creative."""

    code = "creative_not_found"
    fault = Fault.NOT_FOUND


class AdNotFoundError(PlacementsError):
    """The app has no such ad."""

    code = "ad_not_found"
    fault = Fault.NOT_FOUND


class DemandStateError(PlacementsError):
    """The state of what is booked does not allow this; `detail` names both."""

    code = "demand_state"
    fault = Fault.CONFLICT


class DemandChangedError(PlacementsError):
    """It was changed by somebody else meanwhile: look again, then repeat."""

    code = "demand_changed"
    fault = Fault.CONFLICT


class FlightNotExactError(PlacementsError):
    """The flight's target is not exact: its ads are counted, and not numbered."""

    code = "flight_not_exact"
    fault = Fault.CONFLICT


class DayNotSettledError(PlacementsError):
    """Something may still be counted in this day; `detail` says from when on it is settled."""

    code = "day_not_settled"
    fault = Fault.CONFLICT


class NameTakenError(PlacementsError):
    """Another placement of the app has this name, by which apps ask for it."""

    code = "name_taken"
    fault = Fault.CONFLICT


class TargetingInvalidError(PlacementsError):
    """A targeting rule cannot be read, or asks what cannot be asked; `errors` names each place."""

    code = "targeting_invalid"
    fault = Fault.INVALID


class SnapshotMissingError(PlacementsError):
    """Nothing was ever booked in this app, or it is not compiled yet: ask again in seconds."""

    code = "snapshot_missing"
    fault = Fault.CONFLICT


class DecisionNotFoundError(PlacementsError):
    """There is no record of such a decision: it is not the app's, too old, or not filed yet."""

    code = "decision_not_found"
    fault = Fault.NOT_FOUND


class AdTokenInvalidError(PlacementsError):
    """We did not sign this token, or not for this app."""

    code = "ad_token_invalid"
    fault = Fault.REFUSED


class AdLinkNotFoundError(PlacementsError):
    """No ad was given with this link, or it leads nowhere."""

    code = "ad_link_not_found"
    fault = Fault.NOT_FOUND


class AdUnusableError(PlacementsError):
    """Nothing can be had by this ad (any more); `detail` says why."""

    code = "ad_unusable"
    fault = Fault.REFUSED


class AdStateContendedError(PlacementsError):
    """Others changed the same person's state at the same moment, again and again: repeat."""

    code = "multiple_requests"
    fault = Fault.CONFLICT


class BudgetContendedError(PlacementsError):
    """Others changed the same flight's budget at the same moment, again and again: repeat."""

    code = "multiple_requests"
    fault = Fault.CONFLICT


class StaleError(Exception):
    """What a change was based on is no longer so; nothing was written. Read and decide again."""
