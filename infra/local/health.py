"""What is not well with a deployment that runs, here or on AWS, and what cures it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from botocore.exceptions import BotoCoreError, ClientError

from infra.local.dead_letters import DeadLetters
from infra.local.doctor import Finding, Verdict
from infra.local.letters import RELAY
from infra.local.resources import STACK, Clients, Resources
from shared.kernel.clock import Clock, milliseconds, rfc3339

WATCHED = timedelta(hours=3)
"""How far back is looked for events that were not published."""

BOOKS_WATCHED = timedelta(days=1)
"""How far back is looked for campaigns whose books do not balance."""

ADVANCER_LOGS = "PushAdvancerLogs"
OUT_OF_BALANCE = "books out of balance"
"""What `advance_campaigns` writes of a run."""

RUNBOOKS = "docs/runbooks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """Looks at a stack's dead letters, ledger, books and alarms; nothing is changed."""

    clients: Clients
    resources: Resources
    stack: str
    clock: Clock

    def findings(self) -> Iterator[Finding]:
        """Yield what was found; what may not be looked at is a finding too."""
        looks = {
            "dead letters": self._dead_letters,
            "ledger": self._ledger,
            "books": self._books,
            "alarms": self._alarms,
        }
        for name, look in looks.items():
            try:
                yield look(name)
            except (BotoCoreError, ClientError) as error:
                yield Finding(
                    name=name,
                    verdict=Verdict.LATER,
                    found=f"could not be looked at: {error}",
                    fix="Its rights are named in docs/runbooks/operations.md.",
                )

    def _dead_letters(self, name: str) -> Finding:
        queues = DeadLetters(clients=self.clients, resources=self.resources).counts()
        full = {queue: count for queue, count in queues.items() if count}
        if not full:
            return Finding(name=name, verdict=Verdict.GOOD, found=f"none in {len(queues)} queues")
        said = ", ".join(f"{queue} {count}" for queue, count in full.items())
        return Finding(
            name=name,
            verdict=Verdict.BAD,
            found=said,
            fix=f"`engage dlq peek {next(iter(full))}`; {RUNBOOKS} says what it means. Mend the"
            " cause, then `engage dlq redrive`.",
        )

    def _ledger(self, name: str) -> Finding:
        now = self.clock()
        span = {"from": rfc3339(now - WATCHED), "to": rfc3339(now)}
        answer = self.clients.client("lambda").invoke(
            FunctionName=self.resources.id_of(RELAY), Payload=json.dumps({"look": span}).encode()
        )
        said = json.loads(answer["Payload"].read() or "null")
        if "FunctionError" in answer:
            return Finding(
                name=name,
                verdict=Verdict.BAD,
                found="relay_events failed",
                fix="Its log says why.",
            )
        if not said["unpublished"]:
            return Finding(name=name, verdict=Verdict.GOOD, found="all that is due is on the bus")
        return Finding(
            name=name,
            verdict=Verdict.BAD,
            found=f"{said['unpublished']} events of the last 3 hours are not on the bus",
            fix=f"The audit of each hour's seventh minute publishes them. If not: {RUNBOOKS}.",
        )

    def _books(self, name: str) -> Finding:
        since = milliseconds(self.clock() - BOOKS_WATCHED)
        pages = self.clients.client("logs").get_paginator("filter_log_events")
        found = sum(
            OUT_OF_BALANCE in event["message"]
            for page in pages.paginate(
                logGroupName=self.resources.id_of(ADVANCER_LOGS),
                startTime=since,
                filterPattern=f'"{OUT_OF_BALANCE}"',
            )
            for event in page["events"]
        )
        if not found:
            return Finding(name=name, verdict=Verdict.GOOD, found="campaigns of a day balance")
        return Finding(
            name=name,
            verdict=Verdict.BAD,
            found=f"{found} times in a day a campaign's books did not balance",
            fix=f"`engage logs advance_campaigns` names the run; {RUNBOOKS}.",
        )

    def _alarms(self, name: str) -> Finding:
        # CloudFormation names an alarm by its stack, its name in there, and chance; a stack ends
        # with its stage.
        stage = self.stack.removeprefix(STACK)
        ours = {f"{stack}{stage}" for stack in (STACK, "EngageGateway", "EngageOps")}
        pages = self.clients.client("cloudwatch").get_paginator("describe_alarms")
        ringing = [
            alarm["AlarmName"]
            for page in pages.paginate(AlarmNamePrefix="Engage", StateValue="ALARM")
            for alarm in page.get("MetricAlarms", ())
            if alarm["AlarmName"].rsplit("-", 2)[0] in ours
        ]
        if not ringing:
            return Finding(name=name, verdict=Verdict.GOOD, found="none rings")
        return Finding(
            name=name,
            verdict=Verdict.BAD,
            found=", ".join(sorted(ringing)),
            fix=f"Each one's description names its page of {RUNBOOKS}.",
        )
