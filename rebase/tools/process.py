"""One way to run an external program: no shell, no stdin, bytes in and out, errors in words."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rebase.errors import ToolError

STDERR_TAIL = 20  # lines: enough for the cause, few enough to be read
# Not `username/password: …` and `auth token: …`, whose rest says what went wrong.
SECRET = re.compile(
    r"(authorization:\s*\w+\s+|(?<![/\w])password\"?\s*[=:]\s*\"?|token=|\"(?:auth|token)\":\s*\")"
    r"[^\s\"]+|(//[^/\s:@]+:)[^/\s@]+(?=@)",
    re.IGNORECASE,
)


def find(name: str) -> Path | None:
    """The executable of that name on PATH."""
    found = shutil.which(name)
    return Path(found) if found else None


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The user's environment with a locale that every program words its errors in."""
    return {**os.environ, "LC_ALL": "C.UTF-8", **(extra or {})}


def redact(text: str) -> str:
    """Blank out what looks like a secret, so that no log ever holds one."""
    return SECRET.sub(r"\1\2***", text)


def tail(stderr: bytes) -> str:
    """The last lines of a program's standard error, safe to show."""
    lines = stderr.decode(errors="replace").strip().splitlines()
    return redact("\n".join(lines[-STDERR_TAIL:]))


def describe_exit(returncode: int) -> str:
    """`exit status 1`, or `killed by SIGKILL`."""
    if returncode >= 0:
        return f"exit status {returncode}"
    try:
        return f"killed by {signal.Signals(-returncode).name}"
    except ValueError:
        return f"killed by signal {-returncode}"


@dataclass(frozen=True)
class Measured:
    """What a program said, and what it took.

    Attributes:
        seconds: of CPU, user and system.
        peak_bytes: of memory that was its own at one time.
    """

    output: bytes
    seconds: float
    peak_bytes: int


# Linux counts the memory of the process that starts a program as the program's (a `true` that
# is started from here has a peak of 100 MB): so a small Python does, and passes on what it took.
LAUNCHER = """\
import ctypes, os, sys
pid = os.fork()
if not pid:
    ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG: killing the launcher kills the program
    try:
        os.execv(sys.argv[2], sys.argv[2:])
    except OSError as error:
        os.write(2, os.fsencode(f"{sys.argv[2]} cannot be run: {error.strerror}\\n"))
        os._exit(127)
_, status, used = os.wait4(pid, 0)
with open(sys.argv[1], "w") as said:
    print(used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, file=said)
code = os.waitstatus_to_exitcode(status)
if code < 0:
    os.kill(os.getpid(), -code)
sys.exit(code)
"""


def measure(argv: Sequence[str | Path], *, env: Mapping[str, str] | None = None) -> Measured:
    """Run a program, by its path, as `run` does, and measure it.

    Raises:
        ToolError: as `run` does.
    """
    with tempfile.NamedTemporaryFile(prefix="rebase-measured-") as said:
        launcher = [sys.executable, "-I", "-S", "-c", LAUNCHER, said.name]
        output = run([*launcher, *argv], env=env, shown=argv)
        seconds, peak = said.read().split()
    return Measured(output, float(seconds), int(peak))


def run(
    argv: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 300,
    shown: Sequence[str | Path] | None = None,
) -> bytes:
    """Run a program to its end and give its standard output.

    Args:
        timeout: seconds.
        shown: the program that errors name, where another one starts it.

    Raises:
        ToolError: it is missing, failed or took too long; with the tail of its stderr.
    """
    words = [str(word) for word in argv]
    told = [str(word) for word in shown or argv]
    name = Path(told[0]).name
    try:
        process = subprocess.Popen(
            words,
            cwd=cwd,
            env=environment(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except FileNotFoundError:
        raise ToolError(f"{name} is not installed", hint=f"install {name}") from None
    except OSError as error:  # not executable, or not a program
        raise ToolError(f"{name} cannot be run: {error.strerror}") from None
    _running.add(process)
    with process:
        try:
            output, said = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            raise ToolError(f"{name} took longer than {timeout:.0f} s and was ended") from None
        finally:
            process.kill()  # does nothing to one that has ended
            _running.discard(process)
    if process.returncode:
        raise ToolError(
            f"{name} failed ({describe_exit(process.returncode)}): {redact(' '.join(told[1:]))}",
            details=tail(said).splitlines(),
        )
    return output


def end_all() -> None:
    """End every program that `run` has running, in whatever thread."""
    for process in list(_running):
        process.kill()


_running: set["subprocess.Popen[bytes]"] = set()
