"""What the contact policy lets a chunk tell: people are asked for, not their devices.

A person with three devices is told once, and counted once. So what is counted has one key for a
contact and what they are told: the chunk, or the campaign, in which a person's devices may lie in
several chunks. However often a chunk is worked on, it is the same touch.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from shared.kernel.decisions import Candidate, Decision, Defer
from shared.kernel.events import Channel
from shared.push.model import Chunk
from shared.push.ports import Asked, Permission


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkPermission:
    """Asks for the people of chunks."""

    permission: Permission

    def ask(self, chunk: Chunk, indexes: Iterable[int]) -> Mapping[int, Decision]:
        """Return whether each of the messages may be sent now; who is allowed is counted.

        In a rehearsal nobody is counted, and it is asked what will be when the messages are due.
        """
        people = {index: chunk.recipients[index].contact_id for index in indexes}
        contacts = list(dict.fromkeys(people.values()))
        answers = self._answers(chunk, _asked(chunk, contacts)) if contacts else ()
        decisions = dict(zip(contacts, answers, strict=True))
        return {index: decisions[contact_id] for index, contact_id in people.items()}

    def take_back(self, chunk: Chunk, contact_ids: Sequence[str]) -> None:
        """Count people no longer: nothing of the chunk reached them, for certain."""
        if contact_ids:
            self.permission.take_back(_asked(chunk, contact_ids))

    def put_off(self, chunk: Chunk, deferred: Mapping[int, Defer]) -> None:
        """Have the chunk worked on again when its people may be asked for again."""
        untils = {chunk.recipients[at].contact_id: one.until for at, one in deferred.items()}
        for asked in _asked(chunk, list(untils)):
            until = untils[asked.candidate.contact_id]
            self.permission.put_off(asked, chunk_id=chunk.chunk_id, until=until)

    def _answers(self, chunk: Chunk, asked: Sequence[Asked]) -> Sequence[Decision]:
        if chunk.is_rehearsal:
            return self.permission.judge(asked, at=chunk.planned_at)
        return self.permission.ask(asked)


def _asked(chunk: Chunk, contact_ids: Sequence[str]) -> list[Asked]:
    terms = chunk.terms
    told = terms.campaign_id or chunk.chunk_id
    return [
        Asked(
            candidate=Candidate(
                app_id=chunk.app_id,
                contact_id=contact_id,
                channel=Channel.PUSH,
                purpose=chunk.purpose,
                topic=terms.topic,
                offer_key=terms.offer_key,
                priority=terms.priority,
                campaign_id=terms.campaign_id,
                holdout_percent=terms.holdout_percent,
                expires_at=chunk.send_until,
            ),
            key=f"push/{told}/{contact_id}",
        )
        for contact_id in contact_ids
    ]
