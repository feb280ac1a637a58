"""Images to rebase to: of released RHOAI versions, and the demo's with something edited."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from integration.support.surroundings import DATA, REPO, need_data, tool

Edit = Callable[[Path], object]  # gets the copy of demo/


@dataclass(frozen=True)
class Images:
    """The images of a version: OCI layouts, and references of a registry where they are pushed.

    Attributes:
        arguments: BUNDLE and options that read the layouts.
        bundle: BUNDLE in the registry; "" where they are not pushed.
    """

    arguments: tuple[str, ...]
    bundle: str
    layouts: dict[str, Path]
    digests: dict[str, str]


def make_images(version: str, out: Path, *options: str) -> Images:
    """The images of a released version, by make_images.py beside the data."""
    need_data(version)
    tool("skopeo")
    done = subprocess.run(
        [sys.executable, str(DATA / "make_images.py"), version, "--out", str(out), *options],
        check=True,
        capture_output=True,
    )
    made: dict[str, Any] = json.loads(done.stdout)
    parts = [part for part in ("bundle", "operator", "module") if part in made]
    pushed = options[options.index("--push") + 1] if "--push" in options else ""
    return Images(
        arguments=_arguments({part: made[part]["layout"] for part in parts}),
        bundle=f"{pushed}/{made['bundle']['repository']}:{made['bundle']['tag']}" if pushed else "",
        layouts={part: _directory(made[part]["layout"]) for part in parts},
        digests={part: made[part]["digest"] for part in parts},
    )


def make_demo(out: Path, edit: Edit | None = None, *options: str) -> Images:
    """The demo's images in out/bundle and out/operator.

    Args:
        edit: gets a copy of demo/ beside them, to break something in it.
        options: of build_images.py.
    """
    tool("skopeo")
    demo = REPO / "demo"
    if edit:
        demo = out.with_name(out.name + "-source")
        shutil.copytree(REPO / "demo", demo)
        edit(demo)
    done = subprocess.run(
        [sys.executable, str(demo / "build_images.py"), "--out", str(out), *options],
        check=True,
        capture_output=True,
    )
    made: dict[str, str] = json.loads(done.stdout)
    parts = ("bundle", "operator")
    return Images(
        arguments=_arguments({part: made[part] for part in parts}),
        bundle="",
        layouts={part: _directory(made[part]) for part in parts},
        digests={part: made[f"{part}_digest"] for part in parts},
    )


def replace(file: Path, old: str, new: str) -> None:
    """Replace the first `old` in a file, which must be there."""
    text = file.read_text()
    assert old in text, f"{old!r} is not in {file}"
    file.write_text(text.replace(old, new, 1))


def _arguments(references: dict[str, str]) -> tuple[str, ...]:
    bundle = references["bundle"]
    others = [(f"--{part}-image", ref) for part, ref in references.items() if part != "bundle"]
    return (bundle, *(word for pair in others for word in pair))


def _directory(reference: str) -> Path:
    return Path(reference.removeprefix("oci:").rpartition(":")[0])
