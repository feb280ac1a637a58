"""The new tree takes the old one's place as a whole, or not at all."""

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from rebase import publish
from rebase.errors import UsageError
from unit.helpers import read_tree, write_tree

OLD: dict[str, str | bytes] = {"assets/one/a": "old", "assets/two/b": "old", "release/c": "old"}
NEW = {"assets/one/a": b"new", "assets/one/n": b"new", "assets/three/d": b"new", "release/c": b"n"}
DIRECTORIES = ("assets/one", "assets/two", "assets/three", "release")


def rebase_to_new(root: Path) -> None:
    with publish.staged(root, NEW) as new:
        assert read_tree(new) == NEW
        publish.swap(root, new, DIRECTORIES)


def test_directories_are_replaced_added_and_removed(tmp_path: Path) -> None:
    write_tree(tmp_path, {**OLD, "assets/mine": "mine", "README.md": "mine"})
    rebase_to_new(tmp_path)
    assert read_tree(tmp_path) == {**NEW, "assets/mine": b"mine", "README.md": b"mine"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["README.md", "assets", "release"]


def test_into_an_empty_root(tmp_path: Path) -> None:
    rebase_to_new(tmp_path)
    assert read_tree(tmp_path) == NEW


def fail_at(
    monkeypatch: pytest.MonkeyPatch, number: int, error: BaseException, *, before: bool
) -> None:
    """Make the n-th rename of a directory fail: before it happens, or just after."""
    rename: Callable[[Path, Path], Path] = Path.rename
    count = 0

    def failing(self: Path, target: Path) -> Path:
        nonlocal count
        count += 1
        if count != number:
            return rename(self, target)
        if not before:
            rename(self, target)
        raise error

    monkeypatch.setattr(Path, "rename", failing)


RENAMES = 6  # two directories replaced, one removed, one added


@pytest.mark.parametrize("number", range(1, RENAMES + 1))
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize(
    "error", [OSError(errno.EACCES, "denied"), KeyboardInterrupt()], ids=["error", "Ctrl-C"]
)
def test_whatever_interrupts_it_the_old_tree_is_back(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    error: BaseException,
    before: bool,
) -> None:
    write_tree(tmp_path, OLD)
    old = read_tree(tmp_path)
    fail_at(monkeypatch, number, error, before=before)
    with pytest.raises(type(error)):
        rebase_to_new(tmp_path)
    assert read_tree(tmp_path) == old
    assert not list(tmp_path.glob(".rebase-*"))


def test_the_test_above_interrupts_every_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tree(tmp_path, OLD)
    fail_at(monkeypatch, RENAMES, OSError("the last one"), before=True)
    with pytest.raises(OSError, match="the last one"):
        rebase_to_new(tmp_path)
    write_tree(tmp_path, OLD)
    monkeypatch.undo()
    fail_at(monkeypatch, RENAMES + 1, OSError("one too many"), before=True)
    rebase_to_new(tmp_path)
    assert read_tree(tmp_path) == NEW


def test_nothing_is_left_of_a_tree_that_is_not_published(tmp_path: Path) -> None:
    write_tree(tmp_path, OLD)
    old = read_tree(tmp_path)
    with pytest.raises(ZeroDivisionError), publish.staged(tmp_path, NEW):
        raise ZeroDivisionError
    assert read_tree(tmp_path) == old
    assert sorted(path.name for path in tmp_path.iterdir()) == ["assets", "release"]


def test_a_root_that_cannot_be_written_to(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot write to"), publish.staged(tmp_path / "no", NEW):
        pytest.fail("there is nowhere to stage")
