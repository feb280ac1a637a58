"""The command line: parse, call, show, exit. The only module that prints or exits."""

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from rebase import __version__, summary, workflow
from rebase.commit import check_repository
from rebase.download import Source, download
from rebase.errors import RebaseError, UsageError
from rebase.image_lists import FORMATS
from rebase.images import parse_override
from rebase.model import ARCHITECTURES, RegistryOptions
from rebase.options import Options
from rebase.process import Outcome
from rebase.progress import Terminal
from rebase.reference import ImageName
from rebase.registry import Registry
from rebase.selection import Wanted, select
from rebase.tools import git, kustomize
from rebase.tools import process as process_tool
from rebase.tools.skopeo import default_authfile

EPILOG = """\b
Examples:
  rhoai-rebase registry.redhat.io/rhoai/odh-operator-bundle:v2.25
  rhoai-rebase to oci:bundle:image --operator-image oci:operator:image
  rhoai-rebase BUNDLE --dry-run --json | jq .image_changes
  rhoai-rebase BUNDLE --image kserve-llm-d=registry/repository@sha256:...
  rhoai-rebase BUNDLE --arch x86_64 --arch aarch64 --commit

Exit codes: 0 done; 2 usage; 3 a tool is missing or too old; 10 no such image;
11 authentication; 12 registry; 13 signature policy; 14 corrupt image; 20 not a usable
bundle; 21 no manifests; 22 broken manifests; 23 unpinned images; 24 a change has no
target; 25 checks failed; 30 git. Whatever fails, the tree stays as it was.
"""
DOWNLOAD_EPILOG = """\b
Examples:
  rhoai-rebase download registry.redhat.io/rhoai/odh-operator-bundle:v2.25
  rhoai-rebase download oci:bundle:image --operator-image oci:operator:image

Exit codes: see rhoai-rebase --help.
"""
PROCESS_EPILOG = """\b
Examples:
  rhoai-rebase process
  rhoai-rebase process --dry-run --json | jq .left_out
  rhoai-rebase process --image kserve-llm-d=registry/repository@sha256:...

Exit codes: see rhoai-rebase --help.
"""


IMAGES_EPILOG = """\b
Examples:
  rhoai-rebase images
  rhoai-rebase images --runtime kserve-ovms --format containerfile >Containerfile
  rhoai-rebase images --all --format oc-mirror >imageset.yaml

Formats: list; json; skopeo-sync, for skopeo sync --src yaml; oc-mirror, an
ImageSetConfiguration; containerfile, for image mode; blueprint, of osbuild; kickstart.

Exit codes: see rhoai-rebase --help.
"""


class DefaultGroup(click.Group):
    """`rhoai-rebase BUNDLE` is `rhoai-rebase to BUNDLE`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = {"-h", "--help", "--version"}
        first = args[0] if args else ""
        if first and first not in self.commands and first not in own:
            args = ["to", *args]
        return super().parse_args(ctx, args)


Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def options(*decorators: Decorator) -> Decorator:
    """Several options as one decorator."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


PATH = click.Path(path_type=Path)

root_option = click.option(
    "--root", type=PATH, help="The tree to work on; default: this git repository."
)
debug_option = click.option("--debug", is_flag=True, help="Show tracebacks.")
common_options = options(
    root_option,
    click.option("--quiet", is_flag=True, help="No progress, no summary; errors only."),
    debug_option,
)
registry_options = options(
    click.option(
        "--authfile",
        type=PATH,
        help="Registry credentials; default: REGISTRY_AUTH_FILE,"
        " ~/.pull-secret.json, then skopeo's own.",
    ),
    click.option("--registries-conf", type=PATH, help="registries.conf(5), with its mirrors."),
    click.option("--policy", type=PATH, help="Signature policy, containers-policy.json(5)."),
    click.option(
        "--tls-verify/--no-tls-verify", default=None, help="Check registries' certificates."
    ),
)
source_options = options(
    click.option("--operator-image", metavar="REF", help="In place of the CSV's operator image."),
    click.option(
        "--module-image", metavar="REF", help="In place of the CSV's KServe module image."
    ),
    click.option("--all-layers", is_flag=True, help="Read every layer of the images."),
)
architecture_option = click.option(
    "--arch",
    "architectures",
    type=click.Choice(sorted(ARCHITECTURES)),
    multiple=True,
    default=("x86_64",),
    show_default=True,
    help="Architecture to build for; repeatable.",
)
process_options = options(
    click.option(
        "--image",
        "overrides",
        metavar="KEY=REF",
        multiple=True,
        help="The image of a params key, pinned; repeatable.",
    ),
    click.option(
        "--kustomize",
        "kustomize_path",
        type=PATH,
        help="The kustomize to use; default: beside Python, then PATH.",
    ),
    click.option(
        "--commit",
        "commit",
        is_flag=True,
        help="Commit the result on branch rebase-ai-model_serving-<version>"
        " (NO_BRANCH=true: on this one).",
    ),
    click.option("--pin", is_flag=True, help="Ask the registry for the digests of mere tags."),
    click.option(
        "--verify-images",
        is_flag=True,
        help="Ask the registry for each image, on each architecture, and its size.",
    ),
    click.option("--dry-run", is_flag=True, help="Say what would change; write nothing."),
    click.option("--json", "as_json", is_flag=True, help="The result as JSON on stdout."),
)


