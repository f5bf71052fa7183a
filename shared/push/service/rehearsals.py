"""Use case of those who look at a rehearsal."""

from dataclasses import dataclass
from datetime import timedelta

from shared.push.errors import CampaignNotFoundError
from shared.push.model import State
from shared.push.model.books import Books, books_of
from shared.push.model.campaigns import Run
from shared.push.model.estimates import Forecast, forecast
from shared.push.ports import CampaignStore, PlanStore
from shared.push.service.planning import is_planned


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """A rehearsal as far as it is; the forecast is of what would be sent."""

    run: Run
    books: Books
    is_done: bool
    forecast: Forecast


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsalService:
    """Reads what rehearsals came to."""

    campaigns: CampaignStore
    plans: PlanStore

    def get_rehearsal(self, run_id: str, *, campaign_id: str, app_id: str) -> Rehearsal:
        """Return a rehearsal.

        Raises:
            CampaignNotFoundError: the campaign has no such rehearsal.
        """
        run = self.campaigns.get_run(run_id, campaign_id=campaign_id, app_id=app_id)
        if not run.is_rehearsal:
            raise CampaignNotFoundError(f"{run_id} is no rehearsal")
        books = books_of(self.plans.lines(run))
        timing = run.draft.timing
        first, last = timing.first(), timing.last()
        told = books.count(State.SENT) + books.count(State.DEFERRED)
        return Rehearsal(
            run=run,
            books=books,
            is_done=books.pending == 0 and is_planned(self.plans, run),
            forecast=forecast(
                told,
                holdout_percent=0,
                throttle_per_minute=run.draft.throttle_per_minute,
                spread=last - first if first and last else timedelta(0),
            ),
        )
