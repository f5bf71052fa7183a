"""What a campaign proves is drawn to scale, and the same on the terminal and as SVG."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.experiments import detectable, draw, experiment
from infra.local.plots import interval
from tests.unit.local.test_campaigns import text_of


def a_comparison(verdict: str, low: float, high: float, than: str | None = None) -> dict[str, Any]:
    return {
        "variant": "a",
        "than": than,
        "difference": (low + high) / 2,
        "always": {"low": low, "high": high},
        "verdict": verdict,
    }


def an_experiment(*compared: dict[str, Any], chance: float = 0.5) -> dict[str, Any]:
    return {
        "uplifts": [one for one in compared if one["than"] is None],
        "pairs": [one for one in compared if one["than"]],
        "splits": [{"group": "planned", "chance": chance, "alarming": chance < 0.001}],
    }


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(0.001, 1), st.integers(5, 61))
def test_an_interval_is_as_wide_as_asked(low: float, size: float, reach: float, width: int) -> None:
    drawn = interval(low, low + size, reach=reach, width=width, style="green")
    assert len(drawn.plain) == width
    assert set(drawn.plain) & set("━┃")


@pytest.mark.parametrize(
    ("low", "high", "plain"),
    [(-1, 1, "━━━━━┃━━━━━"), (0.2, 1, "·····│━━━━━"), (-1, -0.6, "━━━··│·····")],
)
def test_an_interval_lies_beside_zero_as_it_is(low: float, high: float, plain: str) -> None:
    assert interval(low, high, reach=1, width=11, style="green").plain == plain


def test_an_experiment_tells_what_is_proved_and_what_not() -> None:
    found = an_experiment(
        a_comparison("better", 0.01, 0.03), a_comparison("open", -0.01, 0.02, than="b")
    )
    told = text_of(experiment(found))
    assert "hold-out" in told
    assert "+2.00" in told
    assert "better" in told
    assert "open" in told
    assert "Do not believe" not in told


def test_a_wrong_split_is_told_first() -> None:
    told = text_of(experiment(an_experiment(a_comparison("better", 0.01, 0.03), chance=1e-5)))
    assert told.index("Do not believe") < told.index("better")
    assert "once in 100,000 campaigns" in " ".join(told.split())


def test_nothing_to_compare_is_no_table() -> None:
    assert text_of(experiment(an_experiment())).strip() == ""


def test_what_a_campaign_can_show_is_a_line_each() -> None:
    both = {"variant": "a", "told": 900, "beside": 100}
    told = text_of(
        detectable([{**both, "than": None, "rise": 0.0712}, {**both, "than": "b", "rise": None}])
    )
    assert "+7.12" in told
    assert "none would show" in told


def test_a_drawing_is_the_picture_of_the_terminal(tmp_path: Path) -> None:
    file = tmp_path / "proved.svg"
    draw(experiment(an_experiment(a_comparison("better", 0.01, 0.03))), file, title="cmp_1")
    root = ET.fromstring(file.read_text())  # noqa: S314 - written here
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    words = " ".join(root.itertext())
    assert "cmp_1" in words
    assert "better" in words
