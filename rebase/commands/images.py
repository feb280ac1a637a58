"""`images`: what embeds or mirrors the images of the last rebase."""

from typing import Any

import click

from rebase.commands import options
from rebase.errors import RebaseError
from rebase.image_lists import FORMATS
from rebase.model import ARCHITECTURES
from rebase.selection import Wanted, select

EPILOG = f"""\b
Examples:
  rhoai-rebase images
  rhoai-rebase images --runtime kserve-ovms --format containerfile >Containerfile
  rhoai-rebase images --all --format oc-mirror >imageset.yaml

Formats: list; json; skopeo-sync, for skopeo sync --src yaml; oc-mirror, an
ImageSetConfiguration; containerfile, for image mode; blueprint, of osbuild; kickstart.

{options.SEE_EXIT_CODES}
"""


def _runtimes(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The runtimes of the last rebase, for a shell to complete."""
    try:
        root = options.tree_root(ctx.params.get("root"))
        names = select(root, ctx.params["architecture"], Wanted(everything=True)).runtimes
    except RebaseError:
        return []
    return [name for name in names if name.startswith(incomplete)]


@click.command("images", epilog=EPILOG)
@options.root_option
@options.debug_option
@click.option(
    "--arch",
    "architecture",
    type=click.Choice(sorted(ARCHITECTURES)),
    default="x86_64",
    show_default=True,
    help="The device's architecture.",
)
@click.option(
    "--runtime",
    "runtimes",
    metavar="NAME",
    multiple=True,
    shell_complete=_runtimes,
    help="Also the images of this ServingRuntime, by its name or its file's; repeatable.",
)
@click.option("--llm-d", "llm_d", is_flag=True, help="Also the images of llm-d.")
@click.option("--all", "everything", is_flag=True, help="The images of all that ships.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(list(FORMATS)),
    default="list",
    show_default=True,
    help="For which tool.",
)
def images_command(
    architecture: str,
    runtimes: tuple[str, ...],
    llm_d: bool,
    everything: bool,
    format_: str,
    **given: Any,
) -> None:
    """Print what embeds or mirrors the images of the last rebase, for devices without a network.

    The core's images (KServe's) are always among them; MicroShift's own are not.
    """
    selection = select(
        options.tree_root(given["root"]), architecture, Wanted(runtimes, llm_d, everything)
    )
    click.echo(FORMATS[format_](selection), nl=False)
