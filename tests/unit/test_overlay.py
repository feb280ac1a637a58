"""Layers read from archives and laid over each other, by the OCI rules."""

import gzip
import io
import tarfile
from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from oci_layout import Layer

from rebase import overlay
from rebase.errors import CorruptImageError
from rebase.overlay import File, LayerContent, Overlay, read_layer
from unit.helpers import descriptor

Compress = Callable[[bytes], bytes]
COMPRESSIONS: dict[str, Compress] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "zstd frames": lambda data: b"".join(
        zstandard.ZstdCompressor().compress(data[i : i + 4096]) for i in range(0, len(data), 4096)
    ),
}


def everything(path: str) -> bool:
    return True


def read(blob: bytes, wanted: overlay.Wanted = everything) -> LayerContent:
    return read_layer(io.BytesIO(blob), descriptor(blob), wanted, "quay.io/example/a")


def stacked(*layers: Layer) -> Overlay:
    """Layers, the oldest first."""
    files = Overlay()
    for index, layer in enumerate(layers):
        files.add(index, read(layer.tar()))
    return files


def seen(*layers: Layer) -> dict[str, bytes]:
    return {path: file.data for path, file in stacked(*layers).files.items()}


# Archives


@pytest.mark.parametrize("compress", COMPRESSIONS.values(), ids=COMPRESSIONS)
def test_compressions(compress: Compress) -> None:
    tar = Layer().file("opt/a", b"one").file("opt/b/c", b"x" * 100_000).symlink("opt/l", "a").tar()
    content = read(compress(tar))
    assert content.files == {
        "opt/a": File(b"one"),
        "opt/b/c": File(b"x" * 100_000),
        "opt/l": File(target="a"),
    }


