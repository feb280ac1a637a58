"""docs/user/: every command in it, run on the files of a device; the original guide's lines too."""

import json
import re
import shutil
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from integration.support.guide import DOCS, PAGES, blocks
from integration.support.packages import INFO, KSERVE, NAME, Built, bash, release_infos
from integration.support.surroundings import NAMESPACE, VENV, kustomize, tool
from integration.support.trees import parse, render

CONFIGURATION = "inferenceservice-config-microshift-patch.yaml"
MODEL = "/v2/models/ovms-resnet50"
BEE = bytes(range(256)) * 300 + b"bee"  # 76803 = 0x00012c03 bytes: each of the four counts


# What stands for a device


class ModelServer(BaseHTTPRequestHandler):
    """The open inference protocol, as far as the guide goes: strict about the binary extension."""

    def do_GET(self) -> None:
        answers = {
            f"{MODEL}/ready": b"",
            MODEL: json.dumps({"name": "ovms-resnet50", "versions": ["1"]}).encode(),
            "/metrics": b'ovms_requests_success{method="ModelReady"} 4\n',
        }
        self.answer(answers.get(self.path))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        length = int(self.headers["Inference-Header-Content-Length"])
        header, data = json.loads(body[:length]), body[length:]
        assert header == {"inputs": [{"name": "0", "shape": [1], "datatype": "BYTES"}]}
        assert struct.unpack("<I", data[:4]) == (len(BEE),)
        assert data[4:] == BEE
        scores = [0.1] * 309 + [0.9] + [0.1] * 690
        output = {"name": "1463", "shape": [1, 1000], "datatype": "FP32", "data": scores}
        answer = json.dumps({"model_name": "ovms-resnet50", "outputs": [output]}).encode()
        self.answer(answer if self.path == f"{MODEL}/infer" else None)

    def answer(self, body: bytes | None) -> None:
        self.send_response(200 if body is not None else 404)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_: object) -> None:
        """Not on the tests' output."""


@pytest.fixture
def model_server() -> Iterator[int]:
    """The port of a model server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), ModelServer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@dataclass
class Device:
    """A copy of an installed root, and what was done on it.

    Attributes:
        programs: name → bash, for what only a device, or its cluster, has.
    """

    root: Path
    work: Path
    programs: dict[str, str] = field(default_factory=dict)

    def run(self, text: str) -> str:
        return bash(text, self.root, self.work, self.programs)

    @property
    def called(self) -> list[str]:
        """How the programs that only a device has were called."""
        log = self.work / "called"
        text = log.read_text() if log.exists() else ""
        return text.replace(str(self.root), "").splitlines()

    def sent(self, name: str) -> Path:
        """A file that was handed to the cluster."""
        return self.work / "sent" / name


# A cluster that says yes to all: files must be there, and kustomizations must render.
OC = """
echo "oc $*" >>WORK/called
while [ $# -gt 0 ]; do
    case $1 in
    -f | --filename) mkdir -p WORK/sent && cp "$2" WORK/sent/ && shift ;;
    -k | --kustomize) KUSTOMIZE build "$2" >/dev/null && shift ;;
    servingruntime) cat WORK/live.json ;;
    route) echo ovms-resnet50-predictor-ai-demo.apps.example.com ;;
    esac
    shift
done
"""
# curl as it is, but that the device's address leads to the model server, and the picture is ours.
CURL = """
arguments=()
for word; do
    case $word in
    *::*:) word="${word%%::*}::127.0.0.1:PORT" ;;
    *.jpeg) cp WORK/picture "$(basename "$word")" && exit ;;
    esac
    arguments+=("$word")
