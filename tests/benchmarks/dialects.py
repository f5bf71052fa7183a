"""T1: what translating a vendor's payload costs, one documented sample of each vendor.

Of SendGrid and Twilio's Event Streams, which send many events at once, a payload is one event.
"""

import time
from collections.abc import Callable, Collection, Iterator
from functools import partial

from shared.contact_events.dialects import DIALECTS
from tests.benchmarks.figures import Comparison, Goal, Result, Runs, Tell, interleaved
from tests.unit.contact_events.dialects.samples import APP, sample

TITLES = {"T1": "Dialects: CPU of translating a payload"}

MILLISECONDS = 0.2
"""What translating may take."""

_SAMPLES = {
    "connect": "disconnected",
    "sendgrid": "custom_arguments",
    "ses": "sns",
    "shopify": "paid",
    "twilio": "incoming_stop",
}
_CALLS = 1000


def measure(ids: Collection[str], *, quick: bool, tell: Tell) -> Iterator[Result]:
    """Translate each vendor's sample, in turns."""
    rounds = 5 if quick else 15
    took = interleaved({name: _translation(name) for name in DIALECTS}, rounds=rounds, tell=tell)
    comparisons = [
        Comparison(
            what=f"CPU of a payload of {name}",
            peer="what it may take",
            unit="ms",
            goal=Goal(1),
            ours=took[name],
            theirs=Runs([MILLISECONDS] * rounds),
        )
        for name in DIALECTS
    ]
    for each in ids:
        yield Result(id=each, title=TITLES[each], comparisons=comparisons)


def _translation(name: str) -> Callable[[], float]:
    payload = sample(name, _SAMPLES[name]).payload
    translate = partial(DIALECTS[name].translate, payload, app_id=APP)
    assert translate().events
    return partial(_milliseconds, translate)


def _milliseconds(translate: Callable[[], object]) -> float:
    before = time.process_time()
    for _ in range(_CALLS):
        translate()
    return (time.process_time() - before) / _CALLS * 1000
