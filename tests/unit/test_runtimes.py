"""Serving runtimes: from Templates to the files that people copy."""

from typing import Any

import pytest

from rebase import yamlfile
from rebase.errors import TreeError
from rebase.objects import KubeObject
from rebase.params import Param
from rebase.render import ORIGIN
from rebase.runtimes import (
    Runtime,
    choose,
    name_files,
    read_runtimes,
    settle_placeholders,
)
from unit.helpers import make, pinned, tree


def param(key: str) -> Param:
    return Param("modelcontroller", "mc/base/params.env", key, f"quay.io/example/{key}:1", True)


def marked(key: str) -> str:
    return f"quay.io/example/{key}@sha256:{param(key).marker}"


def serving_runtime(name: str, *images: str, **spec: Any) -> dict[str, Any]:
    containers = [{"name": f"c{n}", "image": image} for n, image in enumerate(images)]
    return {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "ServingRuntime",
        "metadata": {"name": name},
        "spec": {"containers": containers, **spec},
    }


def template(
    *objects: dict[str, Any], path: str = "../mc/runtimes/ovms-kserve-template.yaml", **more: str
) -> KubeObject:
    annotations = {ORIGIN: f"path: {path}\n", **more}
    return make(
        "Template",
        "t",
        api="template.openshift.io/v1",
        metadata={"annotations": annotations},
        objects=list(objects),
    )


def runtime(name: str, *images: str, origin: str = "", **spec: Any) -> Runtime:
    """A runtime as it is rendered: images are params keys, marked."""
    data = serving_runtime(name, *map(marked, images), **spec)
    (found,) = read_runtimes([template(data, path=f"../mc/{origin or name}.yaml")], "mc/.x")
    return found


def placed(one: Runtime, text: str) -> dict[str, Param | str]:
    """The placeholders of a runtime whose Template in the image is `text`."""
    files = tree({one.origin: text})
    markers = {p.marker: p for p in map(param, ("ovms-image", "vllm-image", "other-image"))}
    one.place_holders(files, markers)
    return one.images


def images_of(one: Runtime) -> list[str]:
    return [str(container["image"]) for _, container in one.containers()]


# Reading


def test_a_template_becomes_its_one_object() -> None:
    (one,) = read_runtimes(
        [make("ConfigMap", "other"), template(serving_runtime("kserve-ovms"))], "mc/.wrapper"
    )
    assert (one.name, one.group) == ("kserve-ovms", "serving.kserve.io")
    assert one.origin == "mc/mc/runtimes/ovms-kserve-template.yaml"
    assert str(one) == "ServingRuntime kserve-ovms"
    assert yamlfile.load(one.to_yaml(), "x") == serving_runtime("kserve-ovms")


def test_templates_of_other_things_are_not_ours() -> None:
    assert read_runtimes([template({"kind": "Route", "metadata": {"name": "a"}})], "x") == []


def test_templates_with_no_object_or_two_are_all_told() -> None:
    one = serving_runtime("a")
    with pytest.raises(TreeError) as caught:
        read_runtimes(
            [template(path="none.yaml"), template(one, path="one.yaml"), template(one, one)], "mc"
        )
    assert len(caught.value.details) == 2
    assert caught.value.details[0] == "/mc/none.yaml: Template t holds 0 objects, not one"
    assert "holds 2 objects" in caught.value.details[1]


# Placeholders


def text_with(*placeholders: str, **spec: Any) -> str:
    return yamlfile.dump(template(serving_runtime("r", *placeholders, **spec)).data)


def test_a_placeholder_comes_back_as_the_templates_own_word() -> None:
    one = runtime("r", "ovms-image")
    assert placed(one, text_with("$(ovms-image)")) == {"ovms-image": param("ovms-image")}
    assert images_of(one) == ["ovms-image"]


def test_the_replacements_decide_which_key_a_word_means() -> None:
    one = runtime("r", "other-image")
    assert placed(one, text_with("$(ovms-image)")) == {"ovms-image": param("other-image")}
    assert images_of(one) == ["ovms-image"]


