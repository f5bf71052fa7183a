"""What FCM turns away comes again, under a throttle too."""

import pytest

from infra.local.fcm.faults import Fault, FaultPlan
from infra.local.fcm.running import RunningStandin
from tests.functional.campaigns.office import Office
from tests.functional.shops import Shop


@pytest.fixture
def office(pushing: Shop) -> Office:
    pushing.put_policy(topics={"offers": "Offers"})
    return Office(shop=pushing).opened()


def test_what_is_turned_away_comes_again_under_a_throttle(
    office: Office, fcm: RunningStandin
) -> None:
    rates = {Fault.QUOTA_EXCEEDED: 0.3, Fault.UNAVAILABLE: 0.2}
    fcm.fail(FaultPlan(seed=7, rates=rates, quota_retry_after="1"))
    try:
        office.register(11)
        campaign_id = office.draft(throttle_per_minute=4)
        office.send(campaign_id)
        office.work()
        for _ in range(6):
            office.minute()
        assert office.books(campaign_id)["sent"] == 12
    finally:
        fcm.fail(FaultPlan())
