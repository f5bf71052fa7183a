import pytest

from tests.deployment import Deployment
from tests.functional.ad_decisions_api.phones import AUDIENCE
from tests.functional.ads_booked import BookedAds


@pytest.fixture
def booked(deployed: Deployment) -> BookedAds:
    """Return what is booked in an app with one placement."""
    issuers = [{"issuer": deployed.pool.issuer, "audiences": [AUDIENCE]}]
    made = BookedAds(deployed=deployed, app_id=deployed.an_app(issuers=issuers))
    made.placement("home-top")
    return made
