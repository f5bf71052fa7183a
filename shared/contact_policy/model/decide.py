"""May this person be told this, now? The one decision of the domain: pure, total, explained."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from shared.contact_policy.model.control_groups import ControlGroup
from shared.contact_policy.model.facts import Facts
from shared.contact_policy.model.gates import GATES, Refusal, expired, hours_remarks
from shared.contact_policy.model.policy import Policy
from shared.contact_policy.model.pressure import Pressure, Touch, offer_hash
from shared.contact_policy.model.standing import Standing
from shared.kernel.clock import whole_milliseconds
from shared.kernel.decisions import Allow, Candidate, Decision, Defer, Drop, Gate, Reason
from shared.kernel.events import Channel

MOST_DEFERRAL = timedelta(days=7)
"""Nothing waits for longer: what could be told only later is dropped, with the instant in its
reason. Journey Optimizer keeps what waits for as long."""

_HELD_BY_CHANNEL = frozenset(
    {
        Gate.CONSENT,
        Gate.PREFERENCE,
        Gate.LAW,
        Gate.COOLDOWN,
        Gate.QUIET_HOURS,
        Gate.DEDUPE,
        Gate.MINIMUM_GAP,
        Gate.CAP,
        Gate.PRIORITY,
    }
)
"""Gates that may let another channel pass. A control group is left out though some cover a channel
alone: to go round one would spoil its experiment."""


def decide(  # noqa: PLR0913 - all that a decision depends on, each by its name
    policy: Policy,
    *,
    person: str,
    pressure: Pressure,
    standing: Standing,
    control_groups: Sequence[ControlGroup],
    app_zone: str,
    now: datetime,
    candidate: Candidate,
    default_country: str | None = None,
) -> Decision:
    """Judge a candidate gate by gate; the first gate that refuses gives the answer.

    ``person`` is the canonical contact id. ``app_zone`` (IANA) and ``default_country`` (ISO 3166-1
    alpha-2) stand where nothing is known of the person. A Defer ends at an instant at which the
    same request passes the gate that deferred it, if nothing else happens.
    """
    facts = Facts(
        policy=policy,
        person=person,
        pressure=pressure,
        standing=standing,
        control_groups=control_groups,
        app_zone=app_zone,
        default_country=default_country,
        now=whole_milliseconds(now),
    )
    return judged(facts, candidate, tries=_other_channel)


def judged(
    facts: Facts,
    candidate: Candidate,
    *,
    tries: Callable[[Facts, Candidate], Channel | None] = lambda _facts, _candidate: None,
) -> Decision:
    """Decide by facts that are there already; ``tries`` names a channel to be told of instead."""
    refused = _first_refusal(facts, candidate)
    if refused is None:
        return Allow(because=_remarks(facts, candidate))
    gate, refusal = refused
    channel = tries(facts, candidate) if gate in _HELD_BY_CHANNEL else None
    if refusal.until is None or refusal.until > facts.now + MOST_DEFERRAL:
        return Drop(because=refusal.reasons, try_channel=channel)
    if candidate.expires_at is not None and refusal.until >= candidate.expires_at:
        return Drop(because=(*refusal.reasons, expired()), try_channel=channel)
    return Defer(until=refusal.until, because=refusal.reasons, try_channel=channel)


def touch_of(
    candidate: Candidate,
    policy: Policy,
    *,
    touch_id: str,
    held_until: datetime | None = None,
) -> Touch:
    """Return the touch that an allowed candidate becomes; its origin is the candidate's contact."""
    return Touch(
        touch_id=touch_id,
        origin=candidate.contact_id,
        channel=candidate.channel,
        purpose=candidate.purpose,
        weight=policy.weight_of(candidate),
        offer=offer_hash(candidate.offer_key),
        held_until=held_until,
    )


def _first_refusal(facts: Facts, candidate: Candidate) -> tuple[Gate, Refusal] | None:
    bypassed = facts.policy.bypassed(candidate.purpose)
    for gate, judge in GATES:
        if gate not in bypassed:
            refusal = judge(facts, candidate)
            if refusal is not None:
                return gate, refusal
    return None


def _remarks(facts: Facts, candidate: Candidate) -> tuple[Reason, ...]:
    if Gate.QUIET_HOURS in facts.policy.bypassed(candidate.purpose):
        return ()
    return hours_remarks(facts, candidate)


def _other_channel(facts: Facts, candidate: Candidate) -> Channel | None:
    """Return the best other channel on which the same would be allowed now."""
    preferred = facts.effective.preferred_channel
    order = facts.policy.channel_order
    for channel in order if preferred is None else (preferred, *order):
        if channel is not candidate.channel:
            same = replace(candidate, channel=channel)
            if _first_refusal(facts, same) is None:
                return channel
    return None
