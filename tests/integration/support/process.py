"""Processes that end with the test: started with a log, waited for, terminated by their pid."""

import http.client
import random
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

# Below the range that Linux takes ports of outgoing connections from: nothing comes between the
# moment that a port is found free and the moment that a server of ours listens on it.
PORTS = range(20000, 32000)
GRACE = 10.0  # seconds from SIGTERM to SIGKILL


class NotInTimeError(AssertionError):
    """What was waited for did not come, or who should have made it come has ended."""


@dataclass(frozen=True)
class Process:
    """A running program and its log."""

    name: str
    popen: "subprocess.Popen[bytes]"
    log: Path
    grace: float = GRACE

    def text(self) -> str:
        """All that it has said so far."""
        return self.log.read_text(errors="replace")

    def tail(self, lines: int = 20) -> str:
        return "\n".join(self.text().splitlines()[-lines:])

    @property
    def alive(self) -> bool:
        return self.popen.poll() is None

    def end(self) -> None:
        """End it, if it has not ended: SIGTERM, some seconds, SIGKILL."""
        if self.alive:
            self.popen.terminate()
            try:
                self.popen.wait(self.grace)
            except subprocess.TimeoutExpired:
                self.popen.kill()
        self.popen.wait()


@contextmanager
def running(
    words: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str],
    name: str = "",
    grace: float = GRACE,
) -> Iterator[Process]:
    """A program with all that it says in a new `log`; it ends with the block, however that ends.

    Args:
        env: all of its environment.
        grace: seconds that it has to end when it is told to.
    """
    # When the tests are killed there is nobody left to end it but the kernel.
    setpriv = shutil.which("setpriv")
    prefix = [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []
    with log.open("wb") as output:
        popen = subprocess.Popen(
            [*prefix, *map(str, words)],
            env=dict(env),
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # Ctrl-C on a terminal is for the tests, which end this in its turn.
            start_new_session=True,
        )
    process = Process(name or Path(words[0]).name, popen, log, grace)
    try:
        yield process
    finally:
        process.end()


def wait_until(
    condition: Callable[[], T | None],
    what: str,
    *,
    timeout: float = 30.0,
    interval: float = 0.1,
    process: Process | None = None,
) -> T:
    """The first thing that `condition` gives which is neither None nor False.

    Args:
        what: for the message, as in "the API server is ready".
        timeout: seconds.
        process: when it ends there is nothing to wait for any more.

    Raises:
        NotInTimeError: with the end of the process's log.
    """
    end = time.monotonic() + timeout
    while True:
        found = condition()
        if found is not None and found is not False:
            return found
        gone = process is not None and not process.alive
        if gone or time.monotonic() > end:
            reason = f"{process.name} has ended" if gone and process else f"not in {timeout:g} s"
            said = f"\n{process.name} says:\n{process.tail()}" if process else ""
            raise NotInTimeError(f"{what}: {reason}{said}")
        time.sleep(interval)


def answers(port: int, path: str, *statuses: int) -> bool:
    """Does a server on loopback answer with one of these statuses?"""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status in statuses
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def free_ports(count: int) -> list[int]:
    """As many ports as asked for that nothing listens on, on any address."""
    found: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise OSError(f"no {count} free ports in {PORTS}")
