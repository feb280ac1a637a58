"""What a rebase changes in a tree: files by the objects in them, images by their keys."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rebase import assets, release


@dataclass(frozen=True)
class Delta:
    """Names that came, went, or stand for something else now."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    total: int

    @classmethod
    def of(cls, before: Mapping[str, object], after: Mapping[str, object]) -> "Delta":
        return cls(
            tuple(sorted(after.keys() - before.keys())),
            tuple(sorted(before.keys() - after.keys())),
            tuple(sorted(key for key in after.keys() & before.keys() if after[key] != before[key])),
            len(after),
        )

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


@dataclass(frozen=True)
class Changes:
    """The difference between a tree and the one that is to take its place.

    Attributes:
        before: the RHOAI version of the last rebase, or None.
        files: paths; any difference shows here.
        edited: generated files that people have changed since the last rebase.
    """

    before: str | None
    after: str
    objects: Delta
    images: Delta
    files: Delta
    edited: tuple[str, ...]


def compare(root: Path, tree: Mapping[str, bytes], directories: tuple[str, ...]) -> Changes:
    """Compare what is below `root` with a new tree."""
    before = release.read_before(root)
    old = {
        file.relative_to(root).as_posix(): file.read_bytes()
        for directory in directories
        for file in sorted((root / directory).rglob("*"))
        if file.is_file()
    }
    record = json.loads(tree[f"{release.DIRECTORY}/{release.RECORD}"])
    new_objects = {
        f"{Path(path).parent.name}: {file['holds']}": file["sha256"]
        for path, file in record["files"].items()
    }
    old_objects = {
        f"{Path(path).parent.name}: {holds}": digest
        for path, (holds, digest) in before.files.items()
    }
    return Changes(
        before=before.version,
        after=record["bundle"]["version"],
        objects=Delta.of(old_objects, new_objects),
        images=Delta.of(
            before.images, {key: image["reference"] for key, image in record["images"].items()}
        ),
        files=Delta.of(old, tree),
        edited=tuple(
            path
            for path, (_, digest) in sorted(before.files.items())
            if path in old
            and release.sha256(old[path]) != digest
            and assets.is_generated(old[path])
        ),
    )