@click.group(
    cls=DefaultGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="rhoai-rebase")
def cli() -> None:
    """Take RHOAI's model serving out of an operator bundle and make it MicroShift's.

    BUNDLE is any image reference that skopeo takes; without a transport it is docker://.
    """


@cli.command(epilog=EPILOG)
@click.argument("bundle")
@common_options
@registry_options
@source_options
@architecture_option
@process_options
@click.option(
    "--keep-staging",
    is_flag=True,
    envvar="KEEP_STAGING",
    help="Keep _output/staging for another `process`.",
)
def to(bundle: str, keep_staging: bool, **given: Any) -> None:
    """Rebase to BUNDLE: download, process, and say what changed."""
    root = _root(given["root"])
    _before_commit(given, root)
    tool = kustomize.locate(given["kustomize_path"])
    with Terminal(quiet=given["quiet"]) as terminal:
        outcome = workflow.rebase_to(
            _source(bundle, root, given),
            _options(root, given, terminal),
            tool,
            terminal,
            keep_staging=keep_staging,
        )
    _finish(outcome, root, given)


@cli.command("download", epilog=DOWNLOAD_EPILOG)
@click.argument("bundle")
@common_options
@registry_options
@source_options
@architecture_option
def download_command(bundle: str, **given: Any) -> None:
    """Only fetch what a rebase to BUNDLE needs, into _output/staging."""
    root = _root(given["root"])
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


@cli.command(epilog=PROCESS_EPILOG)
@common_options
@registry_options
@architecture_option
@process_options
def process(**given: Any) -> None:
    """Process what `download` left in _output/staging.

    No network is used, but for --pin and --verify-images.
    """
    root = _root(given["root"])
    _before_commit(given, root)
    tool = kustomize.locate(given["kustomize_path"])
    with Terminal(quiet=given["quiet"]) as terminal:
        outcome = workflow.process_staged(_options(root, given, terminal), tool, terminal)
    _finish(outcome, root, given)


@cli.command("images", epilog=IMAGES_EPILOG)
@root_option
@debug_option
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
    selection = select(_root(given["root"]), architecture, Wanted(runtimes, llm_d, everything))
    click.echo(FORMATS[format_](selection), nl=False)


def _root(named: Path | None) -> Path:
    root = named or git.toplevel(Path.cwd())
    if root is None:
        raise UsageError("not in a git repository", hint="--root DIR names the tree to write")
    if not root.is_dir():
        raise UsageError(f"{root} is not a directory")
    return root.resolve()


def _source(bundle: str, root: Path, given: dict[str, Any]) -> Source:
    def name(option: str) -> ImageName | None:
        return ImageName.parse(given[option]) if given[option] else None

    return Source(
        bundle=ImageName.parse(bundle),
        registry=_registry_options(given),
        operator_image=name("operator_image"),
        module_image=name("module_image"),
        all_layers=given["all_layers"],
        record_root=root,
    )


def _registry_options(given: dict[str, Any]) -> RegistryOptions:
    for option in ("authfile", "registries_conf", "policy"):
        if given[option] and not given[option].is_file():
            raise UsageError(f"--{option.replace('_', '-')} {given[option]}: no such file")
    return RegistryOptions(
        architecture=ARCHITECTURES[given["architectures"][0]],
        authfile=given["authfile"] or default_authfile(Path.home(), dict(os.environ)),
        registries_conf=given["registries_conf"],
        policy=given["policy"],
        tls_verify=given["tls_verify"],
    )


def _options(root: Path, given: dict[str, Any], terminal: Terminal) -> Options:
    return Options(
        root=root,
        architectures=tuple(dict.fromkeys(given["architectures"])),
        overrides=dict(parse_override(text) for text in given["overrides"]),
        dry_run=given["dry_run"],
        pin=given["pin"],
        verify=given["verify_images"],
        registry=Registry(_registry_options(given), terminal),
    )


def _before_commit(given: dict[str, Any], root: Path) -> None:
    if given["commit"] and not given["dry_run"]:
        check_repository(root)


def _finish(outcome: Outcome, root: Path, given: dict[str, Any]) -> None:
    made = None
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


def _interrupt(number: int, frame: object) -> NoReturn:
    """SIGINT and SIGTERM: end the children, so that no thread waits for them, then ourselves."""
    process_tool.end_all()
    raise KeyboardInterrupt(number)


def main_inner(arguments: Sequence[str]) -> None:
    """Run the command line; errors come out as exceptions."""
    cli.main(args=list(arguments), prog_name="rhoai-rebase", standalone_mode=False)


def main() -> NoReturn:
    """Run the command line; every error becomes a message and an exit code."""
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        main_inner(arguments)
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
        sys.exit(1)
    except Exception as error:
        if debug:
            raise
        click.echo(f"error: a fault in rhoai-rebase itself: {error!r}", err=True)
        click.echo("hint: --debug shows where; please report it. The tree is as it was.", err=True)
        sys.exit(1)
    sys.exit(0)


def _show(error: RebaseError) -> None:
    click.echo(f"error: {error.message}", err=True)
    for detail in error.details:
        click.echo(f"  {detail}", err=True)
    for line in error.hint.splitlines():
        click.echo(f"hint: {line}", err=True)
