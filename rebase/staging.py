"""_output/staging: what `download` leaves for `process`, and how it is written down."""

import dataclasses
import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rebase.errors import UsageError
from rebase.model import Csv, ImageRead, LayerDecision, Roots, Staged

RECORD = "staging.json"
FORMAT = 1
IMAGE = "image"  # the image's files, below the staging directory
BUNDLE = "bundle"  # the CSV, to look at


def write(
    staging: Path,
    *,
    csv: Csv,
    csv_text: bytes,
    roots: Roots,
    files: Mapping[str, bytes],
    images: tuple[ImageRead, ...],
    warnings: tuple[str, ...],
) -> None:
    """Replace the staging directory, whole or not at all."""
    staging.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".staging-", dir=staging.parent) as temporary:
        new = Path(temporary) / "new"
        for path, data in files.items():
            file = new / IMAGE / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        (new / BUNDLE).mkdir(parents=True)
        (new / BUNDLE / csv.file).write_bytes(csv_text)
        record = {
            "format": FORMAT,
            "csv": dataclasses.asdict(csv),
            "roots": dataclasses.asdict(roots),
            "images": [dataclasses.asdict(image) for image in images],
            "warnings": list(warnings),
        }
        (new / RECORD).write_text(json.dumps(record, indent=2) + "\n")
        if staging.exists():
            staging.rename(Path(temporary) / "old")
        new.rename(staging)


def read(staging: Path) -> Staged:
    """What is staged.

    Raises:
        UsageError: nothing is, or it was staged by another version of this tool.
    """
    file = staging / RECORD
    if not file.is_file():
        raise UsageError(
            f"nothing is staged in {staging}", hint="run `rhoai-rebase download BUNDLE` first"
        )
    try:
        return _staged(json.loads(file.read_text()), staging)
    except (ValueError, KeyError, TypeError):
        raise UsageError(
            f"{file} was written by another version of rhoai-rebase, or is damaged",
            hint="run `rhoai-rebase download BUNDLE` again",
        ) from None


def remove(staging: Path) -> None:
    """Remove the staging directory and, when nothing else is in it, its parent."""
    shutil.rmtree(staging, ignore_errors=True)
    if staging.parent.is_dir() and not any(staging.parent.iterdir()):
        staging.parent.rmdir()


def _staged(record: dict[str, Any], staging: Path) -> Staged:
    if record["format"] != FORMAT:
        raise ValueError("another format")
    roots = record["roots"]
    return Staged(
        csv=Csv(**record["csv"]),
        roots=Roots(tuple(roots["kserve"]), roots["runtimes"], roots["runtimes_directory"]),
        manifests=staging / IMAGE,
        images=tuple(_image(image) for image in record["images"]),
        warnings=tuple(record["warnings"]),
    )


def _image(record: dict[str, Any]) -> ImageRead:
    layers = tuple(LayerDecision(**layer) for layer in record.pop("layers"))
    return ImageRead(**record, layers=layers)
