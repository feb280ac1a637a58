"""--verify-images: what has no image for an architecture goes, or fails what needs it."""

from typing import Any

import pytest

from rebase.adapt.context import Context
from rebase.architectures import leave_out_lacking
from rebase.errors import ImageNotFoundError
from rebase.model import ImageSource, ResolvedImage
from rebase.objects import KubeObject
from rebase.registry import ABSENT
from rebase.runtimes import Runtime
from rebase.usage import Use
from unit.helpers import make, make_deployment, pinned


def runtime(name: str, *architectures: str) -> Runtime:
    data: dict[str, Any] = {"kind": "ServingRuntime", "metadata": {"name": name}, "spec": {}}
    return Runtime(f"{name}.yaml", data, frozenset(architectures))


def lacking(
    objects: list[KubeObject],
    runtimes: list[Runtime],
    missing: dict[str, set[str]],
    architectures: tuple[str, ...] = ("aarch64", "x86_64"),
) -> Context:
    """Run the step; each object and runtime uses the image of its own name.

    Args:
        missing: architecture → names whose images it has not.
    """
    names = [*((str(o), o.name) for o in objects), *((str(r), r.name) for r in runtimes)]
    resolved = {
        Use(f"{title}: spec", pinned(name)): ResolvedImage(
            name, pinned(name), ImageSource.MANIFEST, ""
        )
        for title, name in names
    }
    sizes = {
        arch: {
            image.reference: ABSENT if image.key in missing.get(arch, set()) else 7
            for image in resolved.values()
        }
        for arch in architectures
    }
    context = Context()
    leave_out_lacking(objects, runtimes, resolved, sizes, context)
    return context


def test_nothing_lacks_nothing_goes() -> None:
    objects, runtimes = [make_deployment("manager")], [runtime("ovms"), runtime("x86", "x86_64")]
    assert lacking(objects, runtimes, {}).left_out == []
    assert [one.architectures for one in runtimes] == [frozenset(), frozenset({"x86_64"})]


def test_a_runtime_leaves_the_architecture_that_lacks_it() -> None:
    runtimes = [runtime("vllm"), runtime("ovms")]
    context = lacking([], runtimes, {"aarch64": {"vllm"}})
    assert [(one.name, one.architectures) for one in runtimes] == [
        ("vllm", frozenset({"x86_64"})),
        ("ovms", frozenset()),
    ]
    assert [(one.what, one.reason) for one in context.left_out] == [
        ("ServingRuntime vllm on aarch64", "no image for aarch64")
    ]


def test_a_runtime_that_no_architecture_has_goes() -> None:
    runtimes = [runtime("spyre", "x86_64"), runtime("ovms")]
    lacking([], runtimes, {"x86_64": {"spyre"}})
    assert [one.name for one in runtimes] == ["ovms"]


@pytest.mark.parametrize("where", [{"aarch64"}, {"aarch64", "x86_64"}])
def test_a_custom_object_goes_when_no_architecture_has_its_image(where: set[str]) -> None:
    config = make("LLMInferenceServiceConfig", "spyre", api="serving.kserve.io/v1alpha1")
    objects = [config]
    lacking(objects, [], {arch: {"spyre"} for arch in where})
    assert objects == ([] if len(where) == 2 else [config])


def test_what_every_device_needs_fails_and_names_all() -> None:
    objects = [make_deployment("manager"), make("ConfigMap", "config")]
    runtimes = [runtime("ovms")]
    with pytest.raises(ImageNotFoundError) as caught:
        lacking(objects, runtimes, {"aarch64": {"manager", "config", "ovms"}})
    assert [detail.partition(":")[0] for detail in caught.value.details] == [
        "ConfigMap config",
        "Deployment manager",
    ]
    assert len(objects) == 2
    assert len(runtimes) == 1
