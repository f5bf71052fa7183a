"""Starts and stops the AWS emulator, in an environment of its own beside the project's."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from uv import find_uv_bin

from infra.local.aws import REGION, Cloud
from infra.local.errors import LocalStackError
from infra.local.processes import Daemon, answers, clean_environment
from infra.local.state import StateFolder

MINISTACK = "ministack==1.5.33"
_START_SECONDS = 60
_SAVE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Emulator:
    """The emulator whose state lies in one folder."""

    folder: StateFolder

    @property
    def daemon(self) -> Daemon:
        """Its process."""
        return self.folder.daemon("emulator")

    def cloud(self) -> Cloud | None:
        """Return its clients, or ``None`` when it does not run."""
        running = self.daemon.running()
        return Cloud(f"http://127.0.0.1:{running.port}") if running else None

    def has_saved_state(self) -> bool:
        """Say whether a clean stop left something to start from."""
        return (self.folder.emulator / "state" / "cloudformation.json").is_file()

    def start(self, *, enforce_iam: bool = True) -> Cloud:
        """Start it where it last listened when that port is free, and wait until it answers.

        Raises:
            LocalStackError: it cannot be fetched, or it did not start.
        """
        home = self.folder.emulator
        for name in ("state", "s3", "tmp"):
            (home / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        port = self.daemon.choose_port()
        _fetch()
        self.daemon.start(
            _command("--offline"),
            port=port,
            environment=clean_environment(
                BIND_HOST="127.0.0.1",
                GATEWAY_PORT=str(port),
                MINISTACK_REGION=REGION,
                AUTH=str(enforce_iam).lower(),
                # Below AWS's own cap it turns calls away, and their messages are hidden for long.
                LAMBDA_ACCOUNT_CONCURRENCY="1000",
                # Its IoT listener would bind every address of the machine.
                IOT_MTLS_ENABLED="0",
                PERSIST_STATE="1",
                STATE_DIR=str(home / "state"),
                S3_DATA_DIR=str(home / "s3"),
                TMPDIR=str(home / "tmp"),
            ),
        )
        url = f"http://127.0.0.1:{port}"
        self.daemon.wait_until(lambda: answers(f"{url}/_ministack/health"), within=_START_SECONDS)
        return Cloud(url)

    def stop(self) -> bool:
        """End it with TERM, which makes it save; return whether it ran."""
        return self.daemon.stop(within=_SAVE_SECONDS)


def _command(*options: str) -> list[str]:
    # On the project's interpreter: Lambda workers run on the emulator's own. cryptography verifies
    # JWTs; handlers that bring no boto3 find one, as on AWS.
    return [
        *(find_uv_bin(), "tool", "run", *options, "--python", sys.executable),
        *("--with", "cryptography", "--with", "boto3", "--from", MINISTACK),
        *("python", "-P", str(Path(__file__).with_name("mended_ministack.py"))),
    ]


def is_fetched() -> bool:
    """Say whether the emulator can start without the network."""
    return _try_out("--offline").returncode == 0


def _fetch() -> None:
    """Have uv make the emulator's environment, unless it is cached."""
    if is_fetched():
        return
    tried = _try_out()
    if tried.returncode:
        raise LocalStackError(
            f"uv cannot fetch {MINISTACK}:\n{tried.stderr.strip()[-1500:]}",
            fix="The first start needs PyPI: check the network, or name a mirror in UV_INDEX_URL.",
        )


def _try_out(*options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*_command(*options), "--help"],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
