"""`diff`: what is different between two of bundles, commits, directories and packages."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from rebase.commands import options
from rebase.compare.comparison import Comparison
from rebase.diff import compare_sides
from rebase.download import Source
from rebase.progress import Terminal
from rebase.reference import ImageName
from rebase.report import forms, text
from rebase.report.sections import make_report
from rebase.sides import Side, Workshop
from rebase.tools import kustomize

EPILOG = """\b
Examples:
  rhoai-rebase diff HEAD~1 .
  rhoai-rebase diff HEAD registry.redhat.io/rhoai/odh-operator-bundle:v3.4
  rhoai-rebase diff old.x86_64.rpm new.x86_64.rpm --markdown
  rhoai-rebase diff old/_output/rpm _output/rpm
  rhoai-rebase diff v4.20 v4.21 --measure --report report.html --report report.json

A side is, and is looked for in this order: an RPM file or a directory with some; a
directory (a tree, or the root of a device); a commit of the tree's repository; a bundle
image. A bundle as NEW is rebased to upon OLD, as `to` would.

Exit codes: 0 both ship the same; 1 they differ; others: see rhoai-rebase --help.
"""


def form_option(name: str, form: str, help_: str) -> options.Decorator:
    return click.option(name, "form", flag_value=form, help=help_)


@click.command(epilog=EPILOG)
@click.argument("old")
@click.argument("new")
@options.common_options
@options.registry_options
@options.architecture_option
@options.override_option
@options.pin_option
@options.kustomize_option
@click.option("--operator-image", metavar="REF", help="NEW's, in place of its CSV's.")
@click.option("--module-image", metavar="REF", help="NEW's, in place of its CSV's.")
@click.option("--old-operator-image", metavar="REF", help="OLD's, in place of its CSV's.")
@click.option("--old-module-image", metavar="REF", help="OLD's, in place of its CSV's.")
@options.measure_option
@click.option(
    "--verify-images",
    is_flag=True,
    help="Ask the registries for versions and sizes of images that no record tells.",
)
@form_option("--markdown", ".md", "Markdown on stdout, for a pull request.")
@form_option("--html", ".html", "A page on stdout, with pictures, of one file.")
@form_option("--json", ".json", "Everything as JSON on stdout.")
@options.report_option
@click.pass_context
def diff(ctx: click.Context, /, old: str, new: str, form: str | None, **given: Any) -> None:
    """Show what is different between OLD and NEW, and what it means.

    CRDs and whom their changes hit, rights, images, objects, webhooks, configuration, runtimes,
    what upgraded devices keep, and what rendering costs.
    """
    root = options.tree_root(given["root"], outside=Path.cwd())
    for file in given["reports"]:
        forms.check_file(file)
    tool = kustomize.locate(given["kustomize_path"])
    with (
        tempfile.TemporaryDirectory(prefix="rhoai-rebase-") as temporary,
        Terminal(quiet=given["quiet"]) as terminal,
    ):
        comparison = compare_sides(
            _side(old, given, "old_"),
            _side(new, given, ""),
            _workshop(root, Path(temporary), tool, given, terminal),
            measured=given["measure"],
            asked=given["verify_images"],
        )
    for file in given["reports"]:
        forms.write(comparison, file)
    _show(comparison, form, quiet=given["quiet"])
    ctx.exit(0 if comparison.same else 1)


def _show(comparison: Comparison, form: str | None, *, quiet: bool) -> None:
    if form:
        click.echo(forms.FORMS[form](comparison).encode(), nl=False)  # UTF-8 in any locale
    elif not quiet:
        console = Console(highlight=False, soft_wrap=True)
        for line in text.lines(make_report(comparison)):
            console.print(line)


def _side(name: str, given: dict[str, Any], prefix: str) -> Side:
    def image(option: str) -> ImageName | None:
        named = given[prefix + option]
        return ImageName.parse(named) if named else None

    return Side(name, image("operator_image"), image("module_image"))


def _workshop(
    root: Path,
    temporary: Path,
    tool: kustomize.Kustomize,
    given: dict[str, Any],
    terminal: Terminal,
) -> Workshop:
    return Workshop(
        root=root,
        source=Source(ImageName.parse("unset"), options.registry_choice(given), record_root=root),
        options=replace(
            options.process_choice(root, given, terminal), compared=False, verify=False
        ),
        kustomize=tool,
        reporter=terminal,
        directory=temporary,
    )
