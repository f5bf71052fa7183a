"""An API that changes something for marketers cannot be made without an audit log."""

from http import HTTPStatus

import pytest

from shared.kernel.principal import Role
from shared.platform.auth.doors import Access, Doors, device, marketer, operator
from shared.platform.http.api import Api
from shared.platform.http.routing import Router


def doors() -> Doors:
    raise AssertionError("nobody comes in")


def an_api(method: str, access: Access) -> Api:
    router = Router()

    @router.on(
        f"{method} /v1/apps/<app_id>/things",
        summary="Things",
        access=access,
        success={HTTPStatus.OK: "Things."},
    )
    def things(app_id: str) -> None:
        """Do nothing."""

    return Api(router, doors=doors)


@pytest.mark.parametrize("access", [marketer(Role.VIEWER), operator()], ids=Access.describe)
def test_what_marketers_change_needs_an_audit_log(access: Access) -> None:
    with pytest.raises(ValueError, match="audit log"):
        an_api("PUT", access)


def test_what_they_read_and_what_devices_do_needs_none() -> None:
    an_api("GET", marketer(Role.VIEWER))
    an_api("PUT", device())
