"""`--commit`: a branch and a commit whose message says what changed."""

from pathlib import Path

from rebase.compose import DIRECTORIES
from rebase.errors import GitError
from rebase.process import Outcome
from rebase.report.markdown import body
from rebase.report.sections import make_report
from rebase.tools import git

BRANCH = "rebase-ai-model_serving-{version}"


def check_repository(root: Path) -> None:
    """Fail before the work rather than after it.

    Raises:
        GitError: no repository, or something is staged that a commit would mix up with ours.
    """
    if git.toplevel(root) is None:
        raise GitError(f"{root} is not in a git repository", hint="leave out --commit")
    if git.staged_elsewhere(root):
        raise GitError("changes are staged already", hint="commit or unstage them first")


def commit_changes(outcome: Outcome, root: Path, *, new_branch: bool) -> str | None:
    """Commit the output directories.

    Args:
        new_branch: on rebase-ai-model_serving-<version>; else on the current branch.

    Returns:
        The commit's short name, or None when there was nothing to commit.

    Raises:
        GitError: git refused; or the branch exists and is not the current one.
    """
    paths = [Path(directory) for directory in DIRECTORIES]
    if not git.has_changes(root, paths):
        return None
    if new_branch:
        branch = BRANCH.format(version=outcome.changes.after)
        if git.current_branch(root) != branch:
            if git.branch_exists(root, branch):
                raise GitError(
                    f"the branch {branch} exists already; nothing was committed",
                    hint="delete it, or check it out, or set NO_BRANCH=true",
                )
            git.create_branch(root, branch)
    return git.commit(root, paths, message(outcome))


def message(outcome: Outcome) -> str:
    """The commit's message: the report in Markdown, so that it can be a pull request's text."""
    subject = f"Rebase AI model serving to RHOAI {outcome.changes.after}"
    assert outcome.comparison is not None
    report = make_report(outcome.comparison)
    return "\n".join([subject, "", report.title, "", *body(report)]) + "\n"
