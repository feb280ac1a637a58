"""Small deterministic OCI image layouts, for the demo and for tests.

    layer = Layer().file("etc/os-release", b"ID=demo\\n").symlink("etc/release", "os-release")
    digest = write_image(Path("out/image"), [layer])

gives a directory that skopeo reads as `oci:out/image:image`. The same arguments give the same
digest on one machine; another Python, zlib or libzstd may compress to other bytes, so do not
write the digests of compressed images down.
"""

import gzip
import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Literal, Self, TypeAlias

MTIME = 1700000000
CREATED = "2023-11-14T22:13:20Z"  # MTIME in the words of an image configuration
TAG = "image"
MEDIA_TYPE = "application/vnd.oci.image."
LAYER_SUFFIX = {"none": "", "gzip": "+gzip", "zstd": "+zstd"}

Compression: TypeAlias = Literal["none", "gzip", "zstd"]
# (path below the tree, with slashes; content) -> new content, or None to leave the file out
Edit: TypeAlias = Callable[[str, bytes], bytes | None]
History: TypeAlias = Sequence[tuple[str, bool]]
Descriptor: TypeAlias = dict[str, Any]


class Layer:
    """The tar of one layer, entry by entry; every method but `tar` gives the layer back.

    Paths are relative to the root of the image. Parent directories are added once, before the
    first entry that needs them. All entries belong to 0:0 and have the time MTIME.
    """

    def __init__(self, tar_format: int = tarfile.PAX_FORMAT) -> None:
        self._buffer = io.BytesIO()
        self._tar = tarfile.open(  # noqa: SIM115 - `tar` closes it
            fileobj=self._buffer, mode="w", format=tar_format
        )
        self._directories: set[PurePosixPath] = {PurePosixPath()}

    def file(self, path: str, data: bytes, mode: int = 0o644) -> Self:
        """Add a regular file."""
        return self._add(path, tarfile.REGTYPE, mode, data=data)

    def directory(self, path: str, mode: int = 0o755) -> Self:
        """Add a directory, if it is not there yet."""
        if PurePosixPath(path) not in self._directories:
            self._add(path, tarfile.DIRTYPE, mode)
            self._directories.add(PurePosixPath(path))
        return self

    def symlink(self, path: str, target: str) -> Self:
        """Add a symbolic link; target is taken as it is."""
        return self._add(path, tarfile.SYMTYPE, 0o777, linkname=target)

    def hardlink(self, path: str, target: str) -> Self:
        """Add a hard link to target, a path from the root of the image."""
        return self._add(path, tarfile.LNKTYPE, 0o644, linkname=target)

    def whiteout(self, path: str) -> Self:
        """Remove what the layers below have at path."""
        whole = PurePosixPath(path)
        return self.file(str(whole.with_name(f".wh.{whole.name}")), b"")

    def opaque(self, path: str) -> Self:
        """Remove what the layers below have inside directory path."""
        return self.file(f"{path}/.wh..wh..opq", b"")

    def raw(self, info: tarfile.TarInfo, data: bytes = b"") -> Self:
        """Add an entry exactly as it is: devices, absolute names, names with `..`."""
        self._tar.addfile(info, io.BytesIO(data))
        return self

    def tree(self, source: Path, path: str, edit: Edit | None = None) -> Self:
        """Add what directory source holds at path: sorted, symbolic links as links.

        Modes are 644, or 755 where the owner may execute, so that the umask of a checkout does
        not change the digest.
        """
        self.directory(path)
        for found in sorted(source.rglob("*"), key=lambda p: p.relative_to(source).parts):
            below = found.relative_to(source).as_posix()
            name = f"{path}/{below}"
            if found.is_symlink():
                self.symlink(name, str(found.readlink()))
            elif found.is_dir():
                self.directory(name)
            else:
                content = found.read_bytes()
                data = edit(below, content) if edit else content
                if data is not None:
                    self.file(name, data, 0o755 if found.stat().st_mode & 0o100 else 0o644)
        return self

    def tar(self) -> bytes:
        """End the layer and give the uncompressed tar; no entry can be added afterwards."""
        self._tar.close()
        return self._buffer.getvalue()

    def _add(
        self, path: str, kind: bytes, mode: int, data: bytes = b"", linkname: str = ""
    ) -> Self:
        if PurePosixPath(path).is_absolute():
            raise ValueError(f"{path}: not relative to the root of the image; raw() takes it")
        for parent in reversed(PurePosixPath(path).parents):
            self.directory(str(parent))
        info = tarfile.TarInfo(path)
        info.type, info.mode, info.mtime = kind, mode, MTIME
        info.size, info.linkname = len(data), linkname
        return self.raw(info, data)


