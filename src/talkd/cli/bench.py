"""`talkd bench`: simulate users on a test server, and measure it."""

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.exceptions import Exit

from talkd.cli import command

if TYPE_CHECKING:
    from talkd.load.http import Login
    from talkd.load.plan import Plan
    from talkd.load.processes import Watched

FAULTS = 3
"""Exit status if messages were lost, doubled or out of order."""
PASSWORD = "TALKD_BENCH_PASSWORD"
MISSING = 'this command needs an extra: pip install "talkd[bench]"'


class Bar:
    """A progress bar for each thing that is done. Without a terminal, one line for each."""

    def __init__(self) -> None:
        self._name, self._done = "", 0
        self._bar: Any = None

    def show(self, name: str, done: int, total: int) -> None:
        """Show that `done` of `total` are done."""
        if name != self._name or self._bar is None:
            self.end()
            self._name, self._done = name, 0
            self._bar = click.progressbar(length=max(1, total), label=name, file=sys.stderr)
            self._bar.__enter__()
        self._bar.update(done - self._done)
        self._done = done

    def end(self) -> None:
        """End the bar."""
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
            self._bar = None


@click.command
@click.argument("targets", metavar="URL", nargs=-1)
@click.option("--admin", default="admin", show_default=True, help="Administrator who creates accounts for the test.")
@click.option("--users", type=click.IntRange(1), default=20, show_default=True, help="Simulated users.")
@click.option("--steps", metavar="N,N,…", default="", help="Growing numbers of users in place of --users.")
@click.option("--duration", type=click.FloatRange(1), default=60.0, show_default=True, help="Seconds of each step.")
@click.option("--rooms", type=click.IntRange(0), default=0, help="Conversations; one for each ten users by default.")
@click.option(
    "--rate",
    type=click.FloatRange(0, 1000, min_open=True),
    default=0.2,
    show_default=True,
    help="Actions a second of each user.",
)
@click.option("--total-rate", type=click.FloatRange(0), default=0.0, help="At most so many actions a second together.")
@click.option(
    "--sockets",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Share of users with a WebSocket; the others poll.",
)
@click.option(
    "--at-once", type=click.IntRange(1), default=200, show_default=True, help="Most actions in progress at a time."
)
@click.option("--weight", "weights", multiple=True, metavar="NAME=N", help="How often users do something; repeatable.")
@click.option("--seed", type=int, default=1, show_default=True, help="Runs with the same seed do the same.")
@click.option(
    "--pid", "pids", multiple=True, metavar="NAME=PID", help="Process of the server on this machine; repeatable."
)
@click.option(
    "--metrics",
    multiple=True,
    metavar="NAME=URL",
    help="Metrics of a process of the server; repeatable. By default /metrics at URL, if it answers.",
)
@click.option("--label", default="", help="Name of the run in reports and plots.")
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), metavar="FILE", help="Write the figures to a file."
)
@click.option(
    "--plot",
    "plots",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Draw them into FILE.svg or FILE.png; repeatable.",
)
@click.option("--insecure", is_flag=True, help="Accept any certificate.")
@click.option("--yes-this-is-a-test-server", "is_sure", is_flag=True, help="Do not ask whether it is one.")
@click.option("--remove-leftovers", is_flag=True, help="Only remove what interrupted runs have left on the server.")
@click.option("--compare", is_flag=True, help="Compare the JSON files of runs, which are given in place of URL.")
def bench(
    targets: tuple[str, ...],
    admin: str,
    users: int,
    steps: str,
    duration: float,
    rooms: int,
    rate: float,
    total_rate: float,
    sockets: float,
    at_once: int,
    weights: tuple[str, ...],
    seed: int,
    pids: tuple[str, ...],
    metrics: tuple[str, ...],
    label: str,
    json_file: Path | None,
    plots: tuple[Path, ...],
    insecure: bool,
    is_sure: bool,
    remove_leftovers: bool,
    compare: bool,
) -> None:
    """Simulate users on the TEST server at URL, and measure it. Never use it on a server that people use.

    The accounts and conversations that it creates are removed at the end, also after Ctrl-C. The password of the
    administrator comes from TALKD_BENCH_PASSWORD or from a prompt. Status 3 if messages were lost, doubled or out of
    order.
    """
    try:
        from talkd.load.plan import Plan, Wrong, parse_weights
        from talkd.load.plot import require_formats
        from talkd.load.run import require_files
    except ImportError:
        command.fail(MISSING)
    try:
        require_formats(plots)
        if compare:
            _compare([Path(each) for each in targets], plots)
            return
        if len(targets) != 1:
            raise click.UsageError("give the address of one server: talkd bench URL")
        plan = Plan(
            url=targets[0].rstrip("/"),
            steps=_parse_steps(steps) or (users,),
            seconds=duration,
            rooms=rooms,
            rate=rate,
            total_rate=total_rate,
            sockets=sockets,
            at_once=at_once,
            seed=seed,
            weights=parse_weights(weights),
            verify=not insecure,
        )
        require_files(plan.users)
        _require_test_server(plan, is_sure=is_sure)
        login = _login(admin)
        if remove_leftovers:
            _remove_leftovers(plan, login)
            return
        _perform(plan, login, pids, metrics, label, json_file, plots)
    except Wrong as error:
        command.fail(str(error))


