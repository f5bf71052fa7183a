"""Records of decisions: filed after they were made, found by their id.

A file holds records of one app and one minute, a line of JSON each, gzip. It lies under the minute
in which its decisions were made, whenever it was written: the id of a decision says the minute.
"""

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shared.kernel.ids import ULID_LENGTH, Ids, is_ulid, made_at
from shared.placements.errors import DecisionNotFoundError
from shared.placements.ports.results import DecisionRecords

_PREFIX = "dec_"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordService:
    """Files records of decisions, and finds them again.

    A record is plain JSON; it has the decision's ``decision_id`` and its ``app_id``.
    """

    records: DecisionRecords
    ids: Ids

    def file_records(self, batch: Sequence[Mapping[str, Any]]) -> None:
        """Write a batch: one file for each app and minute. The same batch again does no harm."""
        files: dict[str, list[Mapping[str, Any]]] = {}
        for record in batch:
            folder = _folder(record["app_id"], made_at(record["decision_id"]))
            files.setdefault(folder, []).append(record)
        for folder, some in files.items():
            lines = "".join(f"{_json(record)}\n" for record in some)
            # Without the instant of packing, the same is packed to the same.
            packed = gzip.compress(lines.encode(), mtime=0)
            self.records.put(f"{folder}{self.ids.sequence()}.jsonl.gz", packed)

    def find(self, decision_id: str, *, app_id: str) -> Mapping[str, Any]:
        """Return the record of a decision: all of its minute's files are looked through.

        Raises:
            DecisionNotFoundError: there is none (yet): it takes up to a minute until it is filed.
        """
        ulid = decision_id[-ULID_LENGTH:]
        if decision_id != f"{_PREFIX}{ulid}" or not is_ulid(ulid):
            raise DecisionNotFoundError(f"{decision_id} is no id of a decision")
        wanted = decision_id.encode()
        for key in self.records.keys(_folder(app_id, made_at(ulid))):
            for line in gzip.decompress(self.records.get(key)).splitlines():
                # To read a line as JSON takes far longer than to see that it is another one's.
                if wanted in line:
                    record: dict[str, Any] = json.loads(line)
                    if record["decision_id"] == decision_id:
                        return record
        raise DecisionNotFoundError(
            f"{decision_id} is not there; a decision is filed within a minute, and kept for 14 days"
        )


def _folder(app_id: str, at: datetime) -> str:
    return f"APP/{app_id}/decisions/{at.astimezone(UTC):%Y/%m/%d/%H/%M}/"


def _json(record: Mapping[str, Any]) -> str:
    return json.dumps(record, separators=(",", ":"), ensure_ascii=False)
