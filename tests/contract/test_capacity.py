"""What operations cost in DynamoDB's own units."""

from typing import Any

import pytest

from tests.capacity import OPERATIONS, deployed_for, metered


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_takes_the_units_that_it_may(
    name: str, aws: None, dynamodb_client: Any
) -> None:
    operation = OPERATIONS[name]
    it = deployed_for(operation, dynamodb_client)
    prepared = operation.prepare(it)
    with metered() as meter:
        operation.run(it, prepared)
    assert (meter.writes, meter.reads) == (operation.writes, operation.reads)
