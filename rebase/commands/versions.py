"""`versions`: which versions of the bundle there are, and which are newer than the last rebase."""

import json
from typing import Any

import click

from rebase import release, version_list
from rebase import versions as domain
from rebase.commands import options
from rebase.errors import UsageError
from rebase.progress import Terminal
from rebase.versions import Stream

EPILOG = f"""\b
Examples:
  rhoai-rebase versions
  rhoai-rebase versions registry.redhat.io/rhoai/odh-operator-bundle --all
  rhoai-rebase versions --stream z --exit-code
  rhoai-rebase versions --newest | xargs --no-run-if-empty rhoai-rebase to

Streams: z, the same major and minor as here; y, the same major; all. Each holds those
before it. Exit code 1 is for --exit-code alone: something newer is there on the stream.

{options.SEE_EXIT_CODES}
"""


@click.command("versions", epilog=EPILOG)
@click.argument("repository", metavar="[REPO]", required=False)
@options.common_options
@options.registry_options
@click.option(
    "--stream",
    type=click.Choice([stream.value for stream in Stream]),
    default=Stream.Y.value,
    show_default=True,
    help="Where something newer counts.",
)
@click.option("--pre", "early", is_flag=True, help="Pre-releases (rc, ea) count as newer, too.")
@click.option("--all", "everything", is_flag=True, help="Every version and tag.")
@click.option(
    "--newest", "only_newest", is_flag=True, help="Only what to rebase to; nothing if none."
)
@click.option("--exit-code", is_flag=True, help="Exit with 1 when there is something newer.")
@click.option("--json", "as_json", is_flag=True, help="The result as JSON on stdout.")
def versions_command(
    repository: str | None,
    early: bool,
    everything: bool,
    only_newest: bool,
    exit_code: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Print the bundle's versions in a registry, and what is newer than the last rebase.

    REPO is a repository without a tag; default: that of the last rebase's bundle. The registry
    is asked itself, not a mirror of it. A tag that the last rebase read and that is another image
    now counts as newer.
    """
    if only_newest and as_json:
        raise UsageError("--newest or --json, not both", hint="--json has it as .newest.reference")
    before = release.read_before(options.tree_root(given["root"]))
    stream = Stream(given["stream"])
    # The digest of the record is that of its first architecture's image.
    choice = options.registry_choice(
        {**given, "architectures": before.architectures or ("x86_64",)}
    )
    with Terminal(quiet=given["quiet"]) as terminal:
        name = domain.repository_for(repository, before)
        found = domain.ask(name, before, choice, terminal, early=early)
    if (only_newest or exit_code) and found.here.version is None and stream is not Stream.ALL:
        raise UsageError(
            "there is no rebase to a released version yet, so nothing is newer on its stream",
            hint="--stream all takes every version for newer",
        )
    newest = found.newest(stream)
    if as_json:
        click.echo(json.dumps(version_list.as_json(found, stream), indent=2, ensure_ascii=False))
    elif only_newest:
        if newest:
            click.echo(found.reference(newest))
    elif not given["quiet"]:
        for line in version_list.lines(found, stream, everything=everything):
            click.echo(line)
    if exit_code and newest:
        click.get_current_context().exit(1)
