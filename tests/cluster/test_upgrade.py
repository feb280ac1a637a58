"""2.22 → 2.25 → 3.4 on one cluster: what users have survives, what is stale goes."""

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from integration.support.packages import DELETE, MANIFESTS_D, NAME, Built
from integration.support.packages import LLM_D as LLM_D_PLACE
from integration.support.process import wait_until
from integration.support.surroundings import NAMESPACE
from integration.support.trees import group, parse, render, title

from cluster.devices import INTERVAL, LLM_D_KSERVE, SERVING, Results, counted, unpacked
from cluster.support.api_client import Object
from cluster.support.api_server import Cluster, running_cluster
from cluster.support.binaries import binary, crds
from cluster.support.controller import LLM_D, running_controller
from cluster.support.microshift import MicroShift, Start

USER = "ai-demo"
CUSTOM = f"usr/share/{NAME}/retired-custom-objects.yaml"
MANAGER = "kubectl"  # the field manager of MicroShift's server-side apply

MINE: list[Object] = [
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": USER}},
    {
        "apiVersion": f"{SERVING}/v1alpha1",
        "kind": "ServingRuntime",
        "metadata": {"name": "mine", "namespace": USER},
        "spec": {
            "supportedModelFormats": [{"name": "onnx", "version": "1", "autoSelect": True}],
            "containers": [{"name": "kserve-container", "image": "registry.example.com/a/b:1"}],
        },
    },
    {
        "apiVersion": f"{SERVING}/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "mine", "namespace": USER},
        "spec": {
            "predictor": {
                "model": {"modelFormat": {"name": "onnx"}, "storageUri": "s3://models/mine"}
            }
        },
    },
    {
        "apiVersion": f"{SERVING}/v1alpha1",
        "kind": "InferenceGraph",
        "metadata": {"name": "mine", "namespace": USER},
        "spec": {"nodes": {"root": {"routerType": "Sequence", "steps": [{"serviceName": "mine"}]}}},
    },
]


def users_objects(cluster: Cluster) -> dict[str, Object]:
    """A user's objects, without what the API server adds."""
    found: dict[str, Object] = {}
    for kind in ("inferenceservices", "servingruntimes", "inferencegraphs"):
        for obj in cluster.get(f"{kind}.{SERVING}", namespace=USER)["items"]:
            found[title(obj)] = obj["spec"]
    return found


def exists(cluster: Cluster, obj: Object) -> bool:
    kind = ".".join(filter(None, (obj["kind"], group(obj))))
    metadata = obj["metadata"]
    return cluster.find(kind, metadata["name"], metadata.get("namespace")) is not None


def remove_webhooks(cluster: Cluster) -> None:
    """No controller is up to answer for users' objects; the next start brings them again."""
    for kind in ("validatingwebhookconfigurations", "mutatingwebhookconfigurations"):
        cluster.kubectl("delete", kind, "--all").ok()