def test_where_the_template_has_no_word_the_key_is_it() -> None:
    one = runtime("r", "ovms-image")
    assert placed(one, text_with("quay.io/example/x:1")) == {"ovms-image": param("ovms-image")}
    assert images_of(one) == ["ovms-image"]


def test_all_containers_have_placeholders() -> None:
    spec: dict[str, Any] = {
        "initContainers": [{"name": "i", "image": marked("ovms-image")}],
        "workerSpec": {
            "containers": [{"name": "w", "image": marked("vllm-image")}],
            "initContainers": [{"name": "wi", "image": marked("vllm-image")}],
        },
    }
    one = runtime("r", "ovms-image", **spec)
    placed(one, "kind: Template\nobjects: []\n")
    assert images_of(one) == ["ovms-image", "ovms-image", "vllm-image", "vllm-image"]


def test_one_word_for_two_images_becomes_two() -> None:
    one = runtime("r", "ovms-image", "vllm-image")
    found = placed(one, text_with("$(image)", "$(image)"))
    assert found == {"image": param("ovms-image"), "vllm-image": param("vllm-image")}
    assert images_of(one) == ["image", "vllm-image"]


def test_what_nothing_filled_in_is_kept_for_the_resolution() -> None:
    data = serving_runtime("r", "$(mystery)")
    (one,) = read_runtimes([template(data)], "mc")
    assert placed(one, "") == {"mystery": "$(mystery)"}
    assert images_of(one) == ["mystery"]


def test_a_literal_image_stays() -> None:
    (one,) = read_runtimes([template(serving_runtime("r", pinned("a")))], "mc")
    assert placed(one, text_with(pinned("a"))) == {}
    assert images_of(one) == [pinned("a")]


def with_images(name: str, **images: Param | str) -> Runtime:
    one = runtime(name, *("ovms-image" for _ in images))
    for (word, image), (_, container) in zip(images.items(), one.containers(), strict=True):
        one.images[word] = image
        container["image"] = word
    return one


def test_a_word_means_the_same_in_the_whole_directory() -> None:
    one = with_images("one", image=param("ovms-image"))
    two = with_images("two", image=param("vllm-image"))
    three = with_images("three", image=param("ovms-image"))
    meaning = settle_placeholders([one, two, three])
    assert meaning == {"image": param("ovms-image"), "vllm-image": param("vllm-image")}
    assert [images_of(each) for each in (one, two, three)] == [["image"], ["vllm-image"], ["image"]]
    assert two.images == {"vllm-image": param("vllm-image")}


def test_words_that_cannot_be_told_apart_are_refused() -> None:
    clash = {"image": param("vllm-image")}
    taken = {"vllm-image": param("ovms-image")}
    with pytest.raises(TreeError, match="ServingRuntime three: the placeholder image stands for"):
        settle_placeholders(
            [
                with_images("one", image=param("ovms-image")),
                with_images("two", **taken),
                with_images("three", **clash),
            ]
        )
    with pytest.raises(TreeError, match="stands for two images"):
        settle_placeholders(
            [with_images("one", image=param("ovms-image")), with_images("two", image="$(image)")]
        )


# Which ones ship


def chosen(*runtimes: Runtime, architectures: tuple[str, ...] = ("x86_64",)) -> dict[str, str]:
    """Name → "" for what ships, or the reason why not."""
    shipped, left_out = choose(runtimes, architectures, lambda one: one.value)
    reasons = {one.what.removeprefix("ServingRuntime "): one.reason for one in left_out}
    assert len(shipped) + len(left_out) == len(runtimes)
    return {one.name: "" for one in shipped} | reasons


def test_multi_model_and_multi_node_runtimes_stay_behind() -> None:
    found = chosen(
        runtime("ovms"),
        runtime("modelmesh", multiModel=True),
        runtime("single", multiModel=False),
        runtime("multinode", workerSpec={"containers": []}, multiModel=False),
        runtime("workers", workerSpec={"pipelineParallelSize": 2}),
    )
    assert found["ovms"] == found["single"] == ""
    assert "ModelMesh" in found["modelmesh"]
    assert "single node" in found["workers"]


