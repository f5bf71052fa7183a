"""Many simulated phones, each the real client, for demonstrations, tests and load; not for apps."""

from engage_mobile_fleet.fleet import Fleet, StillWaitingError
from engage_mobile_fleet.phones import Deeds, Phone
from engage_mobile_fleet.plans import Coupon, Plan
from engage_mobile_fleet.summaries import Summary

__all__ = ["Coupon", "Deeds", "Fleet", "Phone", "Plan", "StillWaitingError", "Summary"]
