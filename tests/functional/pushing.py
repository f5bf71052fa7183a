"""The sender over a stand-in of FCM, in a shop whose time tests move."""

from collections.abc import Iterator

import pytest

from infra.local.fcm.running import RunningStandin, running_standin
from tests.fakes.clock import ManualClock
from tests.functional.conftest import Deployment
from tests.functional.shops import Shop

SECRET = "engage/fcm/local"


@pytest.fixture(scope="module")
def fcm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStandin]:
    with running_standin(state_dir=tmp_path_factory.mktemp("fcm")) as standin:
        yield standin


@pytest.fixture
def pushing(deployed: Deployment, clock: ManualClock, fcm: RunningStandin) -> Shop:
    fcm.forget()
    deployed.aws.secrets[SECRET] = {
        "service_account": dict(fcm.service_account),
        "endpoint": fcm.url,
        "ca_pem": fcm.ca_pem,
    }
    project = fcm.service_account["project_id"]
    return Shop.opened(deployed, clock, fcm={"project_id": project, "secret": SECRET})
