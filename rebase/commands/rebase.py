"""`to`, `download`, `process`: the main job, whole and in halves."""

import json
import os
from pathlib import Path
from typing import Any

import click

from rebase import summary, workflow
from rebase.commands import options
from rebase.commit import check_repository
from rebase.download import Source, download
from rebase.process import Outcome
from rebase.progress import Terminal
from rebase.reference import ImageName
from rebase.report import forms
from rebase.tools import kustomize

TO_EPILOG = f"""\b
Examples:
  rhoai-rebase registry.redhat.io/rhoai/odh-operator-bundle:v2.25
  rhoai-rebase to oci:bundle:image --operator-image oci:operator:image
  rhoai-rebase BUNDLE --dry-run --json | jq .image_changes
  rhoai-rebase BUNDLE --image kserve-llm-d=registry/repository@sha256:...
  rhoai-rebase BUNDLE --arch x86_64 --arch aarch64 --commit

{options.SEE_EXIT_CODES}
"""
DOWNLOAD_EPILOG = f"""\b
Examples:
  rhoai-rebase download registry.redhat.io/rhoai/odh-operator-bundle:v2.25
  rhoai-rebase download oci:bundle:image --operator-image oci:operator:image

{options.SEE_EXIT_CODES}
"""
PROCESS_EPILOG = f"""\b
Examples:
  rhoai-rebase process
  rhoai-rebase process --dry-run --json | jq .left_out
  rhoai-rebase process --image kserve-llm-d=registry/repository@sha256:...

{options.SEE_EXIT_CODES}
"""


@click.command(epilog=TO_EPILOG)
@click.argument("bundle")
@options.common_options
@options.registry_options
@options.source_options
@options.architecture_option
@options.process_options
@click.option(
    "--keep-staging",
    is_flag=True,
    envvar="KEEP_STAGING",
    help="Keep _output/staging for another `process`.",
)
def to(bundle: str, keep_staging: bool, **given: Any) -> None:
    """Rebase to BUNDLE: download, process, and say what changed."""
    root = options.tree_root(given["root"])
    _before(given, root)
    tool = kustomize.locate(given["kustomize_path"])
    with Terminal(quiet=given["quiet"]) as terminal:
        outcome = workflow.rebase_to(
            _source(bundle, root, given),
            options.process_choice(root, given, terminal),
            tool,
            terminal,
            keep_staging=keep_staging,
        )
    _finish(outcome, root, given)


@click.command("download", epilog=DOWNLOAD_EPILOG)
@click.argument("bundle")
@options.common_options
@options.registry_options
@options.source_options
@options.architecture_option
def download_command(bundle: str, **given: Any) -> None:
    """Only fetch what a rebase to BUNDLE needs, into _output/staging."""
    root = options.tree_root(given["root"])
    with Terminal(quiet=given["quiet"]) as terminal:
        staged = download(_source(bundle, root, given), root / workflow.STAGING, terminal)
    if not given["quiet"]:
        for image in staged.images:
            click.echo(
                f"{image.role}: {image.reference} ({image.digest[:19]}…)\n"
                f"  {image.found}; {image.bytes_read / 1e6:.1f} MB read of "
                f"{sum(layer.size for layer in image.layers) / 1e6:.1f} MB"
            )
        click.echo(
            f"RHOAI {staged.csv.version} is in {workflow.STAGING}; next: rhoai-rebase process"
        )
    for warning in staged.warnings:
        click.echo(f"warning: {warning}", err=True)


@click.command(epilog=PROCESS_EPILOG)
@options.common_options
@options.registry_options
@options.architecture_option
@options.process_options
def process(**given: Any) -> None:
    """Process what `download` left in _output/staging.

    No network is used, but for --pin and --verify-images.
    """
    root = options.tree_root(given["root"])
    _before(given, root)
    tool = kustomize.locate(given["kustomize_path"])
    with Terminal(quiet=given["quiet"]) as terminal:
        outcome = workflow.process_staged(
            options.process_choice(root, given, terminal), tool, terminal
        )
    _finish(outcome, root, given)


def _source(bundle: str, root: Path, given: dict[str, Any]) -> Source:
    def name(option: str) -> ImageName | None:
        return ImageName.parse(given[option]) if given[option] else None

    return Source(
        bundle=ImageName.parse(bundle),
        registry=options.registry_choice(given),
        operator_image=name("operator_image"),
        module_image=name("module_image"),
        all_layers=given["all_layers"],
        record_root=root,
    )


def _before(given: dict[str, Any], root: Path) -> None:
    """What would fail after the work fails before it."""
    for file in given["reports"]:
        forms.check_file(file)
    if given["commit"] and not given["dry_run"]:
        check_repository(root)


def _finish(outcome: Outcome, root: Path, given: dict[str, Any]) -> None:
    made = None
    for file in given["reports"]:
        assert outcome.comparison is not None
        forms.write(outcome.comparison, file)
    if given["commit"] and not given["dry_run"]:
        made = workflow.commit(outcome, root, os.environ)
    if given["as_json"]:
        click.echo(json.dumps(summary.as_json(outcome, made), indent=2, ensure_ascii=False))
    elif not given["quiet"]:
        for line in summary.lines(outcome):
            click.secho(line, fg=_colour(line))
        if given["dry_run"]:
            click.echo("dry run: nothing was written")
        elif made:
            click.echo(f"committed {made}")


def _colour(line: str) -> str | None:
    """What came is green, what went red; click leaves colours out off a terminal."""
    if os.environ.get("NO_COLOR"):
        return None
    signs = {"+ ": "green", "- ": "red", "~ ": "yellow", "wa": "yellow"}
    return signs.get(line.lstrip()[:2])