def write_image(
    layout: Path,
    layers: Sequence[Layer],
    *,
    history: History | None = None,
    architectures: Sequence[str] = ("amd64",),
    compression: Compression = "gzip",
    labels: Mapping[str, str] | None = None,
    config: Mapping[str, object] | None = None,
) -> str:
    """Write an OCI layout with one image, tagged `image`, and give the image's digest.

    history: (created_by, whether it made a layer) for each step; by default one step a layer.
    architectures: more than one makes an index whose images share the layers.
    config: entries of the image configuration's `config`, such as Entrypoint.
    A layout that is already at `layout` is replaced; another directory is an error.

    Docker (v2s2) media types are not offered: skopeo does not read them from an OCI layout.
    Push to a registry with `skopeo copy --format v2s2` to have such an image.
    """
    tars = [layer.tar() for layer in layers]
    steps = list(history) if history is not None else [("COPY layer", True)] * len(tars)
    if sum(has_layer for _, has_layer in steps) != len(tars):
        raise ValueError(f"history does not account for {len(tars)} layers: {steps}")
    if not architectures:
        raise ValueError("an image needs at least one architecture")
    blobs = _Blobs(layout)
    layer_type = f"layer.v1.tar{LAYER_SUFFIX[compression]}"
    descriptors = [blobs.add(_compress(tar, compression), layer_type) for tar in tars]
    manifests = []
    for architecture in architectures:
        image_config = {
            "created": CREATED,
            "architecture": architecture,
            "os": "linux",
            "config": {**(config or {}), "Labels": dict(labels or {})},
            "rootfs": {"type": "layers", "diff_ids": [_digest(tar) for tar in tars]},
            "history": [
                {"created": CREATED, "created_by": created_by}
                | ({} if has_layer else {"empty_layer": True})
                for created_by, has_layer in steps
            ],
        }
        manifest = blobs.add_document(
            "manifest.v1+json",
            config=blobs.add(_json(image_config), "config.v1+json"),
            layers=descriptors,
        )
        manifests.append({**manifest, "platform": {"os": "linux", "architecture": architecture}})
    top = manifests[0]
    if len(manifests) > 1:
        top = blobs.add_document("index.v1+json", manifests=manifests)
    tagged = {**top, "annotations": {"org.opencontainers.image.ref.name": TAG}}
    (layout / "index.json").write_bytes(_json({"schemaVersion": 2, "manifests": [tagged]}))
    (layout / "oci-layout").write_bytes(_json({"imageLayoutVersion": "1.0.0"}))
    return str(top["digest"])


class _Blobs:
    """The blobs of a new layout."""

    def __init__(self, layout: Path) -> None:
        if (layout / "oci-layout").is_file():
            shutil.rmtree(layout)
        elif layout.is_dir() and any(layout.iterdir()):
            raise FileExistsError(f"{layout} is not an OCI layout: it is left alone")
        self._directory = layout / "blobs" / "sha256"
        self._directory.mkdir(parents=True)

    def add(self, data: bytes, media_type: str) -> Descriptor:
        """Store data; gives its descriptor. media_type goes without `application/vnd…`."""
        digest = _digest(data)
        (self._directory / digest.removeprefix("sha256:")).write_bytes(data)
        return {"mediaType": MEDIA_TYPE + media_type, "digest": digest, "size": len(data)}

    def add_document(self, media_type: str, **content: object) -> Descriptor:
        """Store a manifest or an index."""
        head = {"schemaVersion": 2, "mediaType": MEDIA_TYPE + media_type}
        return self.add(_json({**head, **content}), media_type)


def _compress(data: bytes, compression: Compression) -> bytes:
    if compression == "gzip":
        return gzip.compress(data, compresslevel=6, mtime=0)
    if compression == "zstd":
        import zstandard  # only who asks for zstd needs it

        return zstandard.ZstdCompressor().compress(data)
    return data


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _json(value: object) -> bytes:
    return json.dumps(value, indent=2).encode() + b"\n"
