"""The checkout that this command runs from: where things lie, and what makes a deployment new."""

import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

_DEPLOYED = (
    *("infra", "functions", "shared", "docs/openapi.json"),
    *("cdk.json", "pyproject.toml", "uv.lock"),
)
_NOT_DEPLOYED = {"__pycache__", "node_modules"}
_THIS_PACKAGE = ("infra", "local")


@dataclass(frozen=True, slots=True)
class Checkout:
    """The project's folder."""

    root: Path

    @classmethod
    def here(cls) -> "Checkout":
        """Return the checkout that holds this file."""
        return cls(Path(__file__).resolve().parents[2])

    @property
    def openapi(self) -> Path:
        """The generated OpenAPI document."""
        return self.root / "docs" / "openapi.json"

    @property
    def state(self) -> Path:
        """Where the stack of this checkout keeps its state unless told otherwise."""
        return self.root / ".engage"

    def code_hash(self) -> str:
        """Return a hash of all that a deployment is made of; the same hash, the same deployment.

        The interpreter belongs to it: local bundles are compiled by it, for this machine.
        """
        seen = blake2b(f"{sys.version} {platform.platform()}".encode(), digest_size=16)
        for path in self._deployed():
            seen.update(f"\n{path.relative_to(self.root)}\n".encode())
            seen.update(path.read_bytes())
        return seen.hexdigest()

    def _deployed(self) -> Iterator[Path]:
        for name in _DEPLOYED:
            top = self.root / name
            if top.is_file():
                yield top
            for path in sorted(path for path in top.rglob("*") if path.is_file()):
                parts = path.relative_to(self.root).parts
                if parts[:2] != _THIS_PACKAGE and _NOT_DEPLOYED.isdisjoint(parts):
                    yield path
