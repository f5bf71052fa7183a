"""The stand-in itself, whatever the protocol: a request comes in, FCM's answer goes out."""

import json
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import islice
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from infra.local.fcm import answers
from infra.local.fcm.answers import Answer, as_json
from infra.local.fcm.bearers import Bearers
from infra.local.fcm.faults import FaultPlan, Faults
from infra.local.fcm.journal import Journal
from infra.local.fcm.validation import Checked, check_send_request

MAX_BODY_BYTES = 1024 * 1024
PAGE = 1000

_SEND_START, _SEND_END = "/v1/projects/", "/messages:send"


class Request(NamedTuple):
    """One HTTP request; ``protocol`` is ``h2`` or ``http/1.1``."""

    protocol: str
    method: str
    target: str
    authorization: str
    body: bytes


class Standin:
    """FCM's routes, and the stand-in's own under ``/_standin``."""

    def __init__(self, *, bearers: Bearers, plan: FaultPlan) -> None:
        self.bearers = bearers
        self.faults = Faults(plan)
        self.journal = Journal()
        self.requests: Counter[str] = Counter()
        self.connections: Counter[str] = Counter()
        self._routes: Mapping[tuple[str, str], Callable[[Request], Answer]] = {
            ("POST", "/token"): self._grant,
            ("GET", "/_standin/health"): self._health,
            ("GET", "/_standin/messages"): self._list_messages,
            ("DELETE", "/_standin/messages"): self._forget_messages,
            ("GET", "/_standin/faults"): self._get_faults,
            ("PUT", "/_standin/faults"): self._put_faults,
            ("DELETE", "/_standin/bearers"): self._revoke_bearers,
        }

    def answer(self, request: Request) -> Answer:
        """Answer any request."""
        if len(request.body) > MAX_BODY_BYTES:
            limit = f"Request payload size exceeds the limit: {MAX_BODY_BYTES} bytes."
            return answers.refused(400, "INVALID_ARGUMENT", limit)
        target = request.target
        if target.startswith(_SEND_START) and target.endswith(_SEND_END):
            return self._send(request, unquote(target[len(_SEND_START) : -len(_SEND_END)]))
        route = self._routes.get((request.method, urlsplit(target).path))
        return route(request) if route else answers.not_found()

    def forget(self) -> None:
        """Forget every message and start the counts anew."""
        self.journal.forget()
        self.requests.clear()
        self.connections.clear()

    def _send(self, request: Request, project: str) -> Answer:
        if request.method != "POST" or not project or "/" in project:
            return answers.not_found()
        self.requests[request.protocol] += 1
        if not self.bearers.is_valid(request.authorization):
            return answers.unauthenticated(missing=not request.authorization)
        checked = check_send_request(request.body)
        if isinstance(checked, Answer):
            self.journal.outcomes["refused"] += 1
            return checked
        return self._judge(request, project, checked)

    def _judge(self, request: Request, project: str, checked: Checked) -> Answer:
        fault = self.faults.fault_of(checked.address, request.body)
        outcome = "validated" if checked.validate_only else "sent"
        unique = "fake_message_id" if checked.validate_only else _message_id()
        name = f"projects/{project}/messages/{unique}"
        self.journal.record(
            protocol=request.protocol,
            project=project,
            kind=checked.kind,
            address=checked.address,
            outcome=fault or outcome,
            name=None if fault else name,
            body=request.body,
        )
        return self.faults.answer_of(fault) if fault else answers.accepted(name)

    def _grant(self, request: Request) -> Answer:
        return self.bearers.grant(request.body, seconds=self.faults.plan.bearer_seconds)

    def _health(self, _request: Request) -> Answer:
        return as_json(
            {
                "status": "ok",
                "requests": self.requests,
                "connections": self.connections,
                "messages": self.journal.outcomes,
                "bearers_issued": self.bearers.issued,
            }
        )

    def _list_messages(self, request: Request) -> Answer:
        query = {name: values[-1] for name, values in parse_qs(_query(request)).items()}
        after = query.pop("after", "0")
        if not after.isdecimal() or not query.keys() <= {"project", "address"}:
            return answers.refused(
                400, "INVALID_ARGUMENT", "Use project, address, after (a number)"
            )
        found = self.journal.received(**query, after=int(after))
        page = [attempt.as_json() for attempt in islice(found, PAGE)]
        more = page[-1]["sequence"] if len(page) == PAGE else None
        return as_json({"messages": page, "next_after": more})

    def _forget_messages(self, _request: Request) -> Answer:
        self.forget()
        return Answer(204)

    def _get_faults(self, _request: Request) -> Answer:
        return as_json(self.faults.plan.as_json())

    def _put_faults(self, request: Request) -> Answer:
        try:
            self.faults = Faults(FaultPlan.from_json(json.loads(request.body)))
        except ValueError as wrong:
            return answers.refused(400, "INVALID_ARGUMENT", str(wrong))
        return self._get_faults(request)

    def _revoke_bearers(self, _request: Request) -> Answer:
        self.bearers.revoke_all()
        return Answer(204)


def _message_id() -> str:
    """Return an id in the form of FCM's own."""
    return f"0:{time.time_ns() // 1000}%{secrets.token_hex(8)}"


def _query(request: Request) -> str:
    return urlsplit(request.target).query
