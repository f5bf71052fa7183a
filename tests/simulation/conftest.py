"""A small plan: what is true of 64 shards and thousands of devices is true of a few."""

import pytest

from shared.push.model import planning as chunks
from shared.push.service import planning, releasing
from tests.simulation.pipeline import SHARDS


@pytest.fixture
def small_plans(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plan few shards, in steps of few devices and chunks, so that a schedule is short."""
    monkeypatch.setattr(planning, "AUDIENCE_SHARDS", SHARDS)
    monkeypatch.setattr(releasing, "AUDIENCE_SHARDS", SHARDS)
    monkeypatch.setattr(planning, "PAGE", 2)
    monkeypatch.setattr(planning, "MOST_MEMBERS", 2)
    monkeypatch.setattr(chunks, "LARGEST_CHUNK", 2)
    monkeypatch.setattr(chunks, "MOST_CHUNKS", 1)
