"""rhoai-rebase as a user runs it: arguments in; exit code, stdout and stderr out."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# What the machine that runs the tests has set must not decide what they see.
DROPPED = ("REGISTRY_AUTH_FILE", "KEEP_STAGING", "NO_BRANCH", "XDG_RUNTIME_DIR", "DOCKER_CONFIG")
NAME_FOR_GIT = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Tester"), ("EMAIL", "tester@example.com"))
}


@dataclass(frozen=True)
class Run:
    """A run that has ended."""

    code: int
    out: str
    err: str

    def ok(self) -> "Run":
        """Itself, when it went well."""
        assert self.code == 0, f"exit {self.code}\n{self.out}\n{self.err}"
        return self

    def failed(self, code: int, *said: str) -> "Run":
        """Itself, when it failed with this code and said all this, without a traceback."""
        assert self.code == code, f"exit {self.code}, not {code}\n{self.out}\n{self.err}"
        assert "Traceback" not in self.err
        for text in ("error: ", *said):
            assert text in self.err, f"{text!r} is not in\n{self.err}"
        return self


def environment(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a user with an empty home directory."""
    kept = {name: value for name, value in os.environ.items() if name not in DROPPED}
    return {
        **kept,
        **NAME_FOR_GIT,
        "HOME": str(home),
        "GIT_CONFIG_GLOBAL": os.devnull,
        **(extra or {}),
    }


def argv(*arguments: str | Path) -> list[str]:
    """The command with its arguments, by the Python that runs the tests."""
    return [sys.executable, "-m", "rebase", *map(str, arguments)]


def rebase(
    *arguments: str | Path,
    root: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Run:
    """Run `rhoai-rebase ARGUMENTS --root ROOT` (for `to`, `download` and `process`)."""
    return run([*argv(*arguments), "--root", str(root)], env=env, cwd=cwd or root)


def run(words: list[str], *, cwd: Path, env: Mapping[str, str] | None = None) -> Run:
    """Run a program in a directory, which is its home as well."""
    done = subprocess.run(
        words,
        cwd=cwd,
        env=environment(cwd, env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return Run(done.returncode, done.stdout, done.stderr)
