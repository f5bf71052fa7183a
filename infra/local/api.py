"""Calls the stack's HTTP API as its users do, and says clearly when it refuses."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

from infra.local.errors import LocalStackError

PROBLEM_JSON = "application/problem+json"


class RefusedError(LocalStackError):
    """The API answered, and refused; a problem document (RFC 9457) is told in its own words."""

    def __init__(self, method: str, path: str, answer: httpx.Response) -> None:
        fact = f"{method} {path} was refused with {answer.status_code}: {answer.text[:1000]}"
        fix = "`engage logs` shows what the function said."
        if answer.headers.get("Content-Type") == PROBLEM_JSON:
            problem = answer.json()
            fact = "\n".join(_lines_of(problem))
            if answer.is_client_error:
                fix = f"{problem['code']}: {problem['title']}"
        super().__init__(fact, fix=fix)
        self.status = answer.status_code


def _lines_of(problem: Mapping[str, Any]) -> Iterator[str]:
    """Yield the detail of a problem, then that of each field."""
    yield problem["detail"]
    for error in problem["errors"]:
        yield f"  {error['pointer'] or 'body'}: {error['detail']}"


@dataclass(frozen=True, slots=True)
class ApiCaller:
    """Someone who calls: a device or a marketer with a bearer token, or nobody yet."""

    client: httpx.Client
    token: str | None = None

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Return the answer to GET."""
        return self._call("GET", path, params=query)

    def put(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer to PUT."""
        return self._call("PUT", path, json=dict(body))

    def post(self, path: str, body: Mapping[str, Any], **query: Any) -> dict[str, Any]:
        """Return the answer to POST, sent with an idempotency key of its own."""
        headers = {"Idempotency-Key": str(uuid4())}
        return self._call("POST", path, json=dict(body), headers=headers, params=query)

    def patch(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer to PATCH."""
        return self._call("PATCH", path, json=dict(body))

    def items(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Yield the items of every page of a list."""
        cursor: dict[str, str] = {}
        while True:
            page = self.get(path, **query, **cursor)
            yield from page["items"]
            if not page.get("next_cursor"):
                return
            cursor = {"cursor": page["next_cursor"]}

    def _call(self, method: str, path: str, **content: Any) -> dict[str, Any]:
        """Return the JSON object that a call answers.

        Raises:
            RefusedError: the answer is no 2xx.
            LocalStackError: there is no answer.
        """
        headers = content.pop("headers", {})
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        try:
            answer = self.client.request(method, path, headers=headers, **content)
        except httpx.HTTPError as error:
            raise LocalStackError(
                f"{method} {path} got no answer: {error!r}",
                fix="`engage status` shows what runs, `engage logs` what the functions say.",
            ) from error
        if not answer.is_success:
            raise RefusedError(method, path, answer)
        return dict(answer.json()) if answer.content else {}
