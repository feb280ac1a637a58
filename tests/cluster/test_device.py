"""A device, from its first start with nothing running to a model's Deployment."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from integration.support.guide import DOCS, blocks
from integration.support.packages import MANIFESTS_D, bash
from integration.support.process import wait_until
from integration.support.surroundings import NAMESPACE
from integration.support.trees import parse, render

from cluster.devices import DEVICES, INTERVAL, KSERVE, SERVING, Device, counted, inference_service
from cluster.support.api_client import Object
from cluster.support.binaries import binary, crds
from cluster.support.controller import Controller, running_controller
from cluster.support.microshift import APPLY, MicroShift

USER = "ai-demo"
# Two writers of one status: the API server's way to say "once more", and KServe does it once more.
RETRIED = "the object has been modified; please apply your changes to the latest version"


def commands(page: str, containing: str) -> str:
    """The guide's block that has these words, but for what waits for Pods: there are no nodes."""
    (found,) = (block for block in blocks(DOCS / page, "sh") if containing in block)
    lines = found.splitlines()
    return "\n".join(line for line in lines if not line.startswith(("oc wait", "oc get")))


def guide(device: Device, work: Path, text: str) -> str:
    """Commands of the guide on the device: `oc` reaches its cluster."""
    work.mkdir(exist_ok=True)
    oc = f'exec {binary("kubectl")} --kubeconfig {device.cluster.admin} "$@"'
    programs = {"oc": oc, "sudo": 'exec "$@"', "systemctl": ":"}
    return bash(text, device.root, work, programs)


# Nothing running


def test_the_first_start_accepts_everything(device: Device) -> None:
    assert device.first.ok, str(device.first)
    for one in device.first.handled:
        # Nothing that an older package had is there to be deleted.
        assert one.tries[-1].accepted == (one.objects if one.verb == "apply" else 0), str(one)
        assert len(one.tries) <= 2, str(device.first)


def test_the_second_start_accepts_everything_at_once(device: Device) -> None:
    assert device.second.ok, str(device.second)
    assert [len(one.tries) for one in device.second.handled] == [1] * len(device.second.handled)


def test_everything_is_there_as_it_ships(device: Device) -> None:
    directories = [one.name for one in device.first.handled if one.verb == "apply"]
    assert directories == sorted(file.name for file in (device.root / MANIFESTS_D).glob("0*"))
    for directory in directories:
        shipped = render(device.root / MANIFESTS_D / directory)
        there = device.cluster.kubectl("get", "-o", "name", "-f", "-", stdin=shipped).ok()
        assert len(there.out.splitlines()) == len(parse(shipped))


# With the controllers


@pytest.fixture(scope="module")
def controller(device: Device) -> Iterator[Controller]:
    """The KServe that stands for a version's own build."""
    version = KSERVE[device.version]
    # The one CRD that upstream's KServe looks for, and RHOAI's build and a device have not.
    wanted = crds(f"kserve-{version}") / "serving.kserve.io_clusterservingruntimes.yaml"
    device.cluster.install_crds(wanted)
    with (
        device.cluster.controller_manager(),
        running_controller(device.cluster, binary(f"kserve-manager-{version}")) as running,
    ):
        device.tell("controller", f"KServe {version}")
        yield running


