"""Lambda entry point of the filing of decisions: records, by their queue.

A body is a record as ``RecordService`` files it. A batch that fails comes again as a whole, and may
lie in two files then: whoever looks for a decision takes the first that has it.
"""

import json
from typing import Any

from functions.file_decisions.wiring import records


def lambda_handler(event: dict[str, Any], _context: object) -> None:
    """File a batch of decisions."""
    records().file_records([json.loads(record["body"]) for record in event["Records"]])
