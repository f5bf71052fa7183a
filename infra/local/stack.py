"""The stack as a whole: brings its parts up in order, mends what is half there, takes it down."""

import json
import sys
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from infra.local import deployment, streams
from infra.local.assembly import Assembly, synthesise
from infra.local.aws import Cloud
from infra.local.checkout import Checkout
from infra.local.emulator import Emulator
from infra.local.facts import describe
from infra.local.processes import Condition, answers, clean_environment, is_free
from infra.local.screen import Screen
from infra.local.seed import Seeder
from infra.local.state import PROGRAMS, StateFolder
from shared.kernel.clock import Clock, from_rfc3339, rfc3339

PREFERRED_PORT = 8000
_STARTED_SECONDS = 30
_STOPPED_SECONDS = 60
"""The emulator saves all it has before it ends."""

_TRIED_PORTS = 10
_SWALLOWED = timedelta(hours=1)
"""How long before we last saw the stack a row may have been written that the relay missed."""


@dataclass(frozen=True, slots=True)
class Stack:
    """The local stack of one checkout, with its state in one folder."""

    checkout: Checkout
    folder: StateFolder
    screen: Screen
    clock: Clock

    @property
    def emulator(self) -> Emulator:
        """The AWS of this stack."""
        return Emulator(self.folder)

    def up(self, *, port: int = PREFERRED_PORT) -> dict[str, Any]:
        """Bring up whatever is not, deploy what changed, and return how to reach it all.

        ``port`` is where the API is served when it is free, or was the last time; 0 takes any.

        Raises:
            LocalStackError: something on this machine is in the way.
        """
        with self.folder.locked():
            fcm = self._start_fcm()
            cloud = self._start_emulator()
            assembly = self._synthesise()
            self._deploy(cloud, assembly)
            self._revive(cloud, assembly)
            names = deployment.outputs(cloud, [stack.name for stack in assembly.stacks()])
            base_url = self._serve(cloud, api_id=names["ApiId"], port=port)
            with self.screen.step("Seeding an app, its marketers and a phone") as step:
                seeder = Seeder(
                    cloud=cloud, outputs=names, base_url=base_url, fcm=fcm, clock=self.clock
                )
                seeds = seeder.seed(known_phone=self.folder.notes().get("phone"))
                step.says(seeds.app_id)
            facts = describe(cloud, names, base_url=base_url, fcm=fcm, seeds=seeds, at=self.clock())
            seen = {"last_seen": rfc3339(self.clock())}
            self.folder.note({"phone": asdict(seeds.phone), "facts": facts} | seen)
            return facts

    def down(self, *, purge: bool) -> list[str]:
        """Take down what runs, and return the names of what did.

        With ``purge`` the state goes too: the next ``up`` starts from nothing.
        """
        with self.folder.locked():
            self.folder.note({"last_seen": rfc3339(self.clock())})
            stopped = []
            for name in reversed(PROGRAMS):
                daemon = self.folder.daemon(name)
                if daemon.running() is None:
                    continue
                with self.screen.step(f"Stopping the {name}"):
                    daemon.stop(within=_STOPPED_SECONDS)
                stopped.append(name)
            if purge:
                self.folder.purge()
            return stopped

    def _start_emulator(self) -> Cloud:
        if cloud := self.emulator.cloud():
            return cloud
        if self.emulator.daemon.condition() is Condition.DIED:
            self.screen.say(
                "[yellow]The emulator was killed: what it did since it started may be lost.[/]"
            )
        origin = " from saved state" if self.emulator.has_saved_state() else ""
        with self.screen.step(f"Starting the AWS emulator{origin}") as step:
            cloud = self.emulator.start()
            step.says(cloud.endpoint)
        return cloud

    def _start_fcm(self) -> dict[str, Any]:
        daemon = self.folder.daemon("fcm")

        def announced() -> dict[str, Any] | None:
            try:
                with daemon.log.open() as log:
                    return dict(json.loads(log.readline()))
            except (OSError, ValueError):
                return None

        if daemon.running() is None:
            port = daemon.choose_port()
            with self.screen.step("Starting the FCM stand-in") as step:
                program = [sys.executable, "-m", "infra.local.fcm"]
                daemon.start(
                    [*program, "--port", str(port), "--state-dir", str(self.folder.fcm)],
                    port=port,
                    environment=clean_environment(),
                )
                step.says(daemon.wait_until(announced, within=_STARTED_SECONDS)["url"])
        return daemon.wait_until(announced, within=_STARTED_SECONDS)

    def _synthesise(self) -> Assembly:
        with self.screen.step("Synthesising the CDK app") as step:
            log = self.folder.path / "logs" / "synth.log"
            assembly = synthesise(self.checkout, folder=self.folder.assembly, log=log)
            step.says(assembly.code_hash[:8])
        return assembly

    def _deploy(self, cloud: Cloud, assembly: Assembly) -> None:
        if deployment.deployed_hash(cloud) == assembly.code_hash:
            return
        with self.screen.step("Deploying its CloudFormation") as step:
            deployment.deploy(
                cloud, assembly, advance=lambda done, total: step.of(total, done=done)
            )
            streams.drop_twins(cloud)

    def _revive(self, cloud: Cloud, assembly: Assembly) -> None:
        """Once for each life of the emulator: wake the stream consumers, publish what was lost."""
        running = self.emulator.daemon.running()
        life, notes = running and running.birth, self.folder.notes()
        if notes.get("revived") == life:
            return
        if last_seen := notes.get("last_seen"):
            with self.screen.step("Reviving the stream consumers, auditing the relay") as step:
                streams.revive(cloud)
                deployment.mend(cloud, assembly.stacks())
                since = from_rfc3339(last_seen) - _SWALLOWED
                said = streams.audit(cloud, since=since, until=self.clock())
                step.says(f"{said.get('republished', 0)} republished")
        self.folder.note({"revived": life})

    def _serve(self, cloud: Cloud, *, api_id: str, port: int) -> str:
        """Return the stable URL, served by a proxy that knows where the API is now."""
        daemon = self.folder.daemon("proxy")
        upstream = cloud.endpoint.rpartition(":")[2]
        target = ["--upstream", upstream, "--api-id", api_id]
        running = daemon.running()
        if running and self.folder.notes().get("proxied") == target:
            return f"http://localhost:{running.port}"
        if running:
            daemon.stop(within=_STOPPED_SECONDS)
        chosen = daemon.choose_port(*(range(port, port + _TRIED_PORTS) if port else ()))
        with self.screen.step("Serving the API") as step:
            program = [sys.executable, "-m", "infra.local.proxy"]
            daemon.start(
                [*program, "--port", str(chosen), *target, "--openapi", str(self.checkout.openapi)],
                port=chosen,
                environment=clean_environment(),
            )
            url = f"http://localhost:{chosen}"
            daemon.wait_until(lambda: answers(f"{url}/docs"), within=_STARTED_SECONDS)
            step.says(url)
        if port and chosen != port and not is_free(port):
            self.screen.say(f"[yellow]Port {port} is taken by another program: using {chosen}.[/]")
        self.folder.note({"proxied": target})
        return url

    def status(self) -> dict[str, Any]:
        """Return what runs, where, and what the last ``up`` said of it."""
        parts = {}
        for name in PROGRAMS:
            daemon = self.folder.daemon(name)
            running = daemon.running()
            parts[name] = {
                "condition": str(daemon.condition()),
                "pid": running.pid if running else None,
                "port": running.port if running else None,
                "log": str(daemon.log),
            }
        return {"state_folder": str(self.folder.path), "parts": parts} | self._last_facts()

    def _last_facts(self) -> dict[str, Any]:
        facts = self.folder.notes().get("facts", {})
        return {key: facts[key] for key in ("base_url", "app_id", "emulator") if key in facts}
