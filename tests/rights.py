"""Holds what functions ask of DynamoDB against what their roles may do, as IAM does on AWS."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.client import BaseClient
from botocore.exceptions import ClientError

from tests.infra.templates import Template

Right = tuple[str, str]
"""An action, and a resource as the template's readers call it, such as ``Push/index/x``."""

_CALL = "_make_api_call"
"""Of botocore's clients: there is no other place that all calls pass."""

_IN_TRANSACTIONS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}
_STATEMENT = re.compile(r'(?P<verb>INSERT|UPDATE|DELETE|SELECT)[^"]*"(?P<table>[^"]+)')
_OF_STATEMENTS = {
    "INSERT": "PartiQLInsert",
    "UPDATE": "PartiQLUpdate",
    "DELETE": "PartiQLDelete",
    "SELECT": "PartiQLSelect",
}


@dataclass(slots=True, kw_only=True)
class Roles:
    """Refuses a call of DynamoDB that the running function's role does not allow.

    ``tables`` has the resource of each table, by the table's name in this test.
    """

    service: Template
    tables: Mapping[str, str]
    _function: str | None = None
    _known: dict[str, Mapping[str, set[str]]] = field(default_factory=dict)

    @contextmanager
    def of(self, function: str) -> Iterator[None]:
        """Let what is called inside be called by ``function``."""
        before, self._function = self._function, function
        try:
            yield
        finally:
            self._function = before

    @contextmanager
    def enforced(self) -> Iterator[None]:
        """Look at every call of every client of botocore."""
        really = getattr(BaseClient, _CALL)

        def call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
            if self._function and client.meta.service_model.service_name == "dynamodb":
                self._check(self._function, operation, parameters)
            return really(client, operation, parameters)

        setattr(BaseClient, _CALL, call)
        try:
            yield
        finally:
            setattr(BaseClient, _CALL, really)

    def _check(self, function: str, operation: str, parameters: Mapping[str, Any]) -> None:
        if function not in self._known:
            self._known[function] = self.service.rights(function)
        for action, resource in asked(operation, parameters):
            table, _, rest = resource.partition("/")
            name = "/".join(filter(None, (self.tables[table], rest)))
            if f"dynamodb:{action}" not in self._known[function].get(name, ()):
                message = f"{function} may not dynamodb:{action} on {name}"
                raise ClientError(
                    {"Error": {"Code": "AccessDeniedException", "Message": message}}, operation
                )


def asked(operation: str, parameters: Mapping[str, Any]) -> Iterator[Right]:
    """Yield the rights that a call needs: actions, and tables or their indexes.

    A transaction and a batch of statements need those of their parts
    (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html).
    """
    match operation:
        case "TransactWriteItems" | "TransactGetItems":
            for part in parameters["TransactItems"]:
                yield from ((_IN_TRANSACTIONS[kind], of["TableName"]) for kind, of in part.items())
        case "BatchGetItem" | "BatchWriteItem":
            yield from ((operation, table) for table in parameters["RequestItems"])
        case "BatchExecuteStatement":
            for statement in parameters["Statements"]:
                yield _of_statement(statement["Statement"])
        case _:
            index = parameters.get("IndexName")
            yield operation, parameters["TableName"] + (f"/index/{index}" if index else "")


def _of_statement(text: str) -> Right:
    found = _STATEMENT.match(text)
    assert found, text
    return _OF_STATEMENTS[found["verb"]], found["table"]


def resources(tables: Mapping[str, str]) -> dict[str, str]:
    """Return the template's words for tables, by name: ``contact_events`` is ``ContactEvents``."""
    return {
        name: "".join(word.capitalize() for word in table.split("_"))
        for table, name in tables.items()
    }


def read(folder: Path) -> Template:
    """Synthesise the deployment without its code, and return the stack of its functions."""
    from infra.app import build  # noqa: PLC0415 - takes a second, which most tests do not need
    from tests.infra.conftest import UNBUNDLED  # noqa: PLC0415

    build(context=UNBUNDLED, outdir=folder)
    return Template.read(folder, "EngageService")
