"""What the workflow tells while it works; the command line decides how to show it."""

from typing import Protocol


class Reporter(Protocol):
    def step(self, text: str) -> None:
        """A step begins."""
        ...

    def bytes_read(self, subject: str, done: int, total: int) -> None:
        """A layer is being read."""
        ...

    def warning(self, text: str) -> None:
        """Something about this machine, which is not for the record."""
        ...
