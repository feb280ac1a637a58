"""A device for each RHOAI version, its cluster, what came of its starts, and the table of that."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from integration.support.packages import INFO, Built, build, release_infos, sources, unpack
from integration.support.surroundings import need_data
from integration.support.trees import Tree

from cluster.support.api_client import Object
from cluster.support.api_server import Cluster, running_cluster
from cluster.support.microshift import MicroShift, Start

# The RHOAI versions, and the kustomize that MicroShifts of their time embed.
DEVICES = {"2.16": "5.7.1", "2.22": "5.7.1", "2.25": "5.7.1", "3.4": "5.8.1", "3.5": "5.8.1"}
# The upstream KServe that stands for each version's own build, which is not public.
KSERVE = {"2.16": "0.15", "2.22": "0.15", "2.25": "0.15", "3.4": "0.17", "3.5": "0.19"}
# The one whose llm-d gets along with RHOAI's configurations.
LLM_D_KSERVE = "0.19"
SERVING = "serving.kserve.io"
# A device tries a directory again after ten seconds; what is not ready after five is so slow, too.
INTERVAL = 5.0

COLUMNS = ("first start", "second start", "controller", "InferenceService", "upgrade")
Results = dict[str, dict[str, str]]
RESULTS = pytest.StashKey[Results]()


@dataclass
class Device:
    """A device with a MicroShift, its cluster, and its first two starts with no controller up.

    Attributes:
        root: its file system.
        results: what the table at the end says of it, by column.
    """

    version: str
    root: Path
    cluster: Cluster
    microshift: MicroShift
    first: Start
    second: Start
    results: dict[str, str] = field(default_factory=dict)

    def tell(self, column: str, what: str) -> None:
        """Add to a cell of the table."""
        self.results[column] = ", ".join(filter(None, (self.results.get(column), what)))

    @property
    def images(self) -> dict[str, str]:
        """The release info: key → reference."""
        return dict(release_infos(self.root)[Path(INFO).name]["images"])


def inference_service(name: str, uri: str) -> Object:
    model = {"modelFormat": {"name": "openvino_ir"}, "protocolVersion": "v2", "storageUri": uri}
    return {
        "apiVersion": f"{SERVING}/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": name},
        "spec": {"predictor": {"model": model}},
    }


def counted(start: Start) -> str:
    """Objects and passes of a start, as the table has them."""
    applied = [one for one in start.handled if one.verb == "apply"]
    objects = sum(one.tries[-1].accepted for one in applied)
    passes = "+".join(str(len(one.tries)) for one in applied)
    return f"{objects} in {passes} passes" + ("" if start.ok else " FAILED")


def unpacked(rpms: Path, parent: Path) -> Path:
    """All packages of a build, unpacked into one root."""
    root = parent / "root"
    root.mkdir()
    for file in sorted(rpms.glob("*.rpm")):
        if not file.name.endswith(".src.rpm"):
            unpack(file, root)
    return root


@pytest.fixture(scope="session")
def root_of(
    rebased: Callable[[str], Tree],
    packaged: dict[str, Built],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], Path]:
    """A root with the files of a version's packages."""
    roots: dict[str, Path] = {}

    def root(version: str) -> Path:
        if version not in roots:
            need_data(version)
            if version in packaged:
                rpms = packaged[version].rpms
            else:
                place = tmp_path_factory.mktemp(f"packages-{version}-") / "tree"
                rpms = build(sources(rebased(version), place), "4.99.0")
            roots[version] = unpacked(rpms, tmp_path_factory.mktemp(f"device-{version}-"))
        return roots[version]

    return root


@pytest.fixture(scope="session")
def results(pytestconfig: pytest.Config) -> Results:
    """The table's rows, by version and column."""
    return pytestconfig.stash.setdefault(RESULTS, {})


@pytest.fixture(scope="module", params=DEVICES)
def device(
    request: pytest.FixtureRequest,
    root_of: Callable[[str], Path],
    results: Results,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Device]:
    """A device after its first two starts, with no controller up."""
    version = str(request.param)
    root = root_of(version)
    with running_cluster(tmp_path_factory.mktemp(f"cluster-{version}-")) as cluster:
        microshift = MicroShift(cluster, root, DEVICES[version], INTERVAL, timeout=30)
        first = microshift.start()
        second = microshift.start()
        told = results.setdefault(version, {})
        told |= {"first start": counted(first), "second start": counted(second)}
        yield Device(version, root, cluster, microshift, first, second, told)


def table(results: Results) -> list[str]:
    """For each version what was proved, with numbers of objects and passes."""
    rows = [["RHOAI", *COLUMNS]]
    for version, told in sorted(results.items(), key=lambda item: item[0]):
        rows.append([version, *(told.get(column, "-") for column in COLUMNS)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
