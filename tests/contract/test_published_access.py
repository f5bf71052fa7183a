"""The document says of each route how its callers prove themselves."""

from http import HTTPStatus

import pytest

from shared.kernel.principal import Role
from shared.platform.auth.doors import Access, Doors, device, marketer, system
from shared.platform.http.api import Api
from shared.platform.http.routing import Router
from tests.published import _document_of, _operation


def never() -> Doors:
    raise AssertionError("to describe a route is to ask nobody in")


@pytest.mark.parametrize(
    ("access", "schemes", "traffic"),
    [
        (device(), ["device_token"], "device"),
        (device(or_till=True), ["device_token", "till_token"], "device"),
        (device(or_contact=True), ["device_token", "oidc"], "device"),
        (
            device(or_contact=True, or_till=True),
            ["device_token", "oidc", "till_token"],
            "device",
        ),
        (Access(till=True), ["till_token"], "device"),
        (system(), ["webhook_signature"], "management"),
        (marketer(Role.EDITOR, or_contact=True), ["oidc"], "management"),
    ],
    ids=str,
)
def test_a_route_names_the_proofs_of_those_whom_it_is_for(
    access: Access, schemes: list[str], traffic: str
) -> None:
    router = Router()

    @router.on("GET /v1/things", summary="Things", access=access, success={HTTPStatus.OK: "Some."})
    def things() -> dict[str, str]:
        return {}

    found = _document_of(Api(router, doors=never))["paths"]["/v1/things"]["get"]
    operation = _operation(found, "get", "/v1/things", "things_api")
    assert operation["security"] == [{scheme: []} for scheme in schemes]
    assert operation["x-engage-traffic"] == traffic
