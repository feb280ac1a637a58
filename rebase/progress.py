"""Progress on standard error: bars on a terminal, a plain line now and then off it."""

import time
from contextlib import AbstractContextManager
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn

LINE_EVERY = 10.0  # seconds between lines about one layer, off a terminal


class Terminal(AbstractContextManager["Terminal"]):
    """Tells what the workflow does; a context manager that leaves the terminal clean."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._quiet = quiet
        self._bars = Progress(
            TextColumn("  {task.description}"),
            BarColumn(),
            DownloadColumn(),
            console=self.console,
            transient=True,
            disable=quiet or not self.console.is_terminal,
        )
        self._task: TaskID | None = None
        self._told = time.monotonic()

    def __enter__(self) -> "Terminal":
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def step(self, text: str) -> None:
        self._told = time.monotonic()
        if not self._quiet:
            self.console.print(text, markup=False)

    def bytes_read(self, subject: str, done: int, total: int) -> None:
        if not self._bars.disable:
            if self._task is None:
                self._task = self._bars.add_task("layer")
            self._bars.update(self._task, completed=done, total=total, visible=done < total)
        elif not self._quiet and time.monotonic() - self._told > LINE_EVERY:
            self._told = time.monotonic()
            self.console.print(f"  {done / 1e6:.0f} of {total / 1e6:.0f} MB", markup=False)

    def warning(self, text: str) -> None:
        self.console.print(f"warning: {text}", markup=False)
