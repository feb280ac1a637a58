"""The output directories as files: read, written, and replaced as a whole or not at all."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rebase.errors import UsageError

Tree = Mapping[str, bytes]  # path below the root, with `/` → content


def read_files(root: Path, directories: Iterable[str]) -> dict[str, bytes]:
    """Every file below these directories of a tree, by path."""
    return {
        file.relative_to(root).as_posix(): file.read_bytes()
        for directory in directories
        for file in sorted((root / directory).rglob("*"))
        if file.is_file()
    }


def write_files(root: Path, tree: Tree) -> None:
    """Write a tree's files below a directory."""
    for path, data in tree.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


@contextmanager
def staged(root: Path, tree: Tree) -> Iterator[Path]:
    """The new tree in a temporary directory beside the old one, for the checks and the swap."""
    try:
        temporary = Path(tempfile.mkdtemp(prefix=".rebase-", dir=root))
    except OSError as error:
        raise UsageError(f"cannot write to {root}: {error.strerror}") from None
    try:
        write_files(temporary / "new", tree)
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
