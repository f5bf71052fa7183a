"""A folder with the notes of a stack that is up, and the API that its commands meet."""

from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.local.state import StateFolder
from tests.unit.local.played_api import FACTS, PlayedApi


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> PlayedApi:
    played = PlayedApi()
    client = partial(httpx.Client, transport=httpx.MockTransport(played))

    def request(method: str, url: str, **sent: Any) -> httpx.Response:
        with client() as one:
            return one.request(method, url, **sent)

    monkeypatch.setattr(httpx, "Client", client)
    monkeypatch.setattr(httpx, "request", request)
    monkeypatch.setattr(httpx, "get", partial(request, "GET"))
    return played


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    state = StateFolder(tmp_path / "state")
    state.path.mkdir()
    state.note({"facts": FACTS})
    return tmp_path
