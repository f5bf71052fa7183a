from pathlib import Path

import pytest

from infra.local.checkout import Checkout


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    for name in ("infra/app.py", "infra/local/cli.py", "functions/f/handler.py", "shared/a.py"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("one = 1\n")
    (tmp_path / "uv.lock").write_text("")
    return Checkout(tmp_path)


@pytest.mark.parametrize("changed", ["infra/app.py", "functions/f/handler.py", "uv.lock"])
def test_what_is_deployed_changes_the_hash(checkout: Checkout, changed: str) -> None:
    before = checkout.code_hash()
    (checkout.root / changed).write_text("one = 2\n")
    assert checkout.code_hash() != before


@pytest.mark.parametrize(
    "untouched",
    ["infra/local/cli.py", "shared/__pycache__/a.pyc", "infra/node_modules/x", "README"],
)
def test_what_is_not_deployed_leaves_the_hash(checkout: Checkout, untouched: str) -> None:
    before = checkout.code_hash()
    file = checkout.root / untouched
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("one = 2\n")
    assert checkout.code_hash() == before


def test_moving_code_changes_the_hash(checkout: Checkout) -> None:
    before = checkout.code_hash()
    (checkout.root / "shared/a.py").rename(checkout.root / "shared/b.py")
    assert checkout.code_hash() != before


def test_this_very_checkout_is_found() -> None:
    assert (Checkout.here().root / "pyproject.toml").is_file()
