"""What the contact policy answers, as a state keeps it."""

from collections.abc import Mapping
from typing import TypeVar

from shared.kernel.decisions import Allow, Decision, Defer, Drop
from shared.placements.model.ad_state import Hold

WhatT = TypeVar("WhatT")
"""A purpose, or a topic of one."""


def holds_of(decisions: Mapping[WhatT, Decision]) -> Mapping[WhatT, Hold]:
    """Return of what the policy does not allow ads, each with the gate that says so.

    A hold ends when the decision says, or when its first reason does; else when something changes.
    """
    return {
        what: _hold(decision)
        for what, decision in decisions.items()
        if not isinstance(decision, Allow)
    }


def _hold(decision: Defer | Drop) -> Hold:
    reason = decision.because[0]
    until = decision.until if isinstance(decision, Defer) else reason.until
    return Hold(reason=reason.gate.value, detail=reason.detail, until=until)
