"""Work that waits in queues for the functions behind them.

| queue   | job                                        | function          |
| ------- | ------------------------------------------ | ----------------- |
| plan    | app_id, campaign_id, run_id, shards        | plan_campaign     |
| advance | app_id, campaign_id, run_id                | advance_campaigns |
| push    | app_id, chunk_id, released                 | send_push         |
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from typing_extensions import override

from shared.platform.queue import JobQueue
from shared.push.model.campaigns import Run
from shared.push.ports import Jobs, Waiting

NOW = timedelta(0)
SHARDS = 4
"""Of a job: sixteen planners plan an audience at once, and a small one with sixteen jobs."""


class QueuedJobs(Jobs):
    """Puts jobs into the deployment's queues; a function knows the URLs of those that it feeds."""

    def __init__(
        self,
        *,
        plan: str | None = None,
        advance: str | None = None,
        push: str | None = None,
    ) -> None:
        urls = {"plan": plan, "advance": advance, "push": push}
        self._queues = {name: JobQueue(url=url) for name, url in urls.items() if url}

    @override
    def plan(self, run: Run, shards: Sequence[int]) -> None:
        job = _job(run)
        lots = [shards[start : start + SHARDS] for start in range(0, len(shards), SHARDS)]
        self._queues["plan"].put_all([({**job, "shards": list(lot)}, NOW) for lot in lots])

    @override
    def advance(self, run: Run, *, after: timedelta = NOW) -> None:
        self._queues["advance"].put(_job(run), after=after)

    @override
    def send(self, run: Run, released: Sequence[tuple[Waiting, timedelta]]) -> None:
        self._queues["push"].put_all(
            [
                ({"app_id": run.app_id, "chunk_id": one.chunk_id, "released": True}, after)
                for one, after in released
            ]
        )


def _job(run: Run) -> dict[str, Any]:
    return {"app_id": run.app_id, "campaign_id": run.campaign_id, "run_id": run.run_id}
