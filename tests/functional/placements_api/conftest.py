import pytest

from tests.deployment import Deployment
from tests.functional.booking import Desk


@pytest.fixture
def desk(deployed: Deployment) -> Desk:
    return Desk.opened(deployed)
