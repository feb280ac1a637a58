"""Git repositories of the tests."""

import subprocess
from pathlib import Path

from integration.support.command import environment
from integration.support.surroundings import tool


def git(root: Path, *words: str) -> str:
    """What git says."""
    done = subprocess.run(
        [tool("git"), *words], cwd=root, env=environment(root), check=True, capture_output=True
    )
    return done.stdout.decode().strip()


def new_repository(root: Path) -> Path:
    """A repository with one commit, on branch main."""
    root.mkdir(parents=True)
    git(root, "init", "-q", "-b", "main")
    (root / "README").write_text("ours\n")
    git(root, "add", "README")
    git(root, "commit", "-q", "-m", "first")
    return root
