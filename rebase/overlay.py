"""The union of image layers: which file is seen at a path, by the OCI layer rules.

Layers may come in any order, each with its index; what is seen does not depend on it.
Source: github.com/opencontainers/image-spec/blob/main/layer.md (whiteouts, opaque
directories). Nothing is ever written here: entries live in memory, by path.
"""

import gzip
import hashlib
import io
import posixpath
import tarfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import zstandard

from rebase.errors import CorruptImageError
from rebase.model import Descriptor

WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"
ENTRY_LIMIT = 64 << 20  # bytes; the largest manifest known is 3 MB
TOTAL_LIMIT = 1 << 30  # bytes kept of an image; the largest tree known is 22 MB
LINK_LIMIT = 40  # symlinks followed in one look-up, as the kernel does

Wanted = Callable[[str], bool]


@dataclass(frozen=True)
class File:
    """A regular file, or a symlink when it has a target."""

    data: bytes = b""
    target: str | None = None


@dataclass
class LayerContent:
    """The wanted entries of one layer."""

    files: dict[str, File] = field(default_factory=dict)
    directories: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)  # whiteouts
    opaque: set[str] = field(default_factory=set)  # directories that hide what is below


class Digesting(io.RawIOBase):
    """A stream that hashes and counts what is read of it."""

    def __init__(self, stream: io.BufferedIOBase) -> None:
        super().__init__()
        self._stream = stream
        self._hash = hashlib.sha256()
        self.size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        count = self._stream.readinto(buffer)
        self._hash.update(buffer[:count])
        self.size += count
        return count

    @property
    def digest(self) -> str:
        return "sha256:" + self._hash.hexdigest()


def read_layer(
    stream: io.BufferedIOBase, blob: Descriptor, wanted: Wanted, subject: str
) -> LayerContent:
    """Read a layer to its end and keep what is wanted of it.

    Args:
        stream: the blob, compressed with gzip or zstd or not at all.
        wanted: says of a path (no leading slash) whether to keep it.

    Raises:
        CorruptImageError: size or digest are wrong, or it is not a tar archive.
    """
    digesting = Digesting(stream)
    where = f"{subject}: layer {blob.digest}"
    buffered = io.BufferedReader(digesting, 1 << 20)
    try:
        content = _read_tar(_decompressed(buffered), wanted, where)
        while buffered.read(1 << 20):
            pass  # padding after the archive belongs to the digest
    except (tarfile.TarError, zlib.error, zstandard.ZstdError, EOFError, gzip.BadGzipFile) as error:
        raise CorruptImageError(f"{where}: not a readable archive: {error}") from None
    if digesting.size != blob.size:
        raise CorruptImageError(f"{where}: {digesting.size} bytes came, {blob.size} were announced")
    if digesting.digest != blob.digest:
        raise CorruptImageError(f"{where}: its content has the digest {digesting.digest}")
    return content


def _decompressed(stream: "io.BufferedReader[Digesting]") -> io.BufferedIOBase:
    magic = stream.peek(4)[:4]
    if magic[:2] == b"\x1f\x8b":
        return gzip.GzipFile(fileobj=stream)
    if magic == b"\x28\xb5\x2f\xfd":
        reader = zstandard.ZstdDecompressor().stream_reader(
            stream, read_across_frames=True, closefd=False
        )
        return io.BufferedReader(reader)
    return stream


def _read_tar(stream: io.BufferedIOBase, wanted: Wanted, where: str) -> LayerContent:
    content, kept = LayerContent(), 0
    hardlinks: list[tuple[str, str]] = []
    with tarfile.open(fileobj=stream, mode="r|", bufsize=1 << 20) as archive:
        for member in archive:
            path = _path(member.name, where)
            parent, name = posixpath.split(path)
            if name == OPAQUE:
                content.opaque.add(parent)
            elif name.startswith(WHITEOUT):
                content.removed.add(posixpath.join(parent, name.removeprefix(WHITEOUT)))
            elif not wanted(path):
                continue
            elif member.isdir():
                content.directories.add(path)
                content.files.pop(path, None)
            elif member.issym():
                content.files[path] = File(target=member.linkname)
            elif member.islnk():
                hardlinks.append((path, _path(member.linkname, where)))
            elif member.isfile():
                kept += member.size
                if member.size > ENTRY_LIMIT or kept > TOTAL_LIMIT:
                    raise CorruptImageError(f"{where}: {path} is too large to be a manifest")
                source = archive.extractfile(member)
                content.files[path] = File(source.read() if source else b"")
    for path, target in hardlinks:
        if target in content.files:  # else it is missed only where something needs it
            content.files[path] = content.files[target]
    return content


def _path(name: str, where: str) -> str:
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise CorruptImageError(f"{where}: the entry {name!r} points out of the image")
    return "/".join(parts)


class Overlay:
    """Layers laid over each other; `Files` for the kustomization walk."""

    def __init__(self) -> None:
        self._layers: dict[int, LayerContent] = {}
        self._seen: dict[str, File] | None = None
        self._directories: set[str] = set()

    def add(self, index: int, content: LayerContent) -> None:
        """Lay a layer in at its index (0 is the oldest)."""
        self._layers[index] = content
        self._seen = None

    @property
    def files(self) -> dict[str, File]:
        """What is seen, symlinks unresolved, by path."""
        if self._seen is None:
            self._seen = {}
            for index in sorted(self._layers):
                self._lay(self._seen, self._layers[index])
            self._directories = {parent for path in self._seen for parent in _parents(path)}
        return self._seen

    @staticmethod
    def _lay(seen: dict[str, File], layer: LayerContent) -> None:
        gone = layer.removed | {path for path in layer.files if path not in seen}
        below = layer.opaque | layer.removed | gone
        for path in [p for p in seen if p in layer.removed or _is_below(p, below)]:
            del seen[path]
        # Directories where there were files; those above a file need no entry of their own.
        above = {parent for path in layer.files for parent in _parents(path)}
        for path in (layer.directories | above) & seen.keys():
            del seen[path]
        seen.update(layer.files)

    def paths(self) -> Iterator[str]:
        """Every path that is seen, sorted."""
        yield from sorted(self.files)

    def resolve(self, path: str) -> str | None:
        """The path with its symlinks followed, or None where it leads nowhere."""
        followed = 0
        done: list[str] = []
        todo = [part for part in path.split("/") if part not in ("", ".")][::-1]
        while todo:
            part = todo.pop()
            if part == "..":
                if done:
                    done.pop()
                continue
            here = self.files.get("/".join([*done, part]))
            if here is None or here.target is None:
                done.append(part)
                continue
            followed += 1
            if followed > LINK_LIMIT:
                return None
            if here.target.startswith("/"):
                done = []
            todo += [p for p in here.target.split("/") if p not in ("", ".")][::-1]
        return "/".join(done)

    def read(self, path: str) -> bytes | None:
        resolved = self.resolve(path)
        file = self.files.get(resolved) if resolved is not None else None
        return None if file is None or file.target is not None else file.data

    def is_directory(self, path: str) -> bool:
        resolved = self.resolve(path)
        return resolved is not None and bool(self.files) and resolved in self._directories


def _parents(path: str) -> Iterator[str]:
    while path:
        path = posixpath.dirname(path)
        yield path


def _is_below(path: str, directories: set[str]) -> bool:
    return any(parent in directories for parent in _parents(path))