@pytest.mark.parametrize("tar_format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names(tar_format: int) -> None:
    path = "opt/" + "/".join(f"directory-{n:02d}" for n in range(20)) + "/file"
    assert read(Layer(tar_format).file(path, b"x").tar()).files == {path: File(b"x")}


def test_only_what_is_wanted_is_kept() -> None:
    tar = Layer().file("opt/a", b"a").file("usr/lib/big", b"b").symlink("usr/l", "x").tar()
    content = read(tar, lambda path: path.startswith("opt/"))
    assert set(content.files) == {"opt/a"}


def test_whiteouts_count_wherever_they_are() -> None:
    tar = Layer().whiteout("opt").opaque("srv").tar()
    content = read(tar, lambda path: path.startswith("opt/"))
    assert content.removed == {"opt"}
    assert content.opaque == {"srv"}


def test_names_are_normalised_and_devices_ignored() -> None:
    layer = Layer()
    for name in ("./opt/a", "/opt/b", "opt//c"):
        info = tarfile.TarInfo(name)
        info.size = 1
        layer.raw(info, b"x")
    fifo = tarfile.TarInfo("opt/fifo")
    fifo.type = tarfile.FIFOTYPE
    assert set(read(layer.raw(fifo).tar()).files) == {"opt/a", "opt/b", "opt/c"}


@pytest.mark.parametrize("name", ["../etc/passwd", "opt/../../x", "opt/.."])
def test_entries_that_point_out_of_the_image_are_refused(name: str) -> None:
    with pytest.raises(CorruptImageError, match=r"points out of the image"):
        read(Layer().raw(tarfile.TarInfo(name)).tar())


def test_a_hard_link_is_the_file_it_links() -> None:
    layer = Layer().file("opt/a", b"x").hardlink("opt/b", "opt/a").hardlink("opt/c", "opt/b")
    assert read(layer.tar()).files == dict.fromkeys(("opt/a", "opt/b", "opt/c"), File(b"x"))


def test_a_hard_link_to_what_is_not_kept_is_missing() -> None:
    """Only what needs it may complain."""
    layer = Layer().file("opt/x", b"x").hardlink("opt/b", "usr/a")
    assert set(read(layer.tar()).files) == {"opt/x"}


@pytest.mark.parametrize("compress", COMPRESSIONS.values(), ids=COMPRESSIONS)
def test_truncated_archives_are_refused(compress: Compress) -> None:
    whole = compress(Layer().file("opt/a", bytes(range(256)) * 100).tar())
    with pytest.raises(CorruptImageError):
        read(whole[: len(whole) // 2])


def test_a_layer_that_ends_early_is_refused_though_its_archive_reads() -> None:
    whole = Layer().file("opt/a", b"x").tar()
    with pytest.raises(CorruptImageError, match=r"bytes came, \d+ were announced"):
        read_layer(io.BytesIO(whole[:-512]), descriptor(whole), everything, "a")


def test_a_wrong_digest_is_refused() -> None:
    blob = Layer().file("opt/a", b"x").tar()
    wrong = replace(descriptor(blob), digest="sha256:" + "0" * 64)
    with pytest.raises(CorruptImageError, match=r"quay.io/example/a: layer sha256:0+: its content"):
        read_layer(io.BytesIO(blob), wrong, everything, "quay.io/example/a")


def test_padding_after_the_archive_belongs_to_the_digest() -> None:
    blob = Layer().file("opt/a", b"x").tar() + bytes(3 << 20)
    assert set(read(blob).files) == {"opt/a"}


@pytest.mark.parametrize("blob", [b"", b"no archive at all", b"\x1f\x8b", b"\x28\xb5\x2f\xfd"])
def test_what_is_no_archive_is_refused(blob: bytes) -> None:
    with pytest.raises(CorruptImageError, match="not a readable archive"):
        read(blob)


def test_a_file_too_large_for_a_manifest_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlay, "ENTRY_LIMIT", 10)
    assert read(Layer().file("opt/a", b"x" * 10).tar()).files
    with pytest.raises(CorruptImageError, match="opt/a is too large"):
        read(Layer().file("opt/a", b"x" * 11).tar())


SOUND = Layer().file("opt/a", b"abc").symlink("opt/b", "a").hardlink("opt/c", "opt/a").tar()


@given(st.sampled_from(sorted(COMPRESSIONS)), st.integers(0), st.integers(1, 255))
def test_any_damage_is_a_corrupt_image(compression: str, position: int, change: int) -> None:
    blob = COMPRESSIONS[compression](SOUND)
    damaged = bytearray(blob)
    damaged[position % len(blob)] ^= change
    with pytest.raises(CorruptImageError):
        read_layer(io.BytesIO(bytes(damaged)), descriptor(blob), everything, "a")


# Layers over layers


def test_the_newest_layer_wins_and_the_others_stay() -> None:
    old = Layer().file("opt/a", b"old").file("opt/b", b"b")
    assert seen(old, Layer().file("opt/a", b"new")) == {"opt/a": b"new", "opt/b": b"b"}


def test_a_whiteout_removes_a_file_and_a_directory() -> None:
    old = Layer().file("opt/a", b"").file("opt/d/x", b"").file("opt/d/e/y", b"").file("opt/dd", b"")
    assert set(seen(old, Layer().whiteout("opt/a").whiteout("opt/d"))) == {"opt/dd"}


def test_a_whiteout_spares_its_own_layer_and_newer_ones() -> None:
    old, middle = Layer().file("opt/a", b"old"), Layer().whiteout("opt/a").file("opt/a", b"new")
    assert seen(old, middle) == {"opt/a": b"new"}
    gone = Layer().whiteout("opt/a")
    assert seen(Layer().file("opt/a", b"old"), gone, Layer().file("opt/a", b"3")) == {"opt/a": b"3"}


def test_an_opaque_directory_hides_what_is_below_it_only() -> None:
    old = Layer().file("opt/d/a", b"").file("opt/d/e/b", b"").file("opt/f", b"")
    assert set(seen(old, Layer().file("opt/d/new", b"").opaque("opt/d"))) == {"opt/f", "opt/d/new"}


def test_a_file_takes_the_place_of_a_directory() -> None:
    old = Layer().file("opt/d/a", b"").file("opt/d/e/b", b"")
    assert seen(old, Layer().file("opt/d", b"now a file")) == {"opt/d": b"now a file"}


def test_a_directory_takes_the_place_of_a_file() -> None:
    old, new = Layer().file("opt/d", b"a file"), Layer().directory("opt/d")
    assert seen(old, new) == {}
    old = Layer().file("opt/d", b"a file")
    assert seen(old, Layer().file("opt/d/a", b"x")) == {"opt/d/a": b"x"}


def test_a_file_in_the_way_goes_even_when_the_directory_has_no_entry() -> None:
    files = Overlay()
    files.add(0, LayerContent({"opt/d": File(b"a file")}))
    files.add(1, LayerContent({"opt/d/a": File(b"x")}))
    assert set(files.paths()) == {"opt/d/a"}


def test_a_directory_takes_the_place_of_a_symlink() -> None:
    old = Layer().file("opt/real/a", b"a").symlink("opt/d", "real")
    files = stacked(old, Layer().directory("opt/d").file("opt/d/b", b"b"))
    assert (files.read("opt/d/a"), files.read("opt/d/b")) == (None, b"b")


# The same by brute force: a file system as a dict of path → content, None for a directory.

NAMES = st.sampled_from(["a", "b", "c"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
ENTRIES = st.tuples(st.sampled_from(["file", "directory", "whiteout", "opaque"]), PATHS)
LAYERS = st.lists(st.lists(ENTRIES, max_size=5), min_size=1, max_size=5)


def consistent(entries: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The entries without those that contradict an earlier one of their layer."""
    files: set[str] = set()
    directories: set[str] = set()
    kept = []
    for kind, path in entries:
        above = {path[:i] for i, letter in enumerate(path) if letter == "/"}
        inside = above if kind in ("file", "whiteout") else above | {path}
        if inside & files or (kind == "file" and path in directories | files):
            continue
        directories |= inside
        if kind == "file":
            files.add(path)
        kept.append((kind, path))
    return kept


def naive(layers: list[list[tuple[str, str]]]) -> dict[str, bytes]:
    """Layers unpacked one after the other, whiteouts of a layer first."""
    disk: dict[str, bytes | None] = {}

    def remove(path: str, *, itself: bool) -> None:
        for other in list(disk):
            if other.startswith(path + "/") or (itself and other == path):
                del disk[other]

    def mkdir(path: str) -> None:
        for end in [i for i, letter in enumerate(path) if letter == "/"] + [len(path)]:
            if disk.get(path[:end], b"") is not None:
                disk[path[:end]] = None

    for number, entries in enumerate(layers):
        for kind, path in entries:
            if kind in ("whiteout", "opaque"):
                remove(path, itself=kind == "whiteout")
        for kind, path in entries:
            if "/" in path:
                mkdir(path.rpartition("/")[0])
            if kind in ("directory", "opaque"):
                mkdir(path)
            elif kind == "file":
                remove(path, itself=True)
                disk[path] = b"%d" % number
    return {path: data for path, data in disk.items() if data is not None}


@settings(max_examples=300)
@given(LAYERS, st.randoms(use_true_random=False), st.sampled_from(["plain", "gzip"]))
def test_layers_in_any_order_give_what_unpacking_them_gives(
    raw: list[list[tuple[str, str]]], random: Random, compression: str
) -> None:
    layers = [consistent(entries) for entries in raw]
    contents = []
    for number, entries in enumerate(layers):
        layer = Layer()
        for kind, path in entries:
            match kind:
                case "file":
                    layer.file(path, b"%d" % number)
                case "directory":
                    layer.directory(path)
                case "whiteout":
                    layer.whiteout(path)
                case "opaque":
                    layer.opaque(path)
        contents.append((number, read(COMPRESSIONS[compression](layer.tar()))))
    random.shuffle(contents)
    files = Overlay()
    for number, content in contents:
        files.add(number, content)
        list(files.paths())  # looking in between changes nothing
    assert {path: file.data for path, file in files.files.items()} == naive(layers)


# Symbolic links


def linked() -> Overlay:
    layer = Layer().file("opt/real/a.yaml", b"a").file("srv/b", b"b")
    for path, target in {
        "opt/relative": "real/a.yaml",
        "opt/absolute": "/opt/real/a.yaml",
        "opt/directory": "real",
        "opt/chain": "directory/a.yaml",
        "opt/real/up": "../../srv/b",
        "opt/above": "../../../../srv/b",
        "opt/loop": "loop",
        "opt/ping": "pong",
        "opt/pong": "ping",
        "opt/dangling": "nowhere",
    }.items():
        layer.symlink(path, target)
    return stacked(layer)


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("opt/relative", b"a"),
        ("opt/absolute", b"a"),
        ("opt/directory/a.yaml", b"a"),
        ("opt/chain", b"a"),
        ("opt/real/up", b"b"),
        ("opt/directory/up", b"b"),
        ("opt/directory/../real/a.yaml", b"a"),
        ("opt/above", b"b"),
        ("opt/loop", None),
        ("opt/ping", None),
        ("opt/loop/x", None),
        ("opt/dangling", None),
        ("opt/directory", None),
        ("opt/real", None),
        ("opt", None),
    ],
)
def test_links_are_followed_inside_the_image(path: str, data: bytes | None) -> None:
    assert linked().read(path) == data


@pytest.mark.parametrize(
    ("path", "directory"),
    [
        ("opt", True),
        ("opt/directory", True),
        (".", True),
        ("opt/relative", False),
        ("opt/loop", False),
        ("opt/dangling", False),
        ("nowhere", False),
    ],
)
def test_directories_are_told_through_links(path: str, directory: bool) -> None:
    assert linked().is_directory(path) is directory


def test_a_newer_layer_turns_a_link_elsewhere() -> None:
    files = stacked(
        Layer().file("opt/one", b"1").file("opt/two", b"2").symlink("opt/now", "one"),
        Layer().symlink("opt/now", "two"),
    )
    assert files.read("opt/now") == b"2"
