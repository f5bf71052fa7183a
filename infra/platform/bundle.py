"""Builds what functions run, without Docker: dependency layers and first-party code.

The reasons for what is kept, dropped and compiled are in ``docs/decisions/0002-bundles.md``.
"""

import gzip
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, Self

from uv import find_uv_bin

from infra.context import Target
from infra.errors import DeploymentError

Group = Literal["core", "push", "archive"]

RUNTIME = "3.13"
"""The minor version of Python that Lambda runs: ``.pyc`` are valid for one minor only."""

_KEPT = 3
"""Bundles of a kind in the cache: a way back and forth between branches stays quick."""

_SERVICES = {"cognito-idp", "dynamodb", "events", "s3", "secretsmanager", "sqs", "sts"}
"""What functions call; botocore describes 400 services, 20 MB."""

_NEVER_IMPORTED = {
    "cachecontrol",
    "google-api-core",
    "google-cloud-core",
    "google-cloud-firestore",
    "google-cloud-storage",
    "google-crc32c",
    "google-resumable-media",
    "googleapis-common-protos",
    "grpcio",
    "grpcio-status",
    "msgpack",
    "opentelemetry-api",
    "proto-plus",
    "protobuf",
}
"""Dependencies of firebase-admin that ``firebase_admin.messaging`` never imports, 29 MB."""

_UNASKED = ("babel/locale-data", "phonenumbers/geodata", "phonenumbers/carrierdata")
"""Languages' own formats (Liquid imports Babel, our templates use none of it), 32 MB; names of
places and carriers by the prefix of a number, 20 MB."""

_NO_PART_OF_PARQUET = (
    "*_flight*",
    "*_s3*",
    "*gcsfs*",
    "*azurefs*",
    "*_orc*",
    "_substrait*",
    "*_cpp_tests*",
    "*.p[xy][xdi]",
    "include",
    "includes",
    "src",
)
"""Of pyarrow: what neither it nor ``pyarrow.parquet`` needs to read and write bytes, 50 MB. The
modules of remote file systems are asked for, and may be missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """What a bundle runs on.

    Attributes:
        name: tells bundles for different platforms apart.
        python: the interpreter whose ``.pyc`` the bundle carries.
        wheels: the options by which uv picks wheels.
    """

    name: str
    python: Path
    wheels: tuple[str, ...]

    @classmethod
    def of(cls, target: Target) -> Self:
        """Return Lambda's platform, or this machine's with the project's own interpreter.

        Raises:
            DeploymentError: the target is AWS, and no Python of the runtime's minor is installed.
        """
        if target == "local":
            return cls(
                name=f"{sys.platform}-{machine(target)}-{sys.implementation.cache_tag}",
                python=Path(sys.executable),
                wheels=(),
            )
        return cls(
            name=f"lambda-{machine(target)}-{RUNTIME}",
            python=_runtime_python(),
            wheels=(
                *("--python-platform", "aarch64-manylinux_2_28"),
                *("--python-version", RUNTIME),
                *("--only-binary", ":all:"),
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundler:
    """Builds bundles from a checkout, each once: the same input is found again in the cache.

    Attributes:
        root: the checkout, with ``uv.lock``, ``shared`` and ``functions``.
        platform: what the bundles run on.
    """

    root: Path
    platform: Platform

    def layer(self, group: Group) -> Path:
        """Return the folder of a dependency layer, as ``uv.lock`` has it.

        The others come on top of ``core``, and leave out what that has.

        Raises:
            DeploymentError: uv cannot install the group for this platform.
        """
        locked = self._locked(group)
        if group != "core":
            core = self._locked("core")
            locked = {
                name: requirement
                for name, requirement in locked.items()
                if name not in core and name not in _NEVER_IMPORTED
            }
        requirements = "\n".join(locked.values())
        return self._built(group, requirements, lambda draft: self._install(draft, requirements))

    def way_to_layer(self, group: Group) -> Path:
        """Return the folder of a layer that only leads to ``layer(group)``, on this machine.

        The emulator unpacks a function's layers for each of its instances anew: thousands of files,
        by the one process that has all other work to do as well.

        Raises:
            DeploymentError: uv cannot install the group for this platform.
        """
        packages = str(self.layer(group) / "python")
        return self._built(f"way-to-{group}", packages, lambda draft: _lead(draft, packages))

    def function(self, package: str) -> Path:
        """Return the folder of a function's code: ``shared``, and its own folder alone.

        Raises:
            DeploymentError: there is no such function.
        """
        folder = self.root / "functions" / package
        if not (folder / "handler.py").is_file():
            raise DeploymentError(f"functions/{package}/handler.py is missing in {self.root}.")
        sources = {
            str(file.relative_to(self.root)): file
            for file in (self.root / "functions" / "__init__.py", *_files(self.root / "shared"))
        } | {str(file.relative_to(self.root)): file for file in _files(folder)}
        return self._built(
            package,
            json.dumps({name: _digest(sources[name].read_bytes()) for name in sorted(sources)}),
            lambda draft: self._copy(draft, sources),
        )

    def _copy(self, draft: Path, sources: Mapping[str, Path]) -> None:
        for name, source in sources.items():
            target = draft / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        self._compile(draft, runs_in="/var/task")

    def _install(self, draft: Path, requirements: str) -> None:
        packages = draft / "python"
        listed = draft / "requirements.txt"
        listed.parent.mkdir(parents=True)
        listed.write_text(requirements)
        self._uv(
            *("pip", "install", "--python", sys.executable, "--target", str(packages)),
            *("--no-deps", "--require-hashes", "--requirement", str(listed)),
            # What is trimmed below must be ours: uv links files to its cache, and so to every venv.
            *("--link-mode", "copy"),
            *self.platform.wheels,
        )
        listed.unlink()
        _trim(packages)
        self._compile(draft, runs_in="/opt")

    def _compile(self, draft: Path, *, runs_in: str) -> None:
        """Compile all modules; unchecked, since unpacking a zip gives sources a new time."""
        _run(
            *(str(self.platform.python), "-I", "-m", "compileall", "-q", "-j", "0"),
            *("--invalidation-mode", "unchecked-hash"),
            *("-s", str(draft), "-p", runs_in, str(draft)),
        )

    def _built(self, name: str, inputs: str, build: Callable[[Path], None]) -> Path:
        """Return the folder built from ``inputs`` by the rules of this module."""
        rules = Path(__file__).read_bytes()
        cache = self.root / ".engage" / "bundles" / self.platform.name / name
        folder = cache / _digest(rules, inputs.encode())
        if folder.exists():
            return folder
        cache.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=cache, prefix=".draft-") as scratch:
            draft = Path(scratch, "bundle")
            build(draft)
            try:
                draft.rename(folder)
            except OSError:
                # Another synthesis was quicker, and built the same.
                if not folder.exists():
                    raise
        for outdated in sorted(cache.glob("[!.]*"), key=lambda old: old.stat().st_mtime)[:-_KEPT]:
            shutil.rmtree(outdated)
        return folder

    def _locked(self, group: Group) -> dict[str, str]:
        """Return a dependency group's requirements with their hashes, by package."""
        exported = self._uv(
            *("export", "--python", sys.executable, "--frozen", "--only-group", group),
            *("--no-emit-project", "--no-header", "--no-annotate"),
        )
        return {
            requirement.split("==")[0]: requirement
            for requirement in re.split(r"\n(?=\S)", exported.strip())
        }

    def _uv(self, *arguments: str) -> str:
        return _run(find_uv_bin(), *arguments, cwd=self.root)