@pytest.fixture(scope="module")
def user(device: Device, controller: Controller, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user who has done the guide's steps 2 and 3: the runtime's copy, the InferenceService."""
    work = tmp_path_factory.mktemp("user")
    guide(device, work, commands("serve.md", "oc create namespace ai-demo"))
    guide(device, work, commands("serve.md", "cat >ovms-resnet50.yaml"))
    return work


def deployment(device: Device, name: str) -> Object:
    return wait_until(
        lambda: device.cluster.find("deployment", f"{name}-predictor", USER),
        f"KServe makes the Deployment of {name}",
        timeout=60,
    )


def pod_of(device: Device, name: str) -> Object:
    """The Pod that a Deployment would make, after the Pod webhook."""
    template = deployment(device, name)["spec"]["template"]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**template["metadata"], "name": f"{name}-predictor-x", "namespace": USER},
        "spec": template["spec"],
    }
    words = ("create", "--dry-run=server", "-o", "json", "-f", "-")
    return dict(json.loads(device.cluster.kubectl(*words, stdin=json.dumps(pod)).ok().out))


def test_the_guides_inference_service_becomes_a_deployment(device: Device, user: Path) -> None:
    made = deployment(device, "ovms-resnet50")
    (container,) = (
        one
        for one in made["spec"]["template"]["spec"]["containers"]
        if one["name"] == "kserve-container"
    )
    assert container["image"] == device.images["ovms-image"]
    assert "--layout=NHWC:NCHW" in container["args"]
    (runtime,) = parse((user / "ovms-kserve.yaml").read_text())
    for argument in runtime["spec"]["containers"][0]["args"]:
        if "{{" not in argument:
            assert argument in container["args"]
    service = wait_until(
        lambda: device.cluster.find("service", "ovms-resnet50-predictor", USER), "a Service"
    )
    # 2.16 has no setting for headless Services yet.
    config = device.cluster.get("configmap", "inferenceservice-config", NAMESPACE)["data"]
    assert (service["spec"]["clusterIP"] == "None") == ("service" in config)
    # Nobody asked for a mode: it is the configuration's. KServe 0.17 calls it by another name.
    (asked,) = parse((user / "ovms-resnet50.yaml").read_text())
    assert "annotations" not in asked["metadata"]
    found = device.cluster.get("inferenceservice", "ovms-resnet50", USER)
    mode = found["metadata"]["annotations"]["serving.kserve.io/deploymentMode"]
    assert mode in ("RawDeployment", "Standard")
    device.tell("InferenceService", f"{mode}, Deployment, Service")


def test_the_model_comes_as_an_image_beside_the_server(device: Device, user: Path) -> None:
    spec = pod_of(device, "ovms-resnet50")["spec"]
    containers = [*spec["containers"], *spec.get("initContainers", ())]
    assert "localhost/ovms-resnet50:test" in [one["image"] for one in containers]
    device.tell("InferenceService", "modelcar")


def test_a_bucket_is_read_by_the_pinned_storage_initializer(device: Device, user: Path) -> None:
    device.cluster.apply(inference_service("bucket", "s3://models/resnet"), namespace=USER).ok()
    spec = pod_of(device, "bucket")["spec"]
    (initializer,) = (one for one in spec["initContainers"] if "storage" in one["name"])
    assert initializer["image"] == device.images["kserve-storage-initializer"]
    device.tell("InferenceService", "s3")


def test_nothing_is_made_that_a_device_has_not(device: Device, user: Path) -> None:
    deployment(device, "ovms-resnet50")
    assert device.cluster.get("ingress")["items"] == []
    known = device.cluster.kubectl("api-resources", "-o", "name").ok().out
    assert "virtualservices" not in known


WRONG_RUNTIME: Object = {
    "apiVersion": f"{SERVING}/v1alpha1",
    "kind": "ServingRuntime",
    "metadata": {"name": "wrong"},
    "spec": {
        "supportedModelFormats": [
            {"name": "onnx", "version": "1", "autoSelect": True, "priority": 1},
            {"name": "onnx", "version": "1", "autoSelect": True, "priority": 2},
        ],
        "containers": [{"name": "kserve-container", "image": "registry.example.com/a/b:1"}],
    },
}


def test_users_mistakes_are_refused_in_their_namespaces(device: Device, user: Path) -> None:
    cluster = device.cluster
    cluster.apply(WRONG_RUNTIME, namespace=USER).failed("denied the request", "priorities")
    wrong_name = inference_service("1-wrong", "s3://models/resnet")
    cluster.apply(wrong_name, namespace=USER).failed("denied the request", "1-wrong")
    device.tell("controller", "refuses mistakes")


def test_a_changed_configuration_takes_effect_and_keeps_its_images(
    device: Device, user: Path, tmp_path: Path
) -> None:
    """The guide's page, and its directory applied as MicroShift does after ours."""
    guide(device, tmp_path, "\n".join(blocks(DOCS / "configure.md", "sh")[:2]))
    mine = MicroShift(device.cluster, device.root, DEVICES[device.version], INTERVAL)
    (own,) = (path for path in mine.directories() if path.is_relative_to(device.root / "etc"))
    rendered = render(own, DEVICES[device.version])
    device.cluster.kubectl(*APPLY, "-f", "-", stdin=rendered).ok()
    config = device.cluster.get("configmap", "inferenceservice-config", NAMESPACE)["data"]
    assert json.loads(config["ingress"])["disableIngressCreation"] is False
    parts = [json.loads(text) for key, text in config.items() if key != "_example"]
    images = [text for text in strings(parts) if "@sha256:" in text]
    assert set(images) <= set(device.images.values())
    assert device.images["kserve-storage-initializer"] in images
    assert ingress_ready(device, "with-ingress") != "True"
    shutil.rmtree(device.root / "etc")
    device.tell("InferenceService", "configuration")


def ingress_ready(device: Device, name: str) -> str:
    """What KServe says of a new InferenceService's Ingress, which it makes when Pods are ready.

    There are no Pods here: where Ingresses are wanted it waits for them, else all is well.
    """
    device.cluster.apply(inference_service(name, "s3://a/b"), namespace=USER).ok()
    deployment(device, name)

    def status() -> str | None:
        found = device.cluster.get("inferenceservice", name, USER).get("status", {})
        told = {one["type"]: one["status"] for one in found.get("conditions", ())}
        return told.get("IngressReady")

    return str(wait_until(status, f"KServe has a condition of {name}'s Ingress", timeout=60))


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from strings(inner)
    elif isinstance(value, str):
        yield value


def test_the_controller_reports_no_errors(controller: Controller, user: Path) -> None:
    unexpected = [line[:400] for line in controller.errors if RETRIED not in line]
    assert not unexpected, "\n".join(unexpected)


def test_serverless_makes_nothing(device: Device, controller: Controller, user: Path) -> None:
    """A negative control: a mode that devices cannot have is an error, and no Deployment."""
    service = inference_service("serverless", "s3://a/b")
    service["metadata"]["annotations"] = {"serving.kserve.io/deploymentMode": "Serverless"}
    device.cluster.apply(service, namespace=USER).ok()
    wait_until(
        lambda: any("Knative" in line for line in controller.errors),
        "KServe says that it cannot be served",
        timeout=60,
    )
    assert device.cluster.find("deployment", "serverless-predictor", USER) is None
    device.cluster.kubectl("delete", "inferenceservice", "serverless", "-n", USER)


def test_a_start_with_everything_up_brings_back_what_ships(
    device: Device, controller: Controller, user: Path
) -> None:
    start = device.microshift.start()
    assert start.ok, str(start)
    assert counted(start) == counted(device.second)
    config = device.cluster.get("configmap", "inferenceservice-config", NAMESPACE)["data"]
    assert json.loads(config["ingress"])["disableIngressCreation"] is True
    assert ingress_ready(device, "without-ingress") == "True"
