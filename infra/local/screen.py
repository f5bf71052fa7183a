"""What a person sees while a command works: bars on a terminal, plain lines in a log."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn


@dataclass(slots=True)
class Step:
    """A long step in progress; ``of`` tells how far it is, ``says`` what came of it."""

    title: str
    progress: Progress | None = None
    task: TaskID | None = None
    result: str = ""

    def of(self, total: int, *, done: int) -> None:
        """Show that ``done`` of ``total`` parts are finished."""
        if self.progress and self.task is not None:
            self.progress.update(self.task, total=total, completed=done)

    def names(self, title: str) -> None:
        """Say what is being done now, until the step ends."""
        if self.progress and self.task is not None:
            self.progress.update(self.task, description=title)

    def says(self, result: str) -> None:
        """Add a few words on the outcome to the finished line."""
        self.result = result


@dataclass(frozen=True, slots=True)
class Screen:
    """Where progress goes: standard error, so that standard output holds results only."""

    console: Console = field(default_factory=lambda: Console(file=sys.stderr, highlight=False))

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Show ``title`` with a moving bar until the block ends, then a line with its time."""
        began = time.monotonic()
        if self.console.is_terminal:
            columns = (
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(28),
                TimeElapsedColumn(),
            )
            with Progress(*columns, console=self.console, transient=True) as bar:
                step = Step(title, bar, bar.add_task(title, total=None))
                yield step
        else:
            step = Step(title)
            yield step
        result = f" [dim]{step.result}[/]" if step.result else ""
        self.console.print(f"[green]✓[/] {title}{result} [dim]{time.monotonic() - began:.1f} s[/]")

    def say(self, text: str) -> None:
        """Show one line."""
        self.console.print(text)
