"""What is made once for all tests: devices of released versions, a shared cluster; the table."""

from collections.abc import Iterator
from typing import Any

import pytest
from integration.conftest import images_of, packaged, rebased, registry

from cluster.devices import RESULTS, device, results, root_of, table
from cluster.support.api_server import Cluster, running_cluster

# Fixtures, too.
__all__ = [
    "device",
    "images_of",
    "packaged",
    "rebased",
    "registry",
    "results",
    "root_of",
]  # fixtures, too


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster for the tests of a module, which must not get in each other's way."""
    with running_cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand what this worker has proved to the process that prints the table."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["results"] = session.config.stash.get(RESULTS, {})


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take it, when a worker ends."""
    everything = node.config.stash.setdefault(RESULTS, {})
    for version, told in getattr(node, "workeroutput", {}).get("results", {}).items():
        everything.setdefault(version, {}).update(told)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """The table of what was proved, last of all."""
    found = config.stash.get(RESULTS, {})
    if found:
        terminalreporter.section("what was proved, by RHOAI version")
        for line in table(found):
            terminalreporter.write_line(line)
