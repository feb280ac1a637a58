"""What the sides of `rhoai-rebase diff` name, as directories that ship something.

A side is, and is looked for in this order: an RPM file, or a directory with some; a directory that
is a tree or where packages are installed; a commit of the tree's git repository; an image reference
of a bundle, which is rebased to in a directory of its own.
"""

import io
import re
import shutil
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum, auto
from pathlib import Path, PurePosixPath

from rebase.compose import DIRECTORIES
from rebase.download import Source, download
from rebase.errors import RebaseError, UsageError
from rebase.model import PACKAGE
from rebase.options import Options
from rebase.process import process
from rebase.reference import HOST, TRANSPORT, ImageName
from rebase.release import RECORD
from rebase.reporter import Reporter
from rebase.tools import git, rpm
from rebase.tools.kustomize import Kustomize

# What a package of ours has to be compared: /usr/lib/microshift, /usr/share/….
IN_PACKAGES = ("usr/lib/microshift/", "usr/share/microshift")
EMPTY_TAR = bytes(10240)


@contextmanager
def told_of(name: str) -> Iterator[None]:
    """Errors name the side that they are about."""
    try:
        yield
    except RebaseError as error:
        named = rf"(?<![\w./-]){re.escape(name)}(?![\w-])"  # `.` is not named by every full stop
        if not re.search(named, error.message):
            error.message = f"{name}: {error.message}"
        raise


class Kind(Enum):
    """What a side is."""

    PACKAGES = auto()
    DIRECTORY = auto()
    REVISION = auto()
    BUNDLE = auto()


@dataclass(frozen=True)
class Side:
    """A side as the user named it.

    Attributes:
        operator_image, module_image: of a bundle, in place of the ones that its CSV names.
    """

    name: str
    operator_image: ImageName | None = None
    module_image: ImageName | None = None

    def kind(self, root: Path) -> Kind:
        """What it is.

        Raises:
            UsageError: it is none of all that.
        """
        path = Path(self.name)
        if path.is_file():
            return Kind.PACKAGES
        if path.is_dir():
            return Kind.PACKAGES if any(path.glob("*.rpm")) else Kind.DIRECTORY
        if not TRANSPORT.match(self.name):
            if git.toplevel(root) and git.is_commit(root, self.name):
                return Kind.REVISION
            if self.name.endswith(".rpm") or self.name.startswith(("/", "./", "../", "~")):
                raise UsageError(f"{self.name}: no such file or directory")
            if not HOST.match(self.name):
                raise UsageError(
                    f"{self.name} is no file, no directory and no commit of {root}",
                    hint="a bundle image has its registry in front, as in registry/repository:tag",
                )
        return Kind.BUNDLE


@dataclass(frozen=True)
class Workshop:
    """Where sides become directories.

    Attributes:
        root: the tree whose git repository revisions are of.
        source: how bundles are downloaded; its bundle is replaced.
        options: how they are processed; its root is replaced.
        directory: a temporary one.
    """

    root: Path
    source: Source
    options: Options
    kustomize: Kustomize
    reporter: Reporter
    directory: Path

    def lay_out(self, side: Side, place: str, base: Path | None = None) -> Path:
        """The directory that has what a side ships.

        Args:
            place: the name of a new directory.
            base: a tree that a bundle is rebased upon, as `to` would: its hand-kept files stay,
                and what devices have is known.

        Raises:
            RebaseError: whatever reading an image, processing, or unpacking raises; with the
                side's name.
        """
        target = self.directory / place
        with told_of(side.name):
            kind = side.kind(self.root)
            if kind is not Kind.BUNDLE and (side.operator_image or side.module_image):
                raise UsageError(f"{side.name} is no bundle, so it names no images to replace")
            match kind:
                case Kind.DIRECTORY:
                    return Path(side.name).absolute()
                case Kind.PACKAGES:
                    for package in self._packages(Path(side.name)):
                        unpack(rpm.as_tar(package), target, IN_PACKAGES)
                case Kind.REVISION:
                    tops = sorted({path.partition("/")[0] for path in DIRECTORIES})
                    unpack(git.archive(self.root, side.name, tops), target)
                case Kind.BUNDLE:
                    self._rebase(side, target, base)
        return target

    def _packages(self, path: Path) -> list[Path]:
        """A package, or those of a directory that go onto one device."""
        if path.is_file():
            return [path]
        architecture = self.options.architectures[0]
        suffixes = (f".{architecture}.rpm", ".noarch.rpm")
        found = [file for file in sorted(path.glob(f"{PACKAGE}*")) if file.name.endswith(suffixes)]
        if not found:
            raise UsageError(f"{path} has no {PACKAGE}*.rpm for {architecture}")
        names = Counter(file.name.rsplit("-", 2)[0] for file in found)  # name-version-release.…
        several = [file.name for file in found if names[file.name.rsplit("-", 2)[0]] > 1]
        if several:
            raise UsageError(
                f"{path} has more than one version of a package",
                details=several,
                hint="name a directory with one of each, or one package",
            )
        return found

    def _rebase(self, side: Side, target: Path, base: Path | None) -> None:
        target.mkdir()
        if base and (base / RECORD).is_file():  # the files of another tool's are only in the way
            for directory in DIRECTORIES:
                if (base / directory).is_dir():
                    shutil.copytree(base / directory, target / directory)
        source = replace(
            self.source,
            bundle=ImageName.parse(side.name),
            operator_image=side.operator_image,
            module_image=side.module_image,
        )
        staged = download(source, target / "staging", self.reporter)
        process(staged, replace(self.options, root=target), self.kustomize, self.reporter)


def unpack(archive: bytes, target: Path, below: Iterable[str] = ("",)) -> None:
    """Unpack the regular files of a tar archive that are below some paths.

    Raises:
        UsageError: a name would lead out of the directory.
    """
    target.mkdir(exist_ok=True)
    prefixes = tuple(below)
    with tarfile.open(fileobj=io.BytesIO(archive or EMPTY_TAR)) as tar:
        for member in tar:
            name = PurePosixPath(member.name.lstrip("/"))
            if not member.isfile() or not str(name).startswith(prefixes):
                continue
            if ".." in name.parts:
                raise UsageError(f"an archive names {member.name}, which is outside of it")
            content = tar.extractfile(member)
            assert content is not None
            file = target / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.read())
