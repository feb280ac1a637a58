"""How long a rebase takes, what it reads and how much memory it needs, beside the alternatives.

    make bench [ARGS='--runs 5 --json']

Images of released versions with a base layer of 40 MB and a program of 80 MB, as real ones have,
in a registry on this machine: a network would make whoever reads more slower still. Every number
is the median of the runs; memory is the largest process's.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from integration.support.command import argv, environment
from integration.support.images import Images, make_images
from integration.support.registry import running_registry
from integration.support.surroundings import DATA, kustomize, tool
from integration.support.trees import Tree

VERSIONS = ("2.25", "3.4")
LAYOUTS = ("layered", "squashed")
SIZES = ("--base-mb", "40", "--binary-mb", "80")
MB = 1e6


@dataclass(frozen=True)
class Row:
    """A line of a table; what was not measured is None.

    Attributes:
        memory: MB, of the largest process at its highest.
        read: MB that came from the registry.
    """

    title: str
    seconds: float
    memory: float
    read: float | None = None


def measure(
    words: Sequence[str | Path], cwd: Path, codes: Sequence[int] = (0,)
) -> tuple[float, float]:
    """Run a program to one of these ends: (seconds, MB of its largest process)."""
    with tempfile.TemporaryFile() as stderr:
        start = time.perf_counter()
        words, quiet = [str(word) for word in words], subprocess.DEVNULL
        process = subprocess.Popen(
            words, cwd=cwd, env=environment(cwd), stdin=quiet, stdout=quiet, stderr=stderr
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in codes:
            stderr.seek(0)
            sys.exit(f"{words[0]} failed: {stderr.read().decode()}")
    return seconds, usage.ru_maxrss * 1024 / MB


def row(title: str, runs: int, once: Callable[[], tuple[float, float]], **more: float) -> Row:
    """The medians of some runs."""
    print(f"  measuring: {title}", file=sys.stderr)
    seconds, memory = zip(*(once() for _ in range(runs)), strict=True)
    return Row(title, median(seconds), max(memory), **more)


def rebase(work: Path, *words: str) -> tuple[float, float]:
    root = work / "root"
    root.mkdir(exist_ok=True)
    return measure([*argv(*words), "--root", root], work)


def staged_images(work: Path) -> list[dict[str, Any]]:
    """The images that were opened, as the record of what is staged has them."""
    record = json.loads((work / "root/_output/staging/staging.json").read_text())
    return list(record["images"])


def megabytes_read(work: Path) -> float:
    layers = [layer for image in staged_images(work) for layer in image["layers"]]
    return sum(int(layer["size"]) for layer in layers if layer["read"]) / MB


def copy_and_extract(work: Path, references: Sequence[str]) -> tuple[float, float]:
    """What a tool does that knows nothing of layers: fetch the images, unpack every layer."""
    target = work / "extracted"
    shutil.rmtree(target, ignore_errors=True)
    measured = []
    for number, reference in enumerate(references):
        blobs, files = target / f"blobs{number}", target / f"files{number}"
        files.mkdir(parents=True)
        copy = [tool("skopeo"), "copy", "--quiet", "--src-tls-verify=false"]
        measured.append(measure([*copy, f"docker://{reference}", f"dir:{blobs}"], work))
        for layer in json.loads((blobs / "manifest.json").read_text())["layers"]:
            blob = blobs / layer["digest"].removeprefix("sha256:")
            measured.append(measure([tool("tar"), "-xzf", blob, "-C", files], work))
    return sum(seconds for seconds, _ in measured), max(memory for _, memory in measured)


def reading(work: Path, images: Images, runs: int) -> list[Row]:
    """Getting at the manifests."""

    def download(title: str, *options: str) -> Row:
        words = ("download", images.bundle, "--no-tls-verify", *options)
        rebase(work, *words)  # nobody's first run is measured
        return row(title, runs, lambda: rebase(work, *words), read=megabytes_read(work))

    ours = download("rhoai-rebase download")
    everything = download("rhoai-rebase download --all-layers", "--all-layers")
    names = [image["reference"] for image in staged_images(work)]
    baseline = row("skopeo copy, tar of every layer", runs, lambda: copy_and_extract(work, names))
    return [ours, everything, replace(baseline, read=everything.read)]


def whole(work: Path, images: Images, runs: int, download: Row) -> list[Row]:
    """A rebase, in two steps and in one."""

    def fresh(*words: str) -> tuple[float, float]:
        for name in ("assets", "release"):
            shutil.rmtree(work / "root" / name, ignore_errors=True)
        return rebase(work, *words)

    return [
        replace(download, title="download"),
        row("process", runs, lambda: fresh("process")),
        row("to (both)", runs, lambda: fresh("to", images.bundle, "--no-tls-verify")),
    ]


def rendering(work: Path, version: str, runs: int) -> list[Row]:
    """What a device does at every start, with what ships and with the tree it came from."""
    tree = Tree(work / "root")
    upstream = tree.record["entries"][0].strip("/")
    places = {f"upstream {upstream}": DATA / version / "operator" / upstream}
    places |= {f"ours assets/{one}": tree.root / "assets" / one for one in tree.directories}
    build = (kustomize("5.8.1"), "build")
    return [
        row(title, runs, lambda place=place: measure([*build, place], work))  # type: ignore[misc]
        for title, place in places.items()
    ]


def comparing(work: Path, trees: dict[str, Path], images: Images, runs: int) -> list[Row]:
    """The newest of the trees against the oldest, and by itself."""
    old, new = trees[VERSIONS[0]], trees[VERSIONS[-1]]

    def diff(title: str, *words: str | Path) -> Row:
        run = argv("diff", *words, "--root", work)
        return row(title, runs, lambda: measure(run, work, codes=(1,)))

    check = argv("check", "--root", new)
    return [
        diff("diff: tree, tree", old, new),
        diff("diff: tree, bundle upon it", old, images.bundle, "--no-tls-verify"),
        diff("diff --measure: tree, tree", old, new, "--measure"),
        row(f"check: {VERSIONS[-1]}'s tree", runs, lambda: measure(check, work)),
    ]


def show(title: str, rows: Sequence[Row]) -> None:
    print(f"\n{title:53} {'seconds':>8} {'peak MB':>8} {'MB read':>8}")
    for one in rows:
        read = "" if one.read is None else f"{one.read:8.1f}"
        print(f"  {one.title:51} {one.seconds:8.2f} {one.memory:8.0f} {read}".rstrip())


def bench(runs: int) -> dict[str, list[Row]]:
    """All tables, by title."""
    tables: dict[str, list[Row]] = {}
    trees: dict[str, Path] = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        base = Path(name)
        with running_registry(base / "registry") as registry:
            for version in VERSIONS:
                for layout in LAYOUTS:
                    work = base / f"{version}-{layout}"
                    options = (*SIZES, "--layout", layout, "--tag", work.name)
                    push = ("--push", registry.host)
                    images = make_images(version, work / "images", *options, *push)
                    print(f"RHOAI {version}, {layout}", file=sys.stderr)
                    rows = reading(work, images, runs)
                    tables[f"RHOAI {version}, {layout}: getting the manifests"] = rows
                    rows = whole(work, images, runs, rows[0])
                    tables[f"RHOAI {version}, {layout}: a whole rebase"] = rows
                tables[f"RHOAI {version}: kustomize 5.8.1 build"] = rendering(work, version, runs)
                trees[version] = work / "root"
            title = f"RHOAI {' → '.join(VERSIONS)}: diff and check"
            tables[title] = comparing(base, trees, images, runs)
    return tables


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=5, help="runs of each measurement (5)")
    parser.add_argument("--json", action="store_true", help="the numbers as JSON")
    arguments = parser.parse_args()
    try:
        tables = bench(arguments.runs)
    except (pytest.skip.Exception, pytest.fail.Exception) as lacking:
        sys.exit(f"bench: {lacking}")
    if arguments.json:
        numbers = {title: [asdict(one) for one in rows] for title, rows in tables.items()}
        print(json.dumps(numbers, indent=2))
    else:
        for title, rows in tables.items():
            show(title, rows)


if __name__ == "__main__":
    main()