def _parse_steps(text: str) -> tuple[int, ...]:
    try:
        found = tuple(int(each) for each in text.split(",")) if text else ()
    except ValueError:
        found = (0,)
    if any(each < 1 for each in found):
        raise click.UsageError("--steps: write numbers of users like 100,200,400")
    return found


def _require_test_server(plan: "Plan", *, is_sure: bool) -> None:
    """Ask whether the server is one for tests, unless it is on this machine. Raises Wrong if the address is none."""
    from talkd.load.target import is_loopback, require_address

    address = require_address(plan.url, verify=plan.verify)
    if is_sure or is_loopback(address.host):
        return
    if not sys.stdin.isatty():
        command.fail(f"{address.host} may be a server that people use: --yes-this-is-a-test-server says that it is not")
    click.echo(f"This simulates {plan.users} users on {address.host}, who slow it down and create much data.", err=True)
    if click.prompt("Type the name of the host if it is a test server", err=True) != address.host:
        command.fail("that is not its name")


def _login(admin: str) -> "Login":
    from talkd.load.http import Login

    password = os.environ.get(PASSWORD, "")
    if not password:
        if not sys.stdin.isatty():
            command.fail(f"no password: set {PASSWORD}")
        password = str(click.prompt(f"Password of {admin}", hide_input=True, err=True))
    return Login(admin, password)


def _perform(
    plan: "Plan",
    login: "Login",
    pids: tuple[str, ...],
    metrics: tuple[str, ...],
    label: str,
    json_file: Path | None,
    plots: Sequence[Path],
) -> None:
    from talkd.load import plot, report
    from talkd.load.processes import Watched
    from talkd.load.run import Run, find_target

    bar = Bar()
    watched: list[Watched] = []

    async def work() -> report.Report:
        target = await find_target(plan, login)
        run = Run(plan, login, target, watched, bar.show, label)
        try:
            await _watch(watched, plan, pids, metrics)
            return await run.perform()
        finally:
            bar.end()
            for each in watched:
                each.close()
            if run.left or run.has_data:
                click.echo("talkd: accounts may be left on the server: use --remove-leftovers later", err=True)

    found = asyncio.run(work())
    for step in found.steps:
        click.echo()
        for line in report.tables(step):
            click.echo(line)
    if json_file:
        report.write_report(found, json_file)
    plot.draw([found], plots)
    if found.faults:
        click.echo(f"talkd: {found.faults} deliveries went wrong", err=True)
        raise Exit(FAULTS)
    if found.left_accounts:
        raise Exit(1)


async def _watch(found: "list[Watched]", plan: "Plan", pids: tuple[str, ...], metrics: tuple[str, ...]) -> None:
    """Add the processes of the server to watch. Raises Wrong."""
    from talkd.load.plan import Wrong
    from talkd.load.processes import WatchedMetrics, WatchedProcess

    for text in pids:
        name, equals, pid = text.rpartition("=")
        if not pid.isdigit():
            raise Wrong(f"--pid {text}: write NAME=PID")
        found.append(WatchedProcess(name if equals else "server", int(pid)))
    for text in metrics:
        name, equals, url = text.partition("=")
        each = WatchedMetrics(name if equals else "server", url or name, verify=plan.verify)
        found.append(each)
        if not await each.is_there():
            raise Wrong(f"--metrics {text}: there are no metrics of a process, or this address may not read them")
    if not found:
        default = WatchedMetrics("server", f"{plan.url}/metrics", verify=plan.verify)
        if await default.is_there():
            found.append(default)
        else:
            default.close()


def _remove_leftovers(plan: "Plan", login: "Login") -> None:
    from talkd.load.crowd import Remover
    from talkd.load.http import Failed
    from talkd.load.plan import Wrong
    from talkd.load.run import find_target
    from talkd.load.target import require_address

    async def work() -> int:
        await find_target(plan, login)
        try:
            return await Remover(require_address(plan.url, verify=plan.verify), login).remove_leftovers()
        except Failed as error:
            raise Wrong(f"the server does not answer any more: {error}") from error

    click.echo(f"{asyncio.run(work())} accounts removed")


def _compare(files: Sequence[Path], plots: Sequence[Path]) -> None:
    from talkd.load import comparison, plot, report

    if len(files) < 2:
        raise click.UsageError("--compare: give two or more JSON files")
    reports = [report.read_report(each) for each in files]
    for line in comparison.compare(reports):
        click.echo(line)
    plot.draw(reports, plots)