def test_upgrades_on_a_live_cluster(
    packaged: dict[str, Built], results: Results, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        cluster = stack.enter_context(running_cluster(tmp_path / "cluster"))
        before: list[str] = []
        shipped_before: dict[str, Object] = {}
        mine: dict[str, Object] = {}
        for version, built in packaged.items():
            (tmp_path / version).mkdir()
            root = unpacked(built.rpms, tmp_path / version)
            microshift = MicroShift(cluster, root, "5.8.1", INTERVAL, timeout=20)
            start = microshift.start()
            if version == "3.4":
                wait_for_conversion(start)
                stack.enter_context(llm_d_controller(cluster))
                start = microshift.start()
                llm_d_reconciles(cluster, built)
            assert start.ok, str(start)
            assert all(len(one.tries) <= 2 for one in start.handled), str(start)
            shipped = {
                title(obj): obj
                for directory in built.tree.directories
                for obj in parse(built.tree.render(directory))
            }
            assert all(exists(cluster, obj) for obj in shipped.values())

            # What the older versions alone had is gone, or told.
            stale = {name: obj for name, obj in shipped_before.items() if name not in shipped}
            deleted = deletions(root)
            told = parse((root / CUSTOM).read_text()) if (root / CUSTOM).exists() else []
            by_hand = {title(obj) for obj in told}
            for name, obj in stale.items():
                stays = obj["kind"] == "CustomResourceDefinition" or name in by_hand
                assert (name in deleted) != stays, name
                assert exists(cluster, obj) == stays, name
            if told:
                words = ("delete", "--ignore-not-found", "-f", root / CUSTOM)
                cluster.kubectl(*words).ok()
                assert not any(exists(cluster, obj) for obj in told)

            # What is a user's stays as it is.
            if not mine:
                remove_webhooks(cluster)
                cluster.apply(*MINE).ok()
                mine = users_objects(cluster)
                assert len(mine) == 3
                microshift.start()
            assert users_objects(cluster) == mine
            assert conflicts(cluster, shipped) == []
            assert unreadable_versions(cluster) == []

            results.setdefault(version, {})["upgrade"] = (
                f"{counted(start)}, {len(stale)} stale of {before[-1]}" if before else "installed"
            )
            before.append(version)
            shipped_before |= shipped


def wait_for_conversion(start: Start) -> None:
    """3.4 stores llm-d's objects in a new version: old ones wait for who converts them."""
    (waiting,) = (one for one in start.handled if not one.ok)
    assert waiting.name.endswith("-llm-d"), str(start)
    assert "conversion webhook for serving.kserve.io/v1alpha1" in waiting.failures[-1]


@contextmanager
def llm_d_controller(cluster: Cluster) -> Iterator[None]:
    cluster.install_crds(crds("gateway-api"))
    with running_controller(cluster, binary(f"kserve-llmisvc-{LLM_D_KSERVE}"), LLM_D):
        yield


def llm_d_reconciles(cluster: Cluster, built: Built) -> None:
    """A user's LLMInferenceService, as far as it goes: its route needs a Gateway's controller."""
    service: Object = {
        "apiVersion": f"{SERVING}/v1alpha1",
        "kind": "LLMInferenceService",
        "metadata": {"name": "llm"},
        "spec": {
            "model": {"uri": "oci://localhost/model:test", "name": "model"},
            "replicas": 1,
            "router": {"route": {}, "gateway": {}, "scheduler": {}},
        },
    }
    cluster.kubectl("create", "namespace", "llm").ok()
    cluster.apply(service, namespace="llm").ok()
    made = wait_until(
        lambda: cluster.find("deployment", "llm-kserve", "llm"), "it has a Deployment", timeout=60
    )
    images = [one["image"] for one in made["spec"]["template"]["spec"]["containers"]]
    info = built.tree.release_infos()["release-ai-model-serving-llm-d-x86_64.json"]
    assert images
    assert set(images) & set(info["images"].values())


def deletions(root: Path) -> set[str]:
    if not (root / DELETE).exists():
        return set()
    return {title(obj) for obj in parse(render(root / DELETE))}


def conflicts(cluster: Cluster, shipped: dict[str, Object]) -> list[str]:
    """Objects of ours in which somebody else than MicroShift owns a field of the spec or data."""
    found: list[str] = []
    for kind in ("deployments", "services", "configmaps", "servingruntimes.serving.kserve.io"):
        for obj in cluster.get(kind, namespace=NAMESPACE)["items"]:
            managed: list[dict[str, Any]] = obj["metadata"].get("managedFields", [])
            others = [
                one["manager"]
                for one in managed
                if one["manager"] != MANAGER
                and one.get("subresource") != "status"
                and {"f:spec", "f:data"} & one["fieldsV1"].keys()
            ]
            if others and title(obj) in shipped:
                found.append(f"{title(obj)}: {others}")
    return found


def unreadable_versions(cluster: Cluster) -> list[str]:
    """CRDs with objects stored in a version that they do not have any more."""
    found = []
    for crd in cluster.get("customresourcedefinitions")["items"]:
        known = {version["name"] for version in crd["spec"]["versions"]}
        if not set(crd["status"].get("storedVersions", ())) <= known:
            found.append(crd["metadata"]["name"])
    return found


# Negative controls: each must fail, or the proofs could not.


def test_a_custom_kind_on_the_delete_list_would_hold_up_the_first_start(
    packaged: dict[str, Built], tmp_path: Path
) -> None:
    """Why retired custom objects are for people to delete."""
    root = unpacked(packaged["3.4"].rpms, tmp_path)
    (root / DELETE / "custom.yaml").write_text((root / CUSTOM).read_text())
    kustomization = root / DELETE / "kustomization.yaml"
    kustomization.write_text(kustomization.read_text() + "- custom.yaml\n")
    for path in (root / MANIFESTS_D).glob("0*"):
        shutil.rmtree(path)  # they would come after
    with running_cluster(tmp_path / "cluster") as cluster:
        start = MicroShift(cluster, root, "5.8.1", 1, timeout=3).start()
    (handled,) = (one for one in start.handled if one.verb == "delete")
    assert not handled.ok
    assert len(handled.tries) > 2
    assert 'no matches for kind "ServingRuntime"' in handled.failures[0]


def test_a_directory_without_its_crds_is_given_up(
    packaged: dict[str, Built], tmp_path: Path
) -> None:
    root = unpacked(packaged["2.22"].rpms, tmp_path)
    (kserve,) = root.glob("usr/lib/microshift/manifests.d/010-*")
    for file in kserve.glob("crd-*.yaml"):
        file.unlink()
    kustomization = kserve / "kustomization.yaml"
    lines = kustomization.read_text().splitlines(keepends=True)
    kustomization.write_text("".join(line for line in lines if "- crd-" not in line))
    with running_cluster(tmp_path / "cluster") as cluster:
        start = MicroShift(cluster, root, "5.8.1", 1, timeout=3).start()
    assert not start.of("-runtimes").ok


def test_webhooks_that_see_our_namespace_refuse_the_runtimes(
    packaged: dict[str, Built], tmp_path: Path
) -> None:
    """Today's packages: with no controller up, and no namespaceSelector that leaves ours out."""
    root = unpacked(packaged["2.25"].rpms, tmp_path)
    (kserve,) = root.glob("usr/lib/microshift/manifests.d/010-*")
    found = 0
    for file in kserve.glob("*webhookconfiguration-*.yaml"):
        (obj,) = parse(file.read_text())
        for webhook in obj["webhooks"]:
            found += bool(webhook.pop("namespaceSelector", None))
        file.write_text(json.dumps(obj))
    assert found
    shutil.rmtree(root / LLM_D_PLACE)
    with running_cluster(tmp_path / "cluster") as cluster:
        start = MicroShift(cluster, root, "5.8.1", 1, timeout=3).start()
    runtimes = start.of("-runtimes")
    assert not runtimes.ok
    assert [one.accepted for one in runtimes.tries] == [0] * len(runtimes.tries)
    assert "failed calling webhook" in runtimes.failures[-1]
