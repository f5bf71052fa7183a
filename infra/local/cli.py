"""The `engage` command: each command calls one part of the local stack and shows the result."""

import json
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Column, Table

from infra.local import bench as benchmarks
from infra.local import imports
from infra.local import policy as policies
from infra.local.ads import ads
from infra.local.amazon import CdkCommand
from infra.local.archive import archive
from infra.local.campaigns import campaign
from infra.local.checkout import Checkout
from infra.local.costing import cost
from infra.local.coupons import coupon
from infra.local.dlq import dlq
from infra.local.drafts import diff, laws, simulate
from infra.local.errors import LocalStackError
from infra.local.examining import doctor
from infra.local.fleet import fleet
from infra.local.logs import Line, lines
from infra.local.marketers import place
from infra.local.outcome import AsJson, reporting, show, tell
from infra.local.rebuilding import rebuild
from infra.local.reports import report
from infra.local.screen import Screen
from infra.local.stack import PREFERRED_PORT, Stack
from infra.local.state import StateFolder
from infra.local.story import Story
from infra.local.story_pictures import next_commands, story
from infra.local.triggers import trigger
from shared.kernel.clock import from_milliseconds, milliseconds, rfc3339, system_clock

app = typer.Typer(
    help="Runs the whole backend on this machine, and deploys it to AWS.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
policy = typer.Typer(help="Looks at contact policies before they are in force.")
app.add_typer(policy, name="policy", no_args_is_help=True)
policy.add_typer(laws, name="laws")
policy.command("simulate")(simulate)
policy.command("diff")(diff)
app.add_typer(ads, name="ads")
app.add_typer(archive, name="archive")
app.add_typer(campaign, name="campaign")
app.add_typer(coupon, name="coupon")
app.add_typer(dlq, name="dlq")
app.add_typer(report, name="report")
app.add_typer(trigger, name="trigger")
app.command()(cost)
app.command()(doctor)
app.command()(fleet)
app.command()(rebuild)
_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}

OnPort = Annotated[
    int, typer.Option("--port", help="Where to serve the API, if it is not served yet; 0: any.")
]


@app.callback()
def choose_state(
    context: typer.Context,
    state: Annotated[
        Path | None,
        typer.Option(envvar="ENGAGE_STATE", help="State folder; .engage of the checkout if unset."),
    ] = None,
) -> None:
    """Run the whole backend on this machine, and deploy it to AWS."""
    checkout = Checkout.here()
    folder = StateFolder((state or checkout.state).resolve())
    context.obj = Stack(checkout, folder, Screen(), system_clock)


@app.command()
def up(context: typer.Context, as_json: AsJson = False, port: OnPort = PREFERRED_PORT) -> None:
    """Start everything, deploy what changed, and say how to use it."""
    with reporting(as_json):
        facts = _stack(context).up(port=port)
        if not show(facts, as_json):
            _show_facts(facts)


@app.command()
def down(
    context: typer.Context,
    as_json: AsJson = False,
    purge: Annotated[bool, typer.Option("--purge", help="Forget all local data too.")] = False,
) -> None:
    """Stop everything; the state stays for the next start."""
    with reporting(as_json):
        stopped = _stack(context).down(purge=purge)
        kept = "its state is gone" if purge else "its state is kept"
        if not show({"stopped": stopped, "purged": purge}, as_json):
            tell(f"{'The stack is down' if stopped else 'Nothing was running'}; {kept}.")


@app.command()
def status(context: typer.Context, as_json: AsJson = False) -> None:
    """Say what runs, and where."""
    with reporting(as_json):
        said = _stack(context).status()
        if show(said, as_json):
            return
        log = Column("log", overflow="fold")
        table = Table("part", "condition", "port", "pid", log, box=None, header_style="dim")
        for name, part in said["parts"].items():
            cells = (part["condition"], part["port"], part["pid"], part["log"])
            table.add_row(name, *(str("" if cell is None else cell) for cell in cells))
        tell(table)
        if "base_url" in said and said["parts"]["proxy"]["port"]:
            tell(f"\nAPI  {said['base_url']}   page  {said['base_url']}/docs")


