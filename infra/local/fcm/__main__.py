"""Runs the stand-in as a process: ``python -m infra.local.fcm --port 0 --state-dir DIR``.

Prints one line of JSON when it is ready, and ends on TERM or INT.
"""

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

from infra.local.fcm.faults import FaultPlan
from infra.local.fcm.server import serving


def main() -> int:
    """Serve until told to stop; return the exit code."""
    arguments = _arguments()
    try:
        asyncio.run(_run(arguments))
    except OSError as error:
        sys.stderr.write(
            f"The FCM stand-in cannot listen on port {arguments.port}: {error.strerror}. "
            "Free the port, or name another with --port (0 takes any that is free).\n"
        )
        return 1
    return 0


async def _run(arguments: argparse.Namespace) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    plan = FaultPlan(latency_ms=arguments.latency_ms)
    async with serving(state_dir=arguments.state_dir, port=arguments.port, plan=plan) as listening:
        ready = {
            "url": listening.url,
            "port": listening.port,
            "ca": str(listening.identity.ca.resolve()),
            "service_account": str(listening.identity.service_account.resolve()),
        }
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        await stopped.wait()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.local.fcm", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes any that is free")
    parser.add_argument("--state-dir", type=Path, required=True, help="keeps keys, certificates")
    parser.add_argument("--latency-ms", type=float, default=0, help="before a message is answered")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
