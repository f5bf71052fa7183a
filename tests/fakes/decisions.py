"""Decisions about the people and candidates of the tests of contact policy."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from shared.contact_policy.model.control_groups import ControlGroup
from shared.contact_policy.model.decide import decide
from shared.contact_policy.model.policy import Policy
from shared.contact_policy.model.pressure import Pressure, Touch
from shared.contact_policy.model.standing import Standing
from shared.kernel.decisions import Decision
from tests.fakes.contact_policy import ADA, TUESDAY_NOON, candidate


def judged(
    policy: Policy,
    *touches: Touch,
    at: datetime = TUESDAY_NOON,
    standing: Standing | None = None,
    control_groups: Sequence[ControlGroup] = (),
    app_zone: str = "UTC",
    **asked: Any,
) -> Decision:
    """Return the decision about a candidate that differs from the plain one by ``asked``."""
    return decide(
        policy,
        person=ADA,
        pressure=Pressure.of(touches),
        standing=standing or Standing(),
        control_groups=control_groups,
        app_zone=app_zone,
        now=at,
        candidate=candidate(**asked),
    )


def facts_of(decision: Decision) -> Mapping[str, Any]:
    """Return the first reason's gate, rule, limit, count and end."""
    reason = decision.because[0]
    return {
        "gate": reason.gate,
        "rule": reason.rule,
        "limit": reason.limit,
        "count": reason.count,
        "until": reason.until,
    }
