"""Connects push to the contact policy, whose code few requests need."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from time import monotonic
from typing import TYPE_CHECKING

from functions.push_api.wiring.stores import app_store, ids, ledger
from shared.kernel.clock import system_clock
from shared.kernel.decisions import Decision
from shared.kernel.events import Channel, Purpose
from shared.platform.dynamodb import pause_after
from shared.platform.settings import settings
from shared.push.ports import Asked

if TYPE_CHECKING:
    from shared.contact_policy.service.decisions import DecisionService


@cache
def policy() -> "DecisionService":
    """Return the contact policy's decisions; its code is loaded with the first."""
    from shared.contact_policy.ports import AppPlace  # noqa: PLC0415 - few requests need it
    from shared.contact_policy.service.decisions import DecisionService  # noqa: PLC0415
    from shared.contact_policy.service.policies import PolicyCache  # noqa: PLC0415
    from shared.contact_policy.store import DynamoPersonStore, DynamoPolicyStore  # noqa: PLC0415

    class Places:
        """The registrations' apps, as far as the contact policy needs them."""

        def place_of(self, app_id: str) -> AppPlace:
            """Return the app's default zone, and the country of its default locale."""
            app = app_store().get_app(app_id)
            return AppPlace(zone=app.default_timezone, country=app.default_country)

    table = settings().contact_policy_table
    return DecisionService(
        people=DynamoPersonStore(table=table, ledger=ledger()),
        rules=PolicyCache(
            store=DynamoPolicyStore(table=table, ledger=ledger()),
            apps=Places(),
            elapsed=monotonic,
        ),
        clock=system_clock,
        ids=ids(),
        pause=pause_after,
    )


class PolicyLeave:
    """The contact policy, as far as what is told in the app needs it."""

    def ask(self, asked: Sequence[Asked]) -> Sequence[Decision]:
        """Decide for each, in order; who is allowed is counted from now on."""
        from shared.contact_policy.service.decisions import Request  # noqa: PLC0415

        requests = [Request(candidate=one.candidate, key=one.key) for one in asked]
        return [decision for decision, _ in policy().reserve_many(requests)]

    def judge(self, asked: Sequence[Asked], *, at: datetime) -> Sequence[Decision]:
        """Say for each what would be decided at an instant; nobody is counted."""
        return policy().decide_many([one.candidate for one in asked], at=at)


class PolicyTouches:
    """The contact policy's count of what reached a person; its code is loaded with the first."""

    def note(
        self, contact_id: str, *, app_id: str, purpose: Purpose, key: str, at: datetime
    ) -> None:
        """Count what was shown in the app; the same ``key`` again changes nothing."""
        from shared.contact_policy.service.noting import Noted, NotingService  # noqa: PLC0415

        asked = policy()
        noting = NotingService(
            people=asked.people, rules=asked.rules, clock=system_clock, pause=pause_after
        )
        noting.note(
            Noted(
                app_id=app_id,
                contact_id=contact_id,
                channel=Channel.INAPP,
                purpose=purpose,
                key=key,
                times=1,
                at=at,
            )
        )
