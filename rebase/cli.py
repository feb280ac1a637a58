"""The command line: the commands together, errors as messages and exit codes."""

import io
import signal
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

import click
from click.shell_completion import CompletionItem

from rebase import __version__
from rebase.commands.check import check_command
from rebase.commands.completion import completion_command
from rebase.commands.diff import diff
from rebase.commands.images import images_command
from rebase.commands.rebase import download_command, process, to
from rebase.commands.versions import versions_command
from rebase.errors import RebaseError
from rebase.tools import process as process_tool

EPILOG = """\b
Examples:
  rhoai-rebase registry.redhat.io/rhoai/odh-operator-bundle:v2.25
  rhoai-rebase BUNDLE --dry-run --json | jq .image_changes
  rhoai-rebase check
  rhoai-rebase images --runtime kserve-ovms --format containerfile
  rhoai-rebase COMMAND --help

Exit codes: 0 done; 1 a difference, where one was asked for; 2 usage; 3 a tool is missing
or too old; 10 no such image; 11 authentication; 12 registry; 13 signature policy; 14 corrupt
image; 20 not a usable bundle; 21 no manifests; 22 broken manifests; 23 unpinned images; 24 a
change has no target; 25 checks failed; 30 git; 70 a fault of the tool or the machine. Whatever
fails, the tree stays as it was.
"""


class DefaultGroup(click.Group):
    """`rhoai-rebase BUNDLE` is `rhoai-rebase to BUNDLE`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = {"-h", "--help", "--version"}
        first = args[0] if args else ""
        if first and first not in self.commands and first not in own:
            args = ["to", *args]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        found = super().shell_complete(ctx, incomplete)
        if incomplete.startswith("-"):
            with to.make_context("to", [], parent=ctx, resilient_parsing=True) as other:
                own = {item.value for item in found}
                found += [
                    item for item in to.shell_complete(other, incomplete) if item.value not in own
                ]
        return found


@click.group(
    cls=DefaultGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="rhoai-rebase")
def cli() -> None:
    """Take RHOAI's model serving out of an operator bundle and make it MicroShift's.

    BUNDLE is any image reference that skopeo takes; without a transport it is docker://.
    """


for _command in (
    to,
    download_command,
    process,
    diff,
    images_command,
    check_command,
    versions_command,
    completion_command,
):
    cli.add_command(_command)


def _interrupt(number: int, frame: object) -> NoReturn:
    """SIGINT and SIGTERM: end the children, so that no thread waits for them, then ourselves."""
    process_tool.end_all()
    raise KeyboardInterrupt(number)


def main_inner(arguments: Sequence[str]) -> int:
    """Run the command line; gives the exit code, and errors come out as exceptions."""
    return cli.main(args=list(arguments), prog_name="rhoai-rebase", standalone_mode=False) or 0


def main() -> NoReturn:
    """Run the command line; every error becomes a message and an exit code."""
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # an arrow may be a ? where the locale has none
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        sys.exit(main_inner(arguments))
    except RebaseError as error:
        if debug:
            traceback.print_exc()
        _show(error)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt) as interrupt:
        click.echo("interrupted; the tree is as it was", err=True)
        cause = interrupt.__context__ if isinstance(interrupt, click.Abort) else interrupt
        sys.exit(128 + (cause.args[0] if cause and cause.args else signal.SIGINT))
    except BrokenPipeError:
        sys.exit(141)
    except OSError as error:
        if debug:
            traceback.print_exc()
        click.echo(f"error: {error}", err=True)
        sys.exit(RebaseError.exit_code)
    except Exception as error:
        if debug:
            raise
        click.echo(f"error: a fault in rhoai-rebase itself: {error!r}", err=True)
        click.echo("hint: --debug shows where; please report it. The tree is as it was.", err=True)
        sys.exit(RebaseError.exit_code)


def _show(error: RebaseError) -> None:
    click.echo(f"error: {error.message}", err=True)
    for detail in error.details:
        click.echo(f"  {detail}", err=True)
    for line in error.hint.splitlines():
        click.echo(f"hint: {line}", err=True)
