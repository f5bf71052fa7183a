"""The vendors' samples: what each sends by its documentation, and beside it what that tells us.

A sample is ``samples/<vendor>/<name>.json``, found by its name: the page it ``follows``, the
``headers`` if they say anything, and the ``body``, JSON or a text. ``<name>.told.json`` is written
by ``pytest --publish``, to be read before it is committed.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from shared.contact_events.model.events import ForeignEvent
from shared.contact_events.model.payloads import Payload
from shared.contact_events.model.translations import Translation
from shared.kernel.clock import rfc3339
from tests.fakes.clock import NOON

FOLDER = Path(__file__).parent / "samples"
APP = "app_01JD8Z00000000000000000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    vendor: str
    name: str
    headers: Mapping[str, str]
    body: Any

    @property
    def told(self) -> Path:
        return FOLDER / self.vendor / f"{self.name}.told.json"

    @property
    def payload(self) -> Payload:
        text = self.body if isinstance(self.body, str) else json.dumps(self.body)
        return payload(text, headers=self.headers)


def payload(body: str | Mapping[str, Any], *, headers: Mapping[str, str] | None = None) -> Payload:
    """Return a body as it came at noon."""
    return Payload(
        body=body.encode() if isinstance(body, str) else body,
        headers=headers or {},
        received_at=NOON,
    )


def samples(vendor: str = "*") -> list[Sample]:
    """Return the samples of a vendor, or of all."""
    found = sorted(FOLDER.glob(f"{vendor}/*.json"))
    return [_read(path) for path in found if not path.name.endswith(".told.json")]


def sample(vendor: str, name: str) -> Sample:
    """Return a sample by its name."""
    return _read(FOLDER / vendor / f"{name}.json")


def plain(translation: Translation) -> dict[str, Any]:
    """Return a translation as it stands in the files."""
    return {
        "events": [
            {"index": translation.index_of(number), **_event(event)}
            for number, event in enumerate(translation.events)
        ],
        "rejects": [asdict(reject) for reject in translation.rejects],
        "ignored": translation.ignored,
    }


def _read(path: Path) -> Sample:
    written = json.loads(path.read_text())
    return Sample(
        vendor=path.parent.name,
        name=path.stem,
        headers=written.get("headers", {}),
        body=written["body"],
    )


def _event(event: ForeignEvent) -> dict[str, Any]:
    fields = asdict(event)
    assert fields.pop("app_id") == APP
    keeps_original = fields.pop("raw") is not None
    return {
        **{name: value for name, value in fields.items() if value is not None},
        "time": rfc3339(event.time),
        "keeps_original": keeps_original,
    }
