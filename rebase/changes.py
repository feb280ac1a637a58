"""What a rebase changes in a tree: files by the objects in them, images by their keys."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rebase import assets, release
from rebase.publish import Tree, read_files
from rebase.release import Before


@dataclass(frozen=True)
class Delta:
    """Names that came, went, or stand for something else now.

    Attributes:
        moved: `name: from → to`, for what is in another directory now.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    total: int
    moved: tuple[str, ...] = ()

    @classmethod
    def of(cls, before: Mapping[str, object], after: Mapping[str, object]) -> "Delta":
        return cls(
            tuple(sorted(after.keys() - before.keys())),
            tuple(sorted(before.keys() - after.keys())),
            tuple(sorted(key for key in after.keys() & before.keys() if after[key] != before[key])),
            len(after),
        )

    def with_moves(self) -> "Delta":
        """The same for names such as `kserve: Service x`, where the directory may change."""
        gone, came = _places(self.removed), _places(self.added)
        moved = sorted(gone.keys() & came.keys())
        return Delta(
            tuple(name for name in self.added if name.partition(": ")[2] not in moved),
            tuple(name for name in self.removed if name.partition(": ")[2] not in moved),
            self.changed,
            self.total,
            tuple(f"{title}: {gone[title]} → {came[title]}" for title in moved),
        )

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed or self.moved)


def _places(names: Iterable[str]) -> dict[str, str]:
    """`kserve: Service x` as Service x → kserve."""
    return {title: place for place, _, title in (name.partition(": ") for name in names)}


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


def compare(root: Path, before: Before, tree: Tree, directories: tuple[str, ...]) -> Changes:
    """Compare what is below `root`, with its record, with a new tree."""
    old = read_files(root, directories)
    record = json.loads(tree[release.RECORD])
    new_objects = {
        f"{Path(path).parent.name}: {file['kind']} {file['name']}": file["sha256"]
        for path, file in record["files"].items()
    }
    old_objects = {
        f"{Path(path).parent.name}: {file.holds}": file.sha256
        for path, file in before.files.items()
    }
    return Changes(
        before=before.version,
        after=record["bundle"]["version"],
        objects=Delta.of(old_objects, new_objects).with_moves(),
        images=Delta.of(
            before.images, {key: image["reference"] for key, image in record["images"].items()}
        ),
        files=Delta.of(old, tree),
        edited=edited(root, before),
    )


def edited(root: Path, before: Before) -> tuple[str, ...]:
    """The generated files below `root` that people have changed since the rebase."""
    found = []
    for path, file in sorted(before.files.items()):
        data = (root / path).read_bytes() if (root / path).is_file() else b""
        if assets.is_generated(data) and release.sha256(data) != file.sha256:
            found.append(path)
    return tuple(found)