done
exec REAL --fail --silent --show-error "${arguments[@]}"
"""


@pytest.fixture
def on_device(device: Path, newest: Built, tmp_path: Path, model_server: int) -> Device:
    root, work = tmp_path / "root", tmp_path / "work"
    work.mkdir()
    shutil.copytree(device / "usr", root / "usr", symlinks=True)
    (root / "etc/containers/registries.conf.d").mkdir(parents=True)
    (work / "picture").write_bytes(BEE)
    (live,) = (
        obj for obj in newest.tree.rendered["runtimes"] if obj["metadata"]["name"] == "kserve-ovms"
    )
    server_side = {"uid": "1", "resourceVersion": "2", "generation": 1, "creationTimestamp": "t"}
    live = {**live, "metadata": {**live["metadata"], **server_side}, "status": {}}
    (work / "live.json").write_text(json.dumps(live))
    log = f'echo "${{0##*/}} $*" >>{work}/called'
    rebase = f"{VENV}/bin/rhoai-rebase" if (VENV / "bin/rhoai-rebase").exists() else ""
    return Device(
        root,
        work,
        {
            "sudo": 'exec "$@"',
            **dict.fromkeys(("dnf", "systemctl", "podman", "skopeo", "composer-cli"), log),
            "oc": OC.replace("WORK", str(work)).replace("KUSTOMIZE", str(kustomize("5.8.1"))),
            "curl": CURL.replace("WORK", str(work))
            .replace("PORT", str(model_server))
            .replace("REAL", tool("curl")),
            "rpm": f'HOME=/root exec {tool("rpm")} --root {device} "$@"',
            "rhoai-rebase": f'exec {rebase or tool("rhoai-rebase")} "$@" --root {newest.tree.root}',
            "ksvalidator": f'exec {VENV}/validators/bin/ksvalidator --version RHEL9 "$@"',
        },
    )


def whole(page: str) -> str:
    """All commands of a page, in one go."""
    return "\n".join(blocks(DOCS / page, "sh"))


# The pages


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_is_run_or_read(page: Path) -> None:
    languages = re.findall(r"^```(\w*)$", page.read_text(), re.MULTILINE)
    assert set(filter(None, languages)) <= {"sh", "json", "yaml"}
    assert languages.count("") == len(languages) / 2, "a block without a language"
    for language in ("json", "yaml"):
        assert all(parse(block) for block in blocks(page, language))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_which_rhoai_it_is(on_device: Device) -> None:
    assert on_device.run(whole("README.md")) == "microshift-ai-model-serving(rhoai) = 3.4.4\n"


def test_install_upgrade_and_remove(on_device: Device, newest: Built) -> None:
    on_device.run(whole("install.md"))
    called = on_device.called
    assert called[0] == f"dnf install --assumeyes {NAME} {NAME}-release-info"
    assert "systemctl restart microshift" in called
    (wait,) = (line for line in called if line.startswith("oc wait"))
    waited = wait.rpartition("deployment/")[2]
    assert newest.tree.one("Deployment", waited)["metadata"]["namespace"] == NAMESPACE
    retired = parse(on_device.sent("retired-custom-objects.yaml").read_text())
    assert [obj["kind"] for obj in retired] == ["ServingRuntime"] * 3
    deleted = [line.rpartition("/")[2] for line in called if "--kustomize" in line]
    assert [name[:3] for name in deleted] == ["050", "030", "010"]
    assert called[-1] == "dnf remove --assumeyes microshift-ai-model-serving*"


def test_serving_a_model_from_image_to_answer(on_device: Device, newest: Built) -> None:
    said = on_device.run(whole("serve.md"))
    image = newest.tree.release_infos()[Path(INFO).name]["images"]["ovms-image"]
    assert "oc create -n ai-demo -f ovms-kserve.yaml" in on_device.called
    (runtime,) = parse(on_device.sent("ovms-kserve.yaml").read_text())
    assert [one["image"] for one in runtime["spec"]["containers"]] == [image]
    assert "namespace" not in runtime["metadata"]

    live = json.loads(on_device.sent("kserve-ovms.json").read_text())
    assert set(live) == {"apiVersion", "kind", "metadata", "spec"}
    assert set(live["metadata"]) == {"name", "annotations"}
    assert [one["image"] for one in live["spec"]["containers"]] == [image]

    (service,) = parse(on_device.sent("ovms-resnet50.yaml").read_text())
    model = service["spec"]["predictor"]["model"]
    formats = [one["name"] for one in runtime["spec"]["supportedModelFormats"]]
    assert model["modelFormat"]["name"] in formats
    assert model["storageUri"] == "oci://localhost/ovms-resnet50:test"
    assert "podman build -t ovms-resnet50:test ." in on_device.called

    objects = parse(render(on_device.root / "etc/microshift/manifests.d/900-ai-demo", "5.5.0"))
    namespace, ours = sorted(objects, key=lambda obj: str(obj["kind"]))
    assert namespace["metadata"]["name"] == ours["metadata"]["namespace"] == "ai-demo"
    assert [one["image"] for one in ours["spec"]["containers"]] == [image]

    assert "200 OK" in said
    assert '"name": "ovms-resnet50"' in said
    assert "309\n" in said
    assert "ovms_requests_success" in said


def test_changing_the_configuration(on_device: Device) -> None:
    said = on_device.run(whole("configure.md"))
    (edited,) = parse(render(on_device.root / "etc/microshift/manifests.d/900-my-kserve", "5.5.0"))
    (installed,) = parse((on_device.root / KSERVE / CONFIGURATION).read_text())
    assert edited["metadata"] == installed["metadata"]
    ingress = json.loads(edited["data"].pop("ingress"))
    before = json.loads(installed["data"].pop("ingress"))
    assert edited["data"] == installed["data"]
    assert ingress == {**before, "disableIngressCreation": False}
    assert before["disableIngressCreation"] is True
    assert [line.strip('<> ,"') for line in said.splitlines() if line[0] in "<>"] == [
        'disableIngressCreation": true',
        'disableIngressCreation": false',
    ]
    assert on_device.called[-1].endswith("deployment/kserve-controller-manager")


def test_devices_without_a_network(on_device: Device, newest: Built) -> None:
    on_device.run(whole("offline.md"))
    tree = newest.tree
    image = tree.release_infos()[Path(INFO).name]["images"]["ovms-image"]
    core = set(re.findall(r"[a-z0-9][a-z0-9./:_-]*@sha256:[0-9a-f]{64}", tree.render("kserve")))
    listed = (on_device.work / "images.txt").read_text().split()
    assert listed == [*sorted(core), image]
    copies = [line for line in on_device.called if line.startswith("skopeo copy")]
    assert [line.rpartition(" containers-storage:")[2] for line in copies] == listed
    for file in ("Containerfile", "ai-model-serving.toml", "ai-model-serving.ks", "sync.yaml"):
        text = (on_device.work / file).read_text()
        assert all(reference.rpartition("@")[2] in text for reference in listed), file
    conf = on_device.root / "etc/containers/registries.conf.d/900-mirror.conf"
    assert 'location = "registry.redhat.io"' in conf.read_text()


# The original guide and MicroShift's own tests: their lines, but for the directory of the runtimes.

COPY_A_RUNTIME = """\
OVMS_IMAGE="$(jq -r '.images | with_entries(select(.key == "ovms-image")) | .[]' \
/usr/share/microshift/release/release-ai-model-serving-"$(uname -i)".json)"
cp /usr/lib/microshift/manifests.d/050-microshift-ai-model-serving-runtimes/ovms-kserve.yaml \
./ovms-kserve.yaml
sed -i "s,image: ovms-image,image: ${OVMS_IMAGE}," ./ovms-kserve.yaml
"""
IMAGE_PULL_LIST = """\
jq -r '.images | with_entries(select(.key | (startswith("kserve") and . != "kserve-llm-d") \
or . == "ovms-image")) | .[]' /usr/share/microshift/release/release-ai-model-serving-x86_64.json
"""
EDIT = f"""\
cp /{KSERVE}/{CONFIGURATION} .
sed -i 's,disableIngressCreation": true,disableIngressCreation": false,' {CONFIGURATION}
"""


def test_the_original_guides_copy_of_a_runtime(on_device: Device) -> None:
    on_device.run(COPY_A_RUNTIME)
    (runtime,) = parse((on_device.work / "ovms-kserve.yaml").read_text())
    info = release_infos(on_device.root)[Path(INFO).name]
    assert [one["image"] for one in runtime["spec"]["containers"]] == [info["images"]["ovms-image"]]


def test_microshifts_own_edit_of_the_configuration(on_device: Device) -> None:
    on_device.run(EDIT)
    (edited,) = parse((on_device.work / CONFIGURATION).read_text())
    assert json.loads(edited["data"]["ingress"])["disableIngressCreation"] is False


def test_microshifts_own_list_of_images_to_embed(on_device: Device, newest: Built) -> None:
    """All that a device needs to start KServe and one runtime."""
    listed = set(on_device.run(IMAGE_PULL_LIST).split())
    manager = newest.tree.one("Deployment", "kserve-controller-manager")
    images = {one["image"] for one in manager["spec"]["template"]["spec"]["containers"]}
    assert len(listed) > 3
    assert images <= listed | {image for image in images if "kube-rbac-proxy" in image}
