"""Each route lets in exactly those whom the document names; every route is tried."""

import pytest

from tests.deployment import POOL, Answer, Deployment
from tests.functional.tenants import OPERATIONS, ROLES, Operation, Tenant, call

CALLERS = (*ROLES, "operator", "viewer of all", "device", "contact", "system", "stranger", "nobody")
GUARDED = [operation for operation in OPERATIONS if not operation.is_for_anyone]
THROUGH = 0
"""Stands for every status that proves admission: the door and the tenant raised no objection."""


def bearer_of(deployed: Deployment, tenant: Tenant, caller: str) -> str | None:
    if caller == "operator":
        return deployed.operator()
    if caller == "viewer of all":
        body = {"principal": f"{POOL}#auditor", "app_id": "*", "role": "viewer"}
        assert deployed.request("PUT /v1/grants", body, bearer=deployed.operator()).status == 200
        return deployed.pool.token("auditor")
    if caller == "stranger":
        return deployed.pool.token("stranger")
    return tenant.bearers.get(caller)


def expected(operation: Operation, caller: str) -> int:
    """Return the status that the document promises a caller."""
    if caller == "nobody" or operation.proves_itself:
        return 401
    if caller in {"device", "system"}:
        return _of_machine(operation, caller)
    if caller == "contact" and "app_id" not in operation.names:
        return 401  # an app's issuer vouches for nobody beyond the app
    if operation.is_for_devices:
        return _of_device_route(operation, caller)
    if operation.is_for_operators:
        return THROUGH if caller == "operator" else 403
    return _of_marketer(operation, caller)


def _of_machine(operation: Operation, caller: str) -> int:
    if caller == "system":
        return THROUGH if operation.is_for_systems else 401
    return THROUGH if operation.is_for_devices else 403


def _of_device_route(operation: Operation, caller: str) -> int:
    if caller == "contact":
        return THROUGH if "contact" in operation.access else 403
    if caller == "stranger":
        return 404 if operation.role else 403
    role = {"operator": "admin", "viewer of all": "viewer"}.get(caller, caller)
    return THROUGH if operation.admits(role) else 403


def _of_marketer(operation: Operation, caller: str) -> int:
    assert operation.role, f"{operation}: say in this test who may call {operation.access!r}"
    if "app_id" not in operation.names:
        return THROUGH  # it answers what the caller may see, be it nothing
    if caller in {"contact", "stranger"}:
        own = caller == "contact" and "contact" in operation.access
        return THROUGH if own else 404
    role = {"operator": "admin", "viewer of all": "viewer"}.get(caller, caller)
    return THROUGH if operation.admits(role) else 403


@pytest.mark.parametrize("caller", CALLERS)
def test_a_route_admits_those_whom_it_documents(
    deployed: Deployment, tenant: Tenant, caller: str
) -> None:
    bearer = bearer_of(deployed, tenant, caller)
    statuses = {}
    for operation in GUARDED:
        answer = call(deployed, operation, tenant.path(operation), bearer)
        statuses[str(operation)] = answer.status if _is_turned_away(answer) else THROUGH
        if operation.method == "DELETE" and statuses[str(operation)] is THROUGH:
            tenant = Tenant.in_(deployed, "shop")  # what it took away is needed by the next
            bearer = bearer_of(deployed, tenant, caller)
    assert statuses == {str(operation): expected(operation, caller) for operation in GUARDED}


def _is_turned_away(answer: Answer) -> bool:
    """Say whether the door or the tenant objected; that nothing was erased yet is no objection."""
    if answer.status == 404 and answer.body["code"] == "erasure_not_found":
        return False
    return answer.status in {401, 403, 404}


def test_what_is_for_anyone_asks_for_no_proof(deployed: Deployment, tenant: Tenant) -> None:
    for operation in OPERATIONS:
        if operation.is_for_anyone:
            path = tenant.path(operation, device_id="phone-of-nobody")
            assert call(deployed, operation, path, None).status in {200, 422}
