import pytest

from tests.deployment import Deployment
from tests.functional.coupons_api.counter import Counter


@pytest.fixture
def counter(deployed: Deployment) -> Counter:
    return Counter.opened(deployed)
