"""`diff` of released versions: what domain.md says changed between them, found by itself."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from integration.support import todays_tool
from integration.support.command import rebase
from integration.support.images import Images
from integration.support.reports import Reports
from integration.support.trees import Tree

INFERENCE_MODELS = "inferencemodels.inference.networking.x-k8s.io"
LLM_CRDS = [f"llminferenceservice{s}.serving.kserve.io" for s in ("configs", "s")]
LOCAL_MODELS = {
    f"{name}.serving.kserve.io" for name in ("clusterlocalmodels", "localmodelnodegroups")
}
CRDS = "CRDs and the users' objects"
PAIRS = [("2.22", "2.25"), ("2.25", "3.4"), ("3.4", "3.5")]

Compared = Callable[[str, str], Reports]


@pytest.fixture(scope="module")
def to_3_4(compared: Compared) -> Reports:
    return compared("2.25", "3.4")


def removed_crds(reports: Reports) -> set[str]:
    return {one["crd"] for one in reports.json["crds"] if one["id"] == "crd-removed"}


def names(reports: Reports, what: str, part: str = "") -> set[str]:
    return {
        f"{one['kind']} {one['name']}"
        for one in reports.json["objects"][what]
        if not part or one["part"] == part
    }


# 2.25 → 3.4


def test_the_removed_crd_is_the_first_thing_that_is_said(to_3_4: Reports) -> None:
    assert removed_crds(to_3_4) == {INFERENCE_MODELS}
    assert to_3_4.json["crds"][0]["crd"] == INFERENCE_MODELS
    assert to_3_4.highlights()[0] == "1 CRD removed"
    assert to_3_4.section(CRDS)[1].startswith(f"- breaks {INFERENCE_MODELS}  gone: ")
    first = next(line for line in to_3_4.markdown.splitlines() if line.startswith("- "))
    assert first == "- **1 CRD removed**"
    after = to_3_4.markdown.partition(f"{CRDS}\n-")[2]
    item = next(line for line in after.splitlines() if line.startswith("- "))
    assert item.startswith(f"- \\- **breaks** **`{INFERENCE_MODELS}`**; gone: ")
    page = re.sub(r"<wbr>|\s+", " ", to_3_4.page.read_text()).replace(". ", ".")
    body = page.partition("<body>")[2]
    assert re.findall(r"<b>(.*?)</b> ([^<]*)<", body)[0] == ("1", "CRD removed")
    assert re.findall(r'<code class="name[^>]*>(.*?)</code>', body)[0] == INFERENCE_MODELS


def test_what_upstream_changed_is_told(to_3_4: Reports) -> None:
    assert to_3_4.section(CRDS)[0] == "9 CRDs before, 12 now."
    facts = to_3_4.facts
    assert facts["upstream has CRDs"] == [("9", "12")]
    assert facts["upstream renders"] == [("3.3 MB", "5.8 MB")]
    assert set(facts["manifests found at[]"]) == {
        ("/opt/manifests/kserve/overlays/odh", None),
        ("/opt/manifests/modelcontroller/base", None),
        (None, "/opt/manifests-template/kserve/overlays/odh"),
        (None, "/opt/manifests-template/modelcontroller/base"),
    }
    mode = "upstream's defaults[deploy.defaultDeploymentMode]"
    assert facts[mode] == [("Serverless", "RawDeployment")]
    features = set(facts["upstream's use of kustomize[]"])
    assert {(None, "components"), ("vars", None)} <= features
    assert facts["image table"] == [("2.25", "3.4")]


def test_llm_d_has_its_own_controller_now(to_3_4: Reports) -> None:
    controller = {f"{kind} llmisvc-controller-manager" for kind in ("Deployment", "ServiceAccount")}
    assert controller <= names(to_3_4, "added", "llm-d")
    moved = {
        one["name"]: (one["from"], one["to"])
        for one in to_3_4.json["objects"]["moved"]
        if one["kind"] == "CustomResourceDefinition"
    }
    assert moved == dict.fromkeys(LLM_CRDS, ("kserve", "llm-d"))
    rights = {one["subject"]: one for one in to_3_4.json["rights"]}
    new = rights["ServiceAccount llmisvc-controller-manager"]
    gained = {(tuple(one["resources"]), one["group"]) for one in new["gained"]}
    assert (("variantautoscalings",), "llmd.ai") in gained
    lost = rights["ServiceAccount kserve-controller-manager"]["lost"]
    assert any("leaderworkersets" in one["resources"] for one in lost)
    assert "new rights" in " ".join(to_3_4.highlights())


def test_runtimes_and_their_versions(to_3_4: Reports) -> None:
    runtimes = {one["name"]: one for one in to_3_4.json["runtimes"]}
    came = {name for name, one in runtimes.items() if not one["old"]}
    gone = {name for name, one in runtimes.items() if not one["new"]}
    assert came == {"mlserver-runtime", "vllm-cpu-x86-runtime", "vllm-spyre-x86-runtime"}
    assert gone == {"caikit-standalone-runtime", "caikit-tgis-runtime", "vllm-spyre-runtime"}
    versions = {
        name: (one["old"]["version"], one["new"]["version"])
        for name, one in runtimes.items()
        if one["old"] and one["new"] and one["old"]["version"] != one["new"]["version"]
    }
    assert versions == {
        "kserve-ovms": ("v2025.2.1", "v2026.1.0"),
        "vllm-cuda-runtime": ("v0.10.1.1", "v0.18.0"),
        "vllm-gaudi-runtime": ("v0.14.1", "v0.17.1"),
        "vllm-rocm-runtime": ("v0.10.1.1", "v0.18.0"),
    }
    assert "~ version: v2025.2.1 → v2026.1.0" in to_3_4.section("Serving runtimes")


def test_images_of_another_repository_are_told(to_3_4: Reports) -> None:
    moved = {one["key"] for one in to_3_4.json["images"] if one["repository_changed"]}
    vllm = {f"vllm-{kind}-image" for kind in ("cuda", "gaudi", "rocm", "spyre")}
    assert moved == {"kserve-llm-d", *vllm}


def test_a_label_is_told_once(to_3_4: Reports) -> None:
    """Whatever kind the objects are that have it."""
    labels = [line for line in to_3_4.section("Objects") if "labels[app.kubernetes.io/part" in line]
    assert len(labels) == len({line.partition(":")[0] for line in labels})


# Other versions


def test_2_22_to_2_25_removes_the_crds_of_local_models(compared: Compared) -> None:
    reports = compared("2.22", "2.25")
    assert removed_crds(reports) == LOCAL_MODELS
    assert {one["crd"] for one in reports.json["crds"][:2]} == LOCAL_MODELS
    assert reports.highlights()[0] == "2 CRDs removed"
    assert reports.facts["upstream renders"] == [("1.3 MB", "3.3 MB")]
    assert set(LLM_CRDS) <= {one["crd"] for one in reports.json["crds"] if one["id"] == "crd-added"}
    assert "ServiceAccount kserve-localmodel-controller-manager" in names(reports, "removed")


def test_3_4_to_3_5_finds_the_manifests_one_hop_further(compared: Compared) -> None:
    reports = compared("3.4", "3.5")
    assert removed_crds(reports) == {
        f"inference{one}.inference.networking.x-k8s.io"
        for one in ("modelrewrites", "objectives", "poolimports")
    }
    came = {one["crd"] for one in reports.json["crds"] if one["id"] == "crd-added"}
    assert came >= {"inferencemodelrewrites.llm-d.ai", "inferenceobjectives.llm-d.ai"}
    assert (None, "/opt/manifests-template/kserve/overlays/odh-crds") in reports.facts[
        "manifests found at[]"
    ]
    sources = {one["key"]: one["new"]["source"] for one in reports.json["images"] if one["new"]}
    assert [key for key, source in sources.items() if source == "by-name"] == [
        "mlserver-cuda-image"
    ]


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_every_form_tells_the_same(old: str, new: str, compared: Compared) -> None:
    reports = compared(old, new)
    title = f"RHOAI {reports.json['old']['version']} → {reports.json['new']['version']}"
    assert reports.text.startswith(f"{title}\n")
    assert reports.markdown.startswith(f"# {title}\n")
    page = reports.page.read_text()
    assert f"<h1>{title}</h1>" in page
    assert len(reports.markdown) < 65536  # what a pull request takes
    told = set(re.findall(r"^(\S.*)\n-{4,}$", reports.markdown, re.MULTILINE))
    assert told == set(re.findall(r"<h2>(.*?)</h2>", page.replace("&#39;", "'")))
    assert told <= set(reports.text.splitlines())
    breaks = [one for one in reports.json["crds"] if one["level"] == "breaks"]
    for one in breaks:
        path = one["path"].rpartition(".")[2] or one["crd"]
        assert path in reports.text
        assert path in reports.markdown


# Nothing that matters


def written_otherwise(tree: Tree, root: Path) -> None:
    """The same objects, in flow style, in other files and another order.

    kustomize sorts the keys; test_compare_crds.py has CRDs whose keys are in another order.
    """
    shutil.copytree(tree.root / "release", root / "release")
    for directory, objects in tree.rendered.items():
        place = root / "assets" / directory
        place.mkdir(parents=True)
        resources = []
        for number, obj in enumerate(reversed(objects)):
            text = json.dumps(obj, ensure_ascii=False)
            (place / f"{number}.yaml").write_text(f"# written by another hand\n{text}\n")
            resources.append(f"{number}.yaml")
        (place / "kustomization.yaml").write_text(json.dumps({"resources": resources}))


def test_the_same_objects_written_otherwise_are_the_same(tree: Tree, tmp_path: Path) -> None:
    written_otherwise(tree, tmp_path)
    done = rebase("diff", tree.root, tmp_path, "--json", root=tmp_path).ok()
    said = json.loads(done.out)
    assert said["same"]
    told = ("crds", "rights", "images", "webhooks", "configuration", "runtimes", "facts")
    assert {what: said[what] for what in told} == {what: [] for what in told}
    assert set(map(json.dumps, said["objects"].values())) == {"[]"}


# Another tool's tree


@pytest.fixture
def todays(tmp_path: Path) -> Path:
    """What today's bash tool leaves for 2.22."""
    root = tmp_path / "todays"
    root.mkdir()
    todays_tool.leave("2.22", root)
    return root


