"""Dead-letter queues of a deployment: how full they are, what is in them, and their way back.

SQS can move messages back by itself, but only where all came from queues; ours also hold what the
bus and Lambda left there. So each letter goes its own way, and is deleted once it has gone: one
that is redriven when the network fails may go twice, which every consumer bears.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from infra.local.errors import LocalStackError
from infra.local.letters import Letter, Way, letter_of
from infra.local.resources import Clients, Resources

LOOKED_AT = 100
"""Letters that are looked at for the oldest one: SQS does not say when it came."""

_BATCH = 10
_HIDDEN_SECONDS = 60
_END = "DeadLetters"


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """How full a dead-letter queue is; ``oldest`` of those that were looked at."""

    name: str
    letters: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What becomes of letters of one kind and origin; ``failed`` ones stay where they are."""

    kind: str
    way: Way
    to: str
    letters: int
    failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetters:
    """The dead-letter queues of a stack."""

    clients: Clients
    resources: Resources

    def depths(self) -> list[Depth]:
        """Return how full each queue is, by its name."""
        return [self._depth(name) for name in self._names()]

    def counts(self) -> dict[str, int]:
        """Return how many letters each queue holds, by its name; none is looked at."""
        return {name: self._count(self._url(name)) for name in self._names()}

    def peek(self, name: str, *, limit: int) -> list[Letter]:
        """Return letters of a queue, which stay in it, visible to all.

        Raises:
            LocalStackError: there is no such queue.
        """
        url = self._url(name)
        letters = list(self._taken(url, limit=limit))
        self._let_go(url, letters)
        return letters

    def fates(self, name: str, *, limit: int) -> list[Fate]:
        """Return what a redrive would do with the letters of a queue; nothing is changed.

        Raises:
            LocalStackError: there is no such queue.
        """
        return self._tally(self.peek(name, limit=limit), failed=())

    def redrive(self, name: str, *, limit: int) -> list[Fate]:
        """Send letters of a queue back to where they came from, and delete each that has gone.

        Raises:
            LocalStackError: there is no such queue.
        """
        url = self._url(name)
        done, stay = [], []
        audited: set[str] = set()
        for letter in self._taken(url, limit=limit):
            done.append(letter)
            if self._has_gone(letter, audited):
                self._sqs.delete_message(QueueUrl=url, ReceiptHandle=letter.receipt)
            else:
                stay.append(letter)
        self._let_go(url, stay)
        return self._tally(done, failed=[one for one in stay if one.way is not Way.KEEP])

    @property
    def _sqs(self) -> Any:
        return self.clients.client("sqs")

    def _has_gone(self, letter: Letter, audited: set[str]) -> bool:
        """Do with a letter what is its way; say whether it is no longer needed here."""
        ways: Mapping[Way, Callable[[], bool]] = {
            Way.SEND: lambda: self._send(letter),
            Way.CALL: lambda: self._call(letter),
            Way.AUDIT: lambda: self._audit(letter, audited),
            Way.DROP: lambda: True,
            Way.KEEP: lambda: False,
        }
        try:
            return ways[letter.way]()
        except ClientError:
            return False

    def _send(self, letter: Letter) -> bool:
        url = self._sqs.get_queue_url(QueueName=letter.to.rpartition(":")[2])["QueueUrl"]
        self._sqs.send_message(QueueUrl=url, MessageBody=letter.payload)
        return True

    def _call(self, letter: Letter) -> bool:
        self.clients.client("lambda").invoke(
            FunctionName=letter.to, InvocationType="Event", Payload=letter.payload.encode()
        )
        return True

    def _audit(self, letter: Letter, audited: set[str]) -> bool:
        """Have the relay publish what is missing of the letter's hours, once for each span."""
        # Batches are halved until the bad record is alone: one hour leaves many letters.
        span = "/".join(at[:13] for at in json.loads(letter.payload)["audit"].values())
        if span in audited:
            return True
        answer = self.clients.client("lambda").invoke(
            FunctionName=letter.to, Payload=letter.payload.encode()
        )
        said = json.loads(answer["Payload"].read() or "null") or {}
        if "FunctionError" in answer or said.get("failed"):
            return False
        audited.add(span)
        return True

    def _tally(self, letters: Sequence[Letter], *, failed: Sequence[Letter]) -> list[Fate]:
        def group(letter: Letter) -> tuple[str, Way, str]:
            return letter.kind, letter.way, self.resources.name_of(letter.to) if letter.to else ""

        in_vain = Counter(map(group, failed))
        return [
            Fate(kind=key[0], way=key[1], to=key[2], letters=count, failed=in_vain[key])
            for key, count in sorted(Counter(map(group, letters)).items())
        ]

    def _depth(self, name: str) -> Depth:
        url = self._url(name)
        count = self._count(url)
        oldest = None
        if count:
            seen = list(self._taken(url, limit=min(count, LOOKED_AT)))
            self._let_go(url, seen)
            oldest = min((letter.at for letter in seen), default=None)
        return Depth(name=name, letters=count, oldest=oldest)

    def _count(self, url: str) -> int:
        wanted = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        found = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(wanted))
        return sum(int(found["Attributes"].get(one, 0)) for one in wanted)

    def _taken(self, url: str, *, limit: int) -> Iterator[Letter]:
        """Yield letters, each hidden for a minute, until there are no more or enough."""
        taken: set[str] = set()
        while len(taken) < limit:
            answer = self._sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=min(_BATCH, limit - len(taken)),
                VisibilityTimeout=_HIDDEN_SECONDS,
                # Long enough to ask all of SQS's servers, of which a shorter look asks some.
                WaitTimeSeconds=1,
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            fresh = [one for one in answer.get("Messages", ()) if one["MessageId"] not in taken]
            if not fresh:
                return
            for message in fresh:
                taken.add(message["MessageId"])
                yield letter_of(message, resources=self.resources)

    def _let_go(self, url: str, letters: Sequence[Letter]) -> None:
        for start in range(0, len(letters), _BATCH):
            self._sqs.change_message_visibility_batch(
                QueueUrl=url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": letter.receipt, "VisibilityTimeout": 0}
                    for number, letter in enumerate(letters[start : start + _BATCH])
                ],
            )

    def _names(self) -> list[str]:
        ends = (name for name in self.resources.ids if name.endswith(_END))
        # A queue's policy is called after it, and is none.
        return sorted(name.removesuffix(_END) for name in ends if "/" in self.resources.ids[name])

    def _url(self, name: str) -> str:
        plain = name.removesuffix(_END)
        if plain in self._names():
            return self.resources.ids[plain + _END]
        raise LocalStackError(
            f"There is no dead-letter queue {name!r}.",
            fix=f"There are: {', '.join(self._names())}.",
        )
