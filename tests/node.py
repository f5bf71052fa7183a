"""Packages of npm that tests run with the Node that we use, each installed once."""

import subprocess
from pathlib import Path

from filelock import FileLock

from infra.local.amazon import npm

CACHE = Path(__file__).parents[1] / ".engage" / "cache"


def node_package(spec: str) -> Path:
    """Return a folder with a package in its ``node_modules``, of exactly this version.

    Raises:
        RuntimeError: npm could not install it.
    """
    folder = CACHE / "npm" / spec.replace("/", "-")
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "installing"):  # several processes of tests may begin at once
        _install(spec, folder)
    return folder


def _install(spec: str, folder: Path) -> None:
    done = folder / "installed"
    if not done.is_file():
        (folder / "package.json").write_text('{"private": true}')
        install = [*npm(), "install", "--no-audit", "--no-fund", "--ignore-scripts", spec]
        ran = subprocess.run(  # noqa: S603 - our own installation
            install, cwd=folder, check=False, capture_output=True, text=True
        )
        if ran.returncode:
            raise RuntimeError(f"npm cannot install {spec}: {ran.stderr[-500:]}")
        done.touch()
