"""The main job: download a bundle's manifests, process them, commit what changed."""

from collections.abc import Mapping
from pathlib import Path

from rebase import staging
from rebase.commit import commit_changes
from rebase.download import Source, download
from rebase.errors import RebaseError
from rebase.options import Options
from rebase.process import Outcome, process
from rebase.reporter import Reporter
from rebase.tools.kustomize import Kustomize

STAGING = Path("_output/staging")  # below the root


def rebase_to(
    source: Source,
    options: Options,
    kustomize: Kustomize,
    reporter: Reporter,
    *,
    keep_staging: bool = False,
) -> Outcome:
    """Bundle in, MicroShift's manifests out.

    What was downloaded is removed afterwards, unless it is to be kept or processing it
    failed: then `process` can be tried again, with an override for instance.
    """
    target = options.root / STAGING
    staged = download(source, target, reporter)
    try:
        outcome = process(staged, options, kustomize, reporter)
    except RebaseError as error:
        error.hint = "\n".join(
            filter(None, (error.hint, f"{STAGING} is kept: `rhoai-rebase process` tries again"))
        )
        raise
    if not keep_staging:
        staging.remove(target)
    return outcome


def process_staged(options: Options, kustomize: Kustomize, reporter: Reporter) -> Outcome:
    """Process what `download` left."""
    return process(staging.read(options.root / STAGING), options, kustomize, reporter)


def commit(outcome: Outcome, root: Path, environ: Mapping[str, str]) -> str | None:
    """Commit what a rebase changed; gives the commit, or None when nothing changed."""
    if not outcome.written:
        return None
    return commit_changes(outcome, root, new_branch=environ.get("NO_BRANCH") != "true")
