"""Replacing the output directories as a whole, or not at all."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rebase.errors import UsageError

Tree = Mapping[str, bytes]  # path below the root, with `/` → content


@contextmanager
def staged(root: Path, tree: Tree) -> Iterator[Path]:
    """The new tree in a temporary directory beside the old one, for the checks and the swap."""
    try:
        temporary = Path(tempfile.mkdtemp(prefix=".rebase-", dir=root))
    except OSError as error:
        raise UsageError(f"cannot write to {root}: {error.strerror}") from None
    try:
        for path, data in tree.items():
            file = temporary / "new" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        yield temporary / "new"
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def swap(root: Path, new: Path, directories: tuple[str, ...]) -> None:
    """Put the new directories in place of the old ones.

    Whatever interrupts it, an error or Ctrl-C, the old directories are put back.
    """
    moved: list[tuple[Path, Path]] = []
    old = new.parent / "old"
    try:
        for directory in directories:
            place, aside = root / directory, old / directory
            aside.parent.mkdir(parents=True, exist_ok=True)
            place.parent.mkdir(parents=True, exist_ok=True)
            if place.exists():
                moved.append((place, aside))
                place.rename(aside)
            if (new / directory).exists():
                moved.append((new / directory, place))
                (new / directory).rename(place)
    except BaseException:
        for source, target in reversed(moved):
            with contextlib.suppress(FileNotFoundError):
                target.rename(source)
        raise