@pytest.mark.parametrize(
    ("name", "display", "architectures"),
    [
        ("vllm-cuda-runtime", "vLLM NVIDIA GPU", set()),
        ("vllm-spyre-x86-runtime", "", {"x86_64"}),
        ("vllm-spyre-s390x-runtime", "", {"s390x"}),
        ("vllm-cpu", "vLLM CPU (ppc64le/s390x)", {"ppc64le", "s390x"}),
        ("vllm-cpu-x86", "vLLM CPU (x86_64) ServingRuntime", {"x86_64"}),
        ("a", "for AMD64 and ARM64", {"x86_64", "aarch64"}),
        ("a", "AMD GPU", set()),
        ("ax86b", "armed64", set()),
    ],
)
def test_architectures_are_read_from_names(
    name: str, display: str, architectures: set[str]
) -> None:
    annotation = {"openshift.io/display-name": display}
    data = serving_runtime(name)
    (by_template,) = read_runtimes([template(data, **annotation)], "mc")
    data["metadata"]["annotations"] = annotation
    (by_itself,) = read_runtimes([template(data)], "mc")
    assert by_template.architectures == by_itself.architectures == architectures


def test_runtimes_for_other_architectures_stay_behind() -> None:
    both = (runtime("vllm-s390x"), runtime("vllm-x86"), runtime("vllm"), runtime("vllm-arm64"))
    assert chosen(*both) == {
        "vllm-x86": "",
        "vllm": "",
        "vllm-s390x": "architecture: for s390x only",
        "vllm-arm64": "architecture: for aarch64 only",
    }
    found = chosen(*both, architectures=("x86_64", "aarch64"))
    assert [name for name, reason in found.items() if reason] == ["vllm-s390x"]


def with_word(name: str, image: str, origin: str = "vllm") -> Runtime:
    one = runtime(name, image, origin=origin)
    one.images = {"image": param(image)}
    return one


def test_twins_with_the_stable_ones_image_stay_behind() -> None:
    found = choose(
        [
            with_word("vllm-fast-1-runtime", "fast-1"),
            with_word("vllm-runtime", "stable"),
            with_word("vllm-fast-2-runtime", "fast-2"),
            with_word("other-runtime", "stable", origin="other"),
        ],
        ["x86_64"],
        lambda one: {"fast-1": "same", "stable": "same", "fast-2": "newer"}[one.key],
    )
    assert [one.name for one in found[0]] == [
        "vllm-runtime",
        "vllm-fast-2-runtime",
        "other-runtime",
    ]
    (twin,) = found[1]
    assert twin.what == "ServingRuntime vllm-fast-1-runtime"
    assert twin.reason == "twin: the same image as vllm-runtime"


# Files


@pytest.mark.parametrize(
    ("origin", "file"),
    [
        ("mc/runtimes/ovms-kserve-template.yaml", "ovms-kserve.yaml"),
        ("mc/runtimes/vllm/vllm-cuda-template.yml", "vllm-cuda.yaml"),
        ("mc/runtimes/plain.yaml", "plain.yaml"),
    ],
)
def test_a_file_has_its_templates_name(origin: str, file: str) -> None:
    assert Runtime(origin, serving_runtime("a"), frozenset()).file_name() == file


def test_twins_that_ship_are_told_apart_by_name() -> None:
    stable, fast = with_word("vllm-runtime", "a"), with_word("vllm-fast-1-runtime", "b")
    files = name_files([fast, stable])
    assert {name: one.name for name, one in files.items()} == {
        "vllm.yaml": "vllm-runtime",
        "vllm-fast-1.yaml": "vllm-fast-1-runtime",
    }
    assert list(files) == sorted(files)


def test_two_runtimes_for_one_file_are_refused() -> None:
    same = [with_word(name, "a") for name in ("a", "b-runtime", "b")]
    with pytest.raises(TreeError, match=r"would both be the file b\.yaml"):
        name_files(same)
