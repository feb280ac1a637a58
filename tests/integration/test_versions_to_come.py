"""Bundles that nobody has seen yet: newer versions, moved manifests, community builds."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from oci_layout import Layer, write_image

from integration.support.command import Run, rebase
from integration.support.images import Images, make_demo, replace
from integration.support.registry import Registry
from integration.support.surroundings import DATA, REPO, need_data
from integration.support.trees import Tree, title, written

CSV = "bundle/manifests/demo-operator.clusterserviceversion.yaml"
MANIFESTS = "operator/opt/manifests-template"
LOCAL = "--no-tls-verify"


def newest(structure: str, tmp_path: Path) -> list[str]:
    """A version of the future in the structure of a released one, as layouts."""
    need_data(structure)
    data = tmp_path / "data" / structure
    shutil.copytree(DATA / structure, data)
    data.chmod(0o755)
    for path in data.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    csv = data / "bundle/manifests/rhods-operator.clusterserviceversion.yaml"
    csv.write_text(
        re.sub(r"(?m)^( *)version: .?3\.\d+\.\d+.?$", r"\1version: 9.1.0", csv.read_text())
    )
    arguments = [str(write_bundle(data / "bundle", tmp_path / "bundle"))]
    for part in ("operator", "module"):
        if (data / part).is_dir():
            layer = Layer().tree(data / part / "opt", "opt")
            write_image(tmp_path / part, [layer], history=[("COPY opt /opt/", True)])
            arguments += [f"--{part}-image", f"oci:{tmp_path / part}:image"]
    return arguments


def write_bundle(source: Path, layout: Path) -> str:
    layer = Layer().tree(source / "manifests", "manifests").tree(source / "metadata", "metadata")
    write_image(layout, [layer])
    return f"oci:{layout}:image"


@pytest.mark.parametrize("structure", ["3.4", "3.5"])
def test_a_newer_version_uses_the_newest_table_and_says_so(
    structure: str, rebased: Callable[[str], Tree], tmp_path: Path
) -> None:
    """Same images as the released version has, though the newest table is not its own."""
    root = tmp_path / "root"
    root.mkdir()
    run = rebase("to", *newest(structure, tmp_path), root=root).ok()
    assert "warning: RHOAI 9.1.0 is newer than the newest image table; 3.5 is used" in run.out
    assert Tree(root).record["bundle"]["version"] == "9.1.0"
    infos = Tree(root).release_infos()
    assert {info["release"]["base"] for info in infos.values()} == {"9.1.0"}
    for name, info in rebased(structure).release_infos().items():
        assert infos[name]["images"] == info["images"]


def in_another_directory(demo: Path) -> None:
    moved = demo / "operator/opt/somewhere/else"
    moved.parent.mkdir()
    (demo / MANIFESTS).rename(moved)


def test_manifests_in_another_directory_are_found(demo_tree: Tree, tmp_path: Path) -> None:
    images = make_demo(tmp_path / "images", in_another_directory)
    root = tmp_path / "root"
    root.mkdir()
    rebase("to", *images.arguments, root=root).ok()
    assert Tree(root).record["entries"][0] == "/opt/somewhere/else/kserve/overlays/odh"
    assert same_assets(Tree(root), demo_tree)


def test_manifests_outside_opt_are_found(demo_tree: Tree, tmp_path: Path) -> None:
    """The history speaks against the layer that holds them, so it is read last, but read."""
    images = make_demo(tmp_path / "images")
    layers = [
        Layer().tree(REPO / "demo" / MANIFESTS, "usr/share/rhoai"),
        Layer().file("manager", b"binary"),
    ]
    write_image(
        images.layouts["operator"],
        layers,
        history=[("COPY m /usr/share/rhoai/", True), ("COPY manager /manager", True)],
    )
    root = tmp_path / "root"
    root.mkdir()
    rebase("to", *images.arguments, root=root).ok()
    assert same_assets(Tree(root), demo_tree)


def test_manifests_in_another_operator_of_the_csv_are_found(
    registry: Registry, demo_tree: Tree, tmp_path: Path
) -> None:
    empty, elsewhere = tmp_path / "empty", tmp_path / "elsewhere"
    write_image(empty, [Layer().file("manager", b"binary")], history=[("COPY m /manager", True)])
    digest = write_image(
        elsewhere,
        [Layer().tree(REPO / "demo" / MANIFESTS, "opt/manifests")],
        history=[("COPY m /opt/manifests/", True)],
    )
    registry.copy(f"oci:{elsewhere}:image", "moved/operator:v1", "--preserve-digests")
    moved = f"{registry.host}/moved/operator@{digest}"

    def edit(demo: Path) -> None:
        replace(
            demo / CSV,
            "- name: RELATED_IMAGE_ODH_DASHBOARD_IMAGE",
            f"- name: RELATED_IMAGE_ODH_SERVING_OPERATOR_IMAGE\n"
            f"                        value: {moved}\n"
            "                      - name: RELATED_IMAGE_ODH_DASHBOARD_IMAGE",
        )

    images = make_demo(tmp_path / "images", edit)
    bundle, _, _ = images.arguments
    root = tmp_path / "root"
    root.mkdir()
    arguments = (bundle, "--operator-image", f"oci:{empty}:image", LOCAL)
    run = rebase("to", *arguments, root=root).ok()
    assert "moved to the image of RELATED_IMAGE_ODH_SERVING_OPERATOR_IMAGE" in run.out
    assert same_assets(Tree(root), demo_tree)


def test_manifests_that_are_nowhere_are_reported_with_what_was_looked_at(tmp_path: Path) -> None:
    images = make_demo(tmp_path / "images")
    layer = Layer().file("opt/manifests/dashboard/kustomization.yaml", b"resources: []\n")
    write_image(images.layouts["operator"], [layer], history=[("COPY m /opt/manifests/", True)])
    root = tmp_path / "root"
    root.mkdir()
    run = rebase("to", *images.arguments, root=root)
    run.failed(21, "kserve/overlays/odh", "operator: ", "/opt/manifests/dashboard")
    assert written(root) == {}


def same_assets(one: Tree, other: Tree) -> bool:
    """Do two trees ship the same files?"""
    return {p: d for p, d in written(one.root).items() if p.startswith("assets/")} == {
        p: d for p, d in written(other.root).items() if p.startswith("assets/")
    }


# llm-d apart


def test_the_parts_hold_each_object_once_and_the_core_none_of_llm_d(
    tree: Tree, version: str
) -> None:
    titles = [(obj["apiVersion"].partition("/")[0], title(obj)) for obj in tree.objects]
    assert len(titles) == len(set(titles))
    if "llm-d" not in tree.rendered:
        assert not any("LLM" in obj["kind"] for obj in tree.objects)
        return
    core = tree.rendered["kserve"] + tree.rendered["runtimes"]
    kinds = {obj["kind"] for obj in core}
    assert "LLMInferenceServiceConfig" not in kinds
    crds = {
        obj["metadata"]["name"]
        for obj in core
        if obj["kind"] == "CustomResourceDefinition"
        and re.search(r"llm|inference\.networking", obj["metadata"]["name"])
    }
    own_controller = any(
        obj["kind"] == "Deployment" and "llmisvc" in obj["metadata"]["name"]
        for obj in tree.rendered["llm-d"]
    )
    kept = {f"llminferenceservice{s}.serving.kserve.io" for s in ("s", "configs")}
    assert crds == (set() if own_controller else kept)


@pytest.mark.parametrize("structure", ["3.4"])
def test_the_core_names_no_image_and_no_account_of_llm_d(
    structure: str, rebased: Callable[[str], Tree]
) -> None:
    tree = rebased(structure)
    core = json.dumps(tree.rendered["kserve"])
    llm_d = tree.release_infos()["release-ai-model-serving-llm-d-x86_64.json"]["images"]
    core_info = tree.release_infos()["release-ai-model-serving-x86_64.json"]["images"]
    assert not [image for image in set(llm_d.values()) - set(core_info.values()) if image in core]
    assert "llmisvc-controller-manager" not in core


# Community builds, and what a registry says


@pytest.fixture
def tagged(registry: Registry, tmp_path: Path) -> Images:
    """The demo as a community build: no images in the CSV, tags in the params, all pushed."""

    def edit(demo: Path) -> None:
        csv = demo / CSV
        csv.write_text(csv.read_text().replace("RELATED_IMAGE_", "COMMUNITY_"))
        for params in (demo / MANIFESTS).rglob("params.env"):
            text = params.read_text().replace("quay.io/example", f"{registry.host}/community")
            params.write_text(re.sub(r"@sha256:\w+", ":v1", text))

    images = make_demo(tmp_path / "images", edit)
    params = (tmp_path / "images-source" / MANIFESTS).rglob("params.env")
    names = {
        found
        for file in params
        for found in re.findall(rf"{registry.host}/(community/\S+)", file.read_text())
    }
    for name in sorted(names):
        arches = ["amd64"] if "mlserver" in name else ["amd64", "arm64"]
        layout = tmp_path / "layouts" / name.replace("/", "-").replace(":", "-")
        write_image(
            layout,
            [Layer().file("name", name.encode())],
            architectures=arches,
            labels={"version": "v1.2.3", "release": "4"},
        )
        registry.copy(f"oci:{layout}:image", name, "--all", "--preserve-digests")
    return images


def run_tagged(images: Images, root: Path, *options: str) -> Run:
    root.mkdir(exist_ok=True)
    return rebase("to", *images.arguments, LOCAL, *options, root=root)


def test_a_build_with_tags_only_fails_and_tells_the_way_out(tagged: Images, tmp_path: Path) -> None:
    run = run_tagged(tagged, tmp_path / "root").failed(23, "kserve-agent = ", "ovms-image = ")
    assert "--pin" in run.err
    assert "ConfigMap inferenceservice-config: data.agent" in run.err


def test_pin_finds_the_digests_of_tags_and_records_both(tagged: Images, tmp_path: Path) -> None:
    run = run_tagged(tagged, tmp_path / "root", "--pin").ok()
    assert "pinned now by their tags" in run.out
    record = Tree(tmp_path / "root").record["images"]["ovms-image"]
    assert re.fullmatch(r"\S+@sha256:[0-9a-f]{64}", record["reference"])
    assert record["source"] == "pinned"
    assert record["origin"].startswith(record["reference"].partition("@")[0] + ":")


def test_verified_images_have_sizes_and_lacking_ones_leave_an_architecture(
    tagged: Images, tmp_path: Path
) -> None:
    arches = ("--arch", "x86_64", "--arch", "aarch64")
    root = tmp_path / "root"
    run = run_tagged(tagged, root, "--pin", "--verify-images", *arches).ok()
    assert "no image for aarch64: ServingRuntime mlserver-runtime on aarch64" in run.out
    there = Tree(root).release_infos("x86_64")["release-ai-model-serving-x86_64.json"]["images"]
    here = Tree(root).release_infos("aarch64")["release-ai-model-serving-aarch64.json"]["images"]
    assert there.keys() - here.keys() == {"mlserver-image", "vllm-cpu-x86-image"}
    recorded = Tree(root).record["images"]
    assert recorded["ovms-image"]["bytes"]["aarch64"] > 0
    assert recorded["ovms-image"]["version"] == "v1.2.3-4"
    assert recorded["mlserver-image"]["bytes"]["aarch64"] is None


def test_a_core_image_that_an_architecture_lacks_fails(
    registry: Registry, tagged: Images, tmp_path: Path
) -> None:
    layout = tmp_path / "single"
    write_image(layout, [Layer().file("name", b"amd64 only")])
    registry.copy(f"oci:{layout}:image", "community/kserve-agent:latest", "--preserve-digests")
    run = run_tagged(tagged, tmp_path / "root", "--pin", "--verify-images", "--arch", "aarch64")
    run.failed(10, "ConfigMap inferenceservice-config", "community/kserve-agent@", "aarch64")
    assert written(tmp_path / "root") == {}


def test_verifying_names_every_image_that_is_not_there(tmp_path: Path, registry: Registry) -> None:
    conf = tmp_path / "registries.conf"
    conf.write_text(
        '[[registry]]\nlocation = "registry.example.com"\n'
        f'[[registry.mirror]]\nlocation = "{registry.host}/nothing"\ninsecure = true\n'
    )
    root = tmp_path / "root"
    root.mkdir()
    options = ("--verify-images", "--registries-conf", str(conf))
    run = rebase("to", *make_demo(tmp_path / "images").arguments, *options, root=root)
    assert run.code in (10, 12)
    assert run.err.count("registry.example.com/demo/") > 5
    assert written(root) == {}


# Odd things that real trees hold


def made_odd(demo: Path) -> None:
    """Nothing that changes what ships, but for one ClusterRole with a name in capitals."""
    kserve = demo / MANIFESTS / "kserve"
    # a directory and a file behind symbolic links, one of them absolute in the image
    (kserve / "webhook").rename(demo / MANIFESTS / "shared-webhook")
    (kserve / "webhook").symlink_to("../shared-webhook")
    network = kserve / "overlays/odh/network-policies.yaml"
    network.rename(kserve / "policies.yaml")
    network.symlink_to("/opt/manifests-template/kserve/policies.yaml")
    # YAML anchors; an inline `$patch: delete` of an object that is added for it
    entry = kserve / "overlays/odh/kustomization.yaml"
    replace(entry, "  - rbac\n", "  - rbac\n  - odd.yaml\n")
    (kserve / "overlays/odh/odd.yaml").write_text(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\n"
        "metadata:\n  name: KServe:Odd\n"
        "rules:\n- &all\n  apiGroups: [serving.kserve.io]\n  resources: [inferenceservices]\n"
        "  verbs: [get]\n- *all\n"
        "---\n# nothing but a comment\n---\n"
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: unwanted\n"
    )
    replace(
        entry,
        "patches:\n",
        "patches:\n  - patch: |\n      $patch: delete\n      apiVersion: v1\n"
        "      kind: ConfigMap\n      metadata:\n        name: unwanted\n",
    )
    # a second params file, with a comment, CRLF and no final newline
    base = demo / MANIFESTS / "modelcontroller/base"
    lines = (base / "params.env").read_text().splitlines()
    (base / "params-vllm.env").write_text(
        "# from another team\r\n" + "\r\n".join(line for line in lines if "vllm-cuda" in line)
    )
    (base / "params.env").write_text("\n".join(one for one in lines if "vllm-cuda" not in one))
    replace(
        base / "kustomization.yaml", "- params.env\n", "- params.env\n      - params-vllm.env\n"
    )
    # a Template that no kustomization lists
    runtimes = demo / MANIFESTS / "modelcontroller/runtimes"
    shutil.copy(runtimes / "mlserver-template.yaml", runtimes / "forgotten-template.yaml")


def test_odd_things_that_real_trees_hold(demo_tree: Tree, tmp_path: Path) -> None:
    images = make_demo(tmp_path / "images", made_odd)
    root = tmp_path / "root"
    root.mkdir()
    # The operator overwrites params.env alone, so the other file's tag is ours to pin.
    override = f"vllm-cuda-image={demo_tree.record['images']['vllm-cuda-image']['reference']}"
    run = rebase("to", *images.arguments, root=root)
    run.failed(23, "vllm-cuda-image = quay.io/example/", "ServingRuntime vllm-cuda-runtime")
    run = rebase("process", "--image", override, root=root).ok()
    assert "no kustomization lists it" in run.out
    assert "forgotten-template.yaml" in run.out
    odd = Tree(root).one("ClusterRole", "KServe:Odd")
    assert odd["rules"][0] == odd["rules"][1]
    assert (root / "assets/kserve/clusterrole-KServe-Odd.yaml").is_file()
    assert "unwanted" not in {obj["metadata"]["name"] for obj in Tree(root).objects}
    rest = [obj for obj in Tree(root).objects if obj != odd]
    assert sorted(rest, key=title) == sorted(demo_tree.objects, key=title)
