"""Options that commands share, and what they mean."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from rebase.errors import UsageError
from rebase.images import parse_override
from rebase.model import ARCHITECTURES, RegistryOptions
from rebase.options import Options
from rebase.progress import Terminal
from rebase.project import read as read_project
from rebase.registry import Registry
from rebase.tools import git
from rebase.tools.skopeo import default_authfile

SEE_EXIT_CODES = "Exit codes: see rhoai-rebase --help."

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
override_option = click.option(
    "--image",
    "overrides",
    metavar="KEY=REF",
    multiple=True,
    help="The image of a params key, pinned; repeatable.",
)
pin_option = click.option(
    "--pin", is_flag=True, help="Ask the registry for the digests of mere tags."
)
kustomize_option = click.option(
    "--kustomize",
    "kustomize_path",
    type=PATH,
    help="The kustomize to use; default: beside Python, then PATH.",
)
report_option = click.option(
    "--report",
    "reports",
    metavar="FILE",
    type=PATH,
    multiple=True,
    help="Also write what changed to a file, by its suffix .md, .html or .json; repeatable.",
)
measure_option = click.option(
    "--measure",
    is_flag=True,
    help="Measure the time and memory that rendering takes, for the report.",
)
process_options = options(
    override_option,
    kustomize_option,
    click.option(
        "--commit",
        "commit",
        is_flag=True,
        help="Commit the result on branch rebase-ai-model_serving-<version>"
        " (NO_BRANCH=true: on this one).",
    ),
    pin_option,
    click.option(
        "--verify-images",
        is_flag=True,
        help="Ask the registry for each image, on each architecture, and its size.",
    ),
    report_option,
    measure_option,
    click.option("--dry-run", is_flag=True, help="Say what would change; write nothing."),
    click.option("--json", "as_json", is_flag=True, help="The result as JSON on stdout."),
)


def tree_root(named: Path | None, *, outside: Path | None = None) -> Path:
    """The tree to work on.

    Args:
        outside: what stands for it outside of git repositories, where a command needs none.

    Raises:
        UsageError: it is no directory, or nobody says which one it is.
    """
    root = named or git.toplevel(Path.cwd()) or outside
    if root is None:
        raise UsageError("not in a git repository", hint="--root DIR names the tree to write")
    if not root.is_dir():
        raise UsageError(f"{root} is not a directory")
    return root.resolve()


def registry_choice(given: Mapping[str, Any]) -> RegistryOptions:
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


def process_choice(root: Path, given: Mapping[str, Any], terminal: Terminal) -> Options:
    """How to process, by the options that a command has, and by the tree's rhoai-rebase.toml."""
    project = read_project(root)
    overrides = dict(parse_override(text) for text in given["overrides"])
    return Options(
        root=root,
        architectures=tuple(dict.fromkeys(given["architectures"])),
        overrides={**project.images, **overrides},
        waivers=project.waivers,
        dry_run=given.get("dry_run", False),
        pin=given.get("pin", False),
        verify=given["verify_images"],
        compared=bool(given.get("reports") or given.get("commit")),
        measured=given["measure"],
        registry=Registry(registry_choice(given), terminal),
    )
