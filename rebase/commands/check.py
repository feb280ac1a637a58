"""`check`: is the tree, as it is, fit to ship, and what its record says it is?"""

import json
import os
from typing import Any

import click

from rebase import project, verdict
from rebase.audit import audit
from rebase.catalogue import CATALOGUE
from rebase.commands import options
from rebase.errors import CheckError, UsageError
from rebase.progress import Terminal
from rebase.tools import kustomize

EPILOG = f"""\b
Examples:
  rhoai-rebase check
  rhoai-rebase check --json | jq .findings
  rhoai-rebase check --explain edited
  rhoai-rebase check --strict --quiet

Exit code 25 when there is an error that rhoai-rebase.toml does not waive.
{options.SEE_EXIT_CODES}
"""
COLOURS = {"error": "red", "warning": "yellow", "waived": "cyan", "not": "yellow"}


@click.command("check", epilog=EPILOG)
@options.common_options
@options.kustomize_option
@click.option("--strict", is_flag=True, help="Warnings fail, too.")
@click.option("--json", "as_json", is_flag=True, help="The result as JSON on stdout.")
@click.option("--explain", metavar="ID", help="Tell what a finding means and what to do; no more.")
@click.option("--list", "list_", is_flag=True, help="Tell every ID that there is; no more.")
@click.pass_context
def check_command(
    context: click.Context,
    /,
    strict: bool,
    as_json: bool,
    explain: str | None,
    list_: bool,
    **given: Any,
) -> None:
    """Check the tree against itself and its record, without network.

    Every check of a rebase, as a device would see the tree; edits of generated files; budgets;
    and, with the bundle in _output/staging, whether it still gives these very files.
    """
    if explain is not None:
        click.echo(_explain(explain))
        return
    if list_:
        click.echo("\n".join(verdict.known_ids()))
        return
    root = options.tree_root(given["root"])
    wishes = project.read(root)
    tool = kustomize.locate(given["kustomize_path"])
    with Terminal(quiet=given["quiet"]) as terminal:
        found = audit(root, tool, wishes, terminal)
    if as_json:
        result = verdict.as_json(found, strict=strict)
        click.echo(json.dumps(result, indent=2, ensure_ascii=False))
    else:
        lines = verdict.lines(found)
        if given["quiet"]:
            lines = verdict.failing_lines(found, strict=strict)
        for line in lines:
            click.secho(line, fg=_colour(line))
    if found.fails(strict=strict):
        context.exit(CheckError.exit_code)


def _explain(check_id: str) -> str:
    entry = CATALOGUE.get(check_id)
    if entry is None:
        raise UsageError(
            f"there is no finding {check_id}", details=verdict.known_ids(), hint="name one of these"
        )
    return verdict.explanation(entry)


def _colour(line: str) -> str | None:
    """click leaves colours out off a terminal."""
    return None if os.environ.get("NO_COLOR") else COLOURS.get(line.partition(" ")[0])