@app.command()
def logs(
    context: typer.Context,
    function: Annotated[str | None, typer.Argument(help="Such as send_push; all if unset.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for more.")] = False,
    minutes: Annotated[int, typer.Option(help="How far back to begin.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Show what the functions logged."""
    with reporting(as_json):
        cloud = _stack(context).emulator.cloud()
        if cloud is None:
            raise LocalStackError("The stack is not up.", fix="Run `engage up`.")
        since = milliseconds(system_clock() - timedelta(minutes=minutes))
        for line in lines(cloud, function, since=since, follow=follow):
            _show_line(line, as_json)


@app.command()
def demo(
    context: typer.Context,
    as_json: AsJson = False,
    port: OnPort = PREFERRED_PORT,
    seed: Annotated[int, typer.Option(help="The same seed plays the same story.")] = 1,
) -> None:
    """Start everything, then play a story of a thousand phones, and show that its books add up."""
    with reporting(as_json):
        stack = _stack(context)
        facts = stack.up(port=port)
        chapters = Story(facts=facts, screen=stack.screen, clock=system_clock, seed=seed).play()
        told = {"story": [{"title": each.title, **each.evidence} for each in chapters]}
        if not show(told | {"base_url": facts["base_url"]}, as_json):
            tell(story(chapters))
            tell(f"\nThe stack stays up at {facts['base_url']}. Look closer:")
            for command, what in next_commands(chapters):
                tell(f"{command}  # {what}")


@app.command(context_settings=_PASSED_ON)
def deploy(context: typer.Context, as_json: AsJson = False) -> None:
    """Deploy to the AWS account of this shell; what follows goes to `cdk deploy`.

    For example: engage deploy --profile prod -c operator_role_arn=arn:aws:iam::1234:role/Operator
    """
    with reporting(as_json), TemporaryDirectory() as scratch:
        written = Path(scratch) / "outputs.json"
        outputs = ("--outputs-file", str(written))
        _cdk(context, "deploy", "--all", "-c", "target=aws", *outputs, *context.args)
        stacks = json.loads(written.read_text()) if written.exists() else {}
        if not show({"outputs": stacks}, as_json):
            for name, values in stacks.items():
                tell(_key_values(values, title=name))


@app.command(context_settings=_PASSED_ON)
def destroy(context: typer.Context, as_json: AsJson = False) -> None:
    """Remove the deployment from AWS; what follows goes to `cdk destroy`, which asks first.

    Data whose deletion is protected stays, until context deletion_protection=false is deployed.
    """
    with reporting(as_json):
        # With JSON nobody is there to answer.
        force = ["--force"] if as_json else []
        _cdk(context, "destroy", "--all", "-c", "target=aws", *force, *context.args)
        show({"destroyed": True}, as_json)


@app.command()
def bench(
    context: typer.Context,
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Such as P1 C2; all if unset.")
    ] = None,
    as_json: AsJson = False,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer runs, rougher figures.")] = False,
) -> None:
    """Measure ours beside its peers, in turns, and say which goals are reached."""
    with reporting(as_json):
        stack = _stack(context)
        found = list(
            benchmarks.results(ids or (), quick=quick, checkout=stack.checkout, screen=stack.screen)
        )
        if not show({"results": found}, as_json):
            tell(benchmarks.table(found))


@app.command("import")
def import_file(  # noqa: PLR0913, PLR0917 - the options of a command
    context: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV or JSON lines.")],
    kind: Annotated[
        str | None,
        typer.Option(help="devices, contacts, members or touches; not of a vendor's export."),
    ] = None,
    list_name: Annotated[
        str | None, typer.Option("--list", help="For members: the list they are on.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Judge all, write nothing.")] = False,
    file_format: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="csv or jsonl, unless said by the file's name; pinpoint, onesignal or braze: a"
            " vendor's export.",
        ),
    ] = None,
    rejects: Annotated[
        Path | None, typer.Option(help="Where to write the rows that were rejected.")
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            help="The output RegistrationsApiUrl of a deployment on AWS; requests are signed with"
            " the shell's credentials, unless ENGAGE_TOKEN is set. Unset: the local stack."
        ),
    ] = None,
    app_id: Annotated[
        str | None, typer.Option("--app", help="The app; unless said, the local stack's.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Bring a file of devices, contacts, members of a list or touches into an app."""
    with reporting(as_json):
        stack = _stack(context)
        settings = {"dry_run": dry_run, "list_name": list_name}
        settings |= imports.described(file, kind=kind, file_format=file_format)
        facts = stack.folder.notes().get("facts", {})
        there = place(facts, url=url, app_id=app_id, role="editor")
        work = imports.Import(api=there.caller(), app_id=there.app_id, file=file)
        found = _watched(work, settings, stack.screen)
        if rejects:
            imports.fetch_rejects(found, rejects)
        if not show(found, as_json):
            tell(_key_values(found["progress"], title=f"{found['import_id']} {found['state']}"))
            if left := found.get("not_carried"):
                tell(_key_values(left, title="fields without a place here, by rows"))
        if found["state"] == "failed":
            raise typer.Exit(1)


@policy.command("lint")
def lint_policy(
    context: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", exists=True, dir_okay=False, help="YAML, or JSON."),
    ],
    as_json: AsJson = False,
) -> None:
    """Say what is wrong with policy documents, and note what is likely not meant."""
    with reporting(as_json):
        checkout = _stack(context).checkout
        reviews = [policies.review(file, checkout=checkout) for file in files]
        is_valid = all(one.is_valid for one in reviews)
        told = {"valid": is_valid, "files": [one.as_json() for one in reviews]}
        if not show(told, as_json):
            tell(policies.table(reviews))
        if not is_valid:
            raise typer.Exit(1)


@policy.command("schema")
def show_policy_schema(context: typer.Context) -> None:
    """Print the JSON schema of policy documents, for editors and reviewers."""
    with reporting(as_json=False):
        sys.stdout.write(policies.schema(_stack(context).checkout) + "\n")


@policy.command("default")
def show_default_policy(context: typer.Context) -> None:
    """Print the policy of an app that has not written one, in YAML: a start for its own."""
    with reporting(as_json=False):
        sys.stdout.write(policies.default(_stack(context).checkout))


def main() -> None:
    """Run the command line."""
    app()


def _stack(context: typer.Context) -> Stack:
    stack: Stack = context.obj
    return stack


def _watched(
    work: imports.Import, settings: Mapping[str, Any], screen: Screen
) -> Mapping[str, Any]:
    """Show how far an import is until it ends, and return it."""
    found: Mapping[str, Any] = {}
    with screen.step(f"Importing {escape(work.file.name)}") as step:
        for found in work.run(settings):
            step.of(found["size"], done=found["bytes_read"])
        step.says(f"{found['progress']['read']} rows")
    if failure := found["failure"]:
        screen.say(f"[red]{escape(failure['code'])}[/]: {escape(failure['detail'])}")
    return found


def _cdk(context: typer.Context, *arguments: str) -> None:
    stack = _stack(context)
    command = CdkCommand(stack.checkout)
    if not command.is_installed():
        with stack.screen.step("Installing the pinned CDK command line"):
            command.install()
    if code := command.run(arguments):
        raise LocalStackError(
            f"`cdk {arguments[0]}` failed with exit code {code}.",
            fix="Its own words are above. A new account needs `cdk bootstrap` once: see README.",
        )


def _key_values(values: Mapping[str, Any], *, title: str) -> Table:
    table = Table(title=title, title_justify="left", show_header=False, box=None)
    for name, value in values.items():
        table.add_row(escape(str(name)), escape(str(value)))
    return table


def _show_facts(facts: Mapping[str, Any]) -> None:
    tokens = facts["role_tokens"]
    tell(
        f"\nAPI           {facts['base_url']}"
        f"\nPage          {facts['docs_url']}"
        f"\nApp           {facts['app_id']}"
        f"\nDevice        {facts['device']['device_id']}"
        f"\n  its token   {facts['device']['token']}"
        f"\nMarketers     {', '.join(tokens)}: `engage up --json` has a token of each, for an hour"
        f"\n  sender's    {tokens['sender']}"
        f"\n\nA device refreshes its registration:\n{facts['curl']['device']}"
        f"\n\nA marketer sends it a push:\n{facts['curl']['push']}"
        "\n\nThen look at `engage logs -f`, play the whole story with `engage demo`, or stop with "
        "`engage down`."
    )


def _show_line(line: Line, as_json: bool) -> None:
    if as_json:
        at = rfc3339(from_milliseconds(line.at))
        sys.stdout.write(json.dumps({"function": line.function, "at": at, **line.fields()}) + "\n")
        sys.stdout.flush()
    elif not line.is_of_the_platform():
        tell(line.told())
