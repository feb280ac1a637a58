"""git, for `--commit`, and for trees of earlier commits."""

from collections.abc import Sequence
from pathlib import Path

from rebase.errors import GitError, ToolError
from rebase.tools import process


def _git(root: Path, *words: str | Path) -> str:
    try:
        return process.run(["git", "-C", root, *words], timeout=120).decode().strip()
    except ToolError as error:
        raise GitError(error.message, hint=error.hint, details=error.details) from None


def toplevel(directory: Path) -> Path | None:
    """The root of the repository that holds a directory, or None outside one."""
    try:
        return Path(_git(directory, "rev-parse", "--show-toplevel"))
    except GitError:
        return None


def is_commit(root: Path, revision: str) -> bool:
    """Does a revision name a commit: a branch, a tag, a hash, `HEAD~3`?"""
    try:
        _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    except GitError:
        return False
    return True


def archive(root: Path, revision: str, paths: Sequence[str]) -> bytes:
    """What a commit has at these paths below `root`, as a tar archive; empty where it has none.

    Raises:
        GitError: in git's words.
    """
    there = _git(root, "ls-tree", "--name-only", revision, "--", *paths).splitlines()
    if not there:
        return b""
    try:
        return process.run(["git", "-C", root, "archive", "--format=tar", revision, "--", *there])
    except ToolError as error:
        raise GitError(error.message, hint=error.hint, details=error.details) from None


def has_changes(root: Path, paths: Sequence[Path]) -> bool:
    """Do these paths differ from what is committed?"""
    return bool(_git(root, "status", "--porcelain", "--untracked-files=all", "--", *paths))


def staged_elsewhere(root: Path) -> bool:
    """Has the user staged something, which a commit of ours would take along?"""
    return bool(_git(root, "diff", "--cached", "--name-only"))


def current_branch(root: Path) -> str:
    """The name of the branch, also of one without commits; "" when HEAD is detached."""
    try:
        return _git(root, "symbolic-ref", "--short", "HEAD")
    except GitError:
        return ""


def branch_exists(root: Path, branch: str) -> bool:
    return bool(_git(root, "branch", "--list", branch))


def create_branch(root: Path, branch: str) -> None:
    """Create the branch at HEAD and check it out; the working tree stays as it is."""
    _git(root, "checkout", "-q", "-b", branch)


def known(root: Path, paths: Sequence[Path]) -> list[Path]:
    """The paths that are there or are tracked; git refuses to hear of others."""
    return [path for path in paths if (root / path).exists() or _git(root, "ls-files", "--", path)]


def commit(root: Path, paths: Sequence[Path], message: str) -> str:
    """Commit these paths; gives the commit's short name."""
    there = known(root, paths)
    _git(root, "add", "--all", "--", *there)
    _git(root, "commit", "-q", "-m", message, "--", *there)
    return _git(root, "rev-parse", "--short", "HEAD")