def test_another_tools_tree_is_compared_with_the_bundle_that_it_is_of(
    todays: Path, images_of: Callable[[str], Images]
) -> None:
    """It has no record that a rebase could go on from."""
    done = rebase("diff", todays, *images_of("2.22").arguments, "--json", root=todays)
    assert done.code == 1, done.err
    said = json.loads(done.out)
    assert said["old"]["version"] == said["new"]["version"]
    told = {one["key"]: one["old"]["reference"] for one in said["images"] if one["old"]}
    ours = {one["key"]: one["new"]["reference"] for one in said["images"] if one["new"]}
    pinned = re.compile(r"[a-z0-9.-]+/[a-z0-9/-]+@sha256:[0-9a-f]{64}")
    assert not all(map(pinned.fullmatch, told.values()))
    assert all(map(pinned.fullmatch, ours.values()))


def test_a_rebase_of_another_tools_tree_is_reported(
    todays: Path, images_of: Callable[[str], Images], tmp_path: Path
) -> None:
    """Its files were moved out of the way, as the rebase asks for; what is left is broken."""
    file = tmp_path / "report.json"
    words = (*images_of("2.22").arguments, "--report", str(file))
    shutil.rmtree(todays / "assets/kserve")
    for runtime in (todays / "assets/runtimes").glob("*[!n].yaml"):
        runtime.unlink()
    done = rebase("to", *words, root=todays).ok()
    assert "warning: compared with nothing: the tree before: assets/runtimes does" in done.err
    said = json.loads(file.read_text())
    assert said["old"]["objects"] == 0
    assert len(said["objects"]["added"]) == said["new"]["objects"] > 40
