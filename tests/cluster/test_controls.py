"""Negative controls: a device on which one thing is wrong fails, and fails for that."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from integration.support.packages import INFO, RUNTIMES, Built, release_infos
from integration.support.process import wait_until
from integration.support.surroundings import NAMESPACE
from integration.support.trees import parse

from cluster.devices import KSERVE, inference_service, unpacked
from cluster.support.api_client import Object
from cluster.support.api_server import Cluster, running_cluster
from cluster.support.binaries import binary, crds
from cluster.support.controller import running_controller
from cluster.support.microshift import MicroShift

VERSION = "2.22"
USER = "ai-demo"
ROLE = "kserve-manager-role"
WEBHOOK = "validatingwebhookconfiguration"
RUNTIME_WEBHOOK = "servingruntime.serving.kserve.io"


@pytest.fixture(scope="module")
def root(packaged: dict[str, Built], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked(packaged[VERSION].rpms, tmp_path_factory.mktemp("controls"))


@pytest.fixture(scope="module")
def cluster(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A device as it should be, and a user's namespace."""
    with running_cluster(tmp_path_factory.mktemp("cluster")) as running:
        assert MicroShift(running, root, "5.7.1", 3, timeout=30).start().ok
        wanted = crds(f"kserve-{KSERVE[VERSION]}") / "serving.kserve.io_clusterservingruntimes.yaml"
        running.install_crds(wanted)
        running.kubectl("create", "namespace", USER).ok()
        yield running


def runtime(root: Path, name: str, image: str) -> Object:
    """A user's copy of a runtime, by the guide's sed."""
    text = (root / RUNTIMES / "ovms-kserve.yaml").read_text()
    (obj,) = parse(text.replace("image: ovms-image", f"image: {image}"))
    return {**obj, "metadata": {"name": name}}


def test_a_floating_image_is_seen(cluster: Cluster, root: Path) -> None:
    """What the proofs compare: the Deployment's image with the release info's."""
    images = release_infos(root)[Path(INFO).name]["images"].values()
    floating = "registry.example.com/ovms:latest"
    with running_controller(cluster, binary(f"kserve-manager-{KSERVE[VERSION]}")):
        cluster.apply(runtime(root, "floating", floating), namespace=USER).ok()
        cluster.apply(inference_service("floating", "s3://a/b"), namespace=USER).ok()
        made = wait_until(
            lambda: cluster.find("deployment", "floating-predictor", USER), "a Deployment"
        )
    used = [one["image"] for one in made["spec"]["template"]["spec"]["containers"]]
    assert floating in used
    assert not set(used) & set(images)


def test_rbac_that_lacks_one_rule_makes_no_deployment(cluster: Cluster, root: Path) -> None:
    role = cluster.get("clusterrole", ROLE)
    rules = [rule for rule in role["rules"] if "deployments" not in rule.get("resources", ())]
    assert len(rules) < len(role["rules"])
    less = {**role, "rules": rules, "metadata": {"name": ROLE}}
    replace = ("replace", "-f", "-")
    cluster.kubectl(*replace, stdin=json.dumps(less)).ok()
    with running_controller(cluster, binary(f"kserve-manager-{KSERVE[VERSION]}")) as running:
        cluster.apply(inference_service("forbidden", "s3://a/b"), namespace=USER).ok()
        wait_until(
            lambda: any("deployments" in line and "forbidden" in line for line in running.errors),
            "KServe says what it may not do",
            timeout=60,
        )
    assert cluster.find("deployment", "forbidden-predictor", USER) is None
    whole = {**role, "metadata": {"name": ROLE}}
    cluster.kubectl(*replace, stdin=json.dumps(whole)).ok()


def test_a_webhook_without_a_ca_refuses_everybody(cluster: Cluster, root: Path) -> None:
    config = cluster.get(WEBHOOK, RUNTIME_WEBHOOK)
    for webhook in config["webhooks"]:
        webhook["clientConfig"].pop("caBundle")
    config["metadata"] = {"name": RUNTIME_WEBHOOK}  # nor the annotation that asks for one
    cluster.kubectl("replace", "-f", "-", stdin=json.dumps(config)).ok()
    with running_controller(cluster, binary(f"kserve-manager-{KSERVE[VERSION]}")):
        right = runtime(root, "right", "registry.example.com/ovms@sha256:" + "0" * 64)
        cluster.apply(right, namespace=USER).failed("failed calling webhook", "x509")
    assert cluster.find("servingruntime", "right", USER) is None
    assert cluster.find("servingruntime", "kserve-ovms", NAMESPACE)
