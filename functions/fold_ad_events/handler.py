"""Lambda entry point of the counting of ads: batches of the ledger's stream, each of one shard.

A batch names its shard since the mapping has a window; nothing is kept for a window, so its end,
which may come without records, asks for nothing.
"""

from typing import Any

from functions.fold_ad_events.wiring import folding
from shared.placements.model.folding import Recorded
from shared.platform.observability import logger
from shared.platform.streams import recorded, try_again


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Count a batch; it comes again from the first record that could not be counted."""
    found = list(recorded({"Records": event.get("Records", ())}))
    known = [Recorded(position=position, event=told) for position, told in found if told]
    again = {position for position, told in found if not told}
    if known:
        again |= folding().fold(known, shard=event["shardId"])
        logger().info("folded", records=len(found), failed=len(again))
    return {"state": {}, **try_again(sorted(again, key=int))}
