"""The story that shows the whole: a thousand phones, and every channel on one timeline."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from engage_mobile import HttpTransport
from infra.local.api import ApiCaller
from infra.local.screen import Screen
from infra.local.story_acts import ACTS
from infra.local.story_stage import AT_ONCE, Evidence, Stage
from shared.kernel.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """One step of the story and the evidence that it took place."""

    title: str
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Plays against a stack that is up, over HTTP only; the same seed plays the same."""

    facts: Mapping[str, Any]
    screen: Screen
    clock: Clock
    seed: int = 1
    live: int = 100
    imported: int = 900

    def play(self) -> list[Chapter]:
        """Play, and return the chapters.

        Raises:
            LocalStackError: a step was refused, or its evidence is missing.
        """
        base_url = self.facts["base_url"]
        limits = httpx.Limits(max_connections=AT_ONCE)
        with (
            TemporaryDirectory() as folder,
            httpx.Client(base_url=base_url, timeout=60, limits=limits) as client,
            HttpTransport(base_url, timeout=60) as transport,
            ThreadPoolExecutor(1) as pool,
        ):
            stage = Stage(
                facts=self.facts,
                clock=self.clock,
                chance=Random(self.seed),  # noqa: S311 - the same each time
                seed=self.seed,
                api=ApiCaller(client, self.facts["role_tokens"]["admin"]),
                transport=transport,
                pool=pool,
                folder=Path(folder),
                live=self.live,
                imported=self.imported,
            )
            chapters = []
            for title, act in ACTS:
                with self.screen.step(title):
                    chapters.append(Chapter(title=title, evidence=act(stage)))
        return chapters