def machine(target: Target) -> str:
    """Return the processor that functions run on, in uname's words."""
    return platform.machine() if target == "local" else "aarch64"


def _runtime_python() -> Path:
    """Return an interpreter of the Lambda runtime's minor.

    Raises:
        DeploymentError: none is installed.
    """
    if "{}.{}".format(*sys.version_info) == RUNTIME:
        return Path(sys.executable)
    show = "import sys; print(sys.executable)"
    for search in (
        (find_uv_bin(), "python", "find", "--no-project", RUNTIME),
        (f"python{RUNTIME}", "-c", show),
    ):
        try:
            return Path(_run(*search).strip())
        except (DeploymentError, FileNotFoundError):
            continue
    raise DeploymentError(
        f"Lambda runs Python {RUNTIME}, and the modules that it loads are compiled by the same"
        f" minor, which this machine lacks. Install it by `.venv/bin/uv python install {RUNTIME}`."
    )


def _lead(draft: Path, packages: str) -> None:
    """Make a layer of a ``.pth`` alone, which puts ``packages`` where a layer's own would be."""
    minor = "python{}.{}".format(*sys.version_info)
    site = draft / "python" / "lib" / minor / "site-packages"
    site.mkdir(parents=True)
    # A path by itself would come last, after what the emulator brings.
    (site / "layer.pth").write_text(f"import sys; sys.path.insert(0, {packages!r})\n")


def _trim(packages: Path) -> None:
    """Drop uv's lock, commands, tests, and data that no function asks for."""
    (packages / ".lock").unlink(missing_ok=True)
    shutil.rmtree(packages / "bin", ignore_errors=True)
    for tests in [*packages.glob("*/tests"), *packages.glob("*/*/tests")]:
        shutil.rmtree(tests)
    for unasked in _UNASKED:
        shutil.rmtree(packages / unasked, ignore_errors=True)
    _trim_pyarrow(packages)
    _trim_botocore(packages)


def _trim_pyarrow(packages: Path) -> None:
    for pattern in _NO_PART_OF_PARQUET:
        for part in packages.glob(f"pyarrow/{pattern}"):
            shutil.rmtree(part) if part.is_dir() else part.unlink()


def _trim_botocore(packages: Path) -> None:
    for service in packages.glob("botocore/data/*/"):
        if service.name not in _SERVICES:
            shutil.rmtree(service)
    for described in packages.glob("botocore/data/*/*/*.json.gz"):
        model = _without_prose(json.loads(gzip.decompress(described.read_bytes())))
        described.write_bytes(gzip.compress(_compact(model), mtime=0))
    for endpoints in packages.glob("botocore/data/endpoints.json"):
        listed = json.loads(endpoints.read_bytes())
        for partition in listed["partitions"]:
            known = partition["services"]
            partition["services"] = {name: known[name] for name in known if name in _SERVICES}
        endpoints.write_bytes(_compact(listed))


def _without_prose(model: Any) -> Any:
    """Return a description without its documentation, which every process would parse."""
    if isinstance(model, list):
        return [_without_prose(part) for part in model]
    if not isinstance(model, dict):
        return model
    # A shape may have a member of this name; its description is an object, prose is text.
    return {
        # botocore insists on the documentation of a client's own parameters, which S3 has.
        name: part if name == "clientContextParams" else _without_prose(part)
        for name, part in model.items()
        if not (name == "documentation" and isinstance(part, str))
    }


def _compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files below ``folder`` that a commit would hold."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:32]


def _run(*command: str, cwd: Path | None = None) -> str:
    """Run a command and return what it printed.

    Raises:
        DeploymentError: the command failed; the message is its own.
    """
    # pyenv's shims answer only for the versions that this variable names.
    environment = os.environ | {"PYENV_VERSION": RUNTIME}  # noqa: TID251
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise DeploymentError(f"`{' '.join(command)}` failed:\n{done.stderr or done.stdout}")
    return done.stdout
