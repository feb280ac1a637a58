"""The CRDs of real versions compared: facts that are in the CRDs, read by hand."""

import copy
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
import yaml

from integration.support.trees import Tree
from rebase.compare.crd_lines import crd_lines
from rebase.compare.crds import CrdChange, compare_crds, crd_sizes
from rebase.compare.levels import Level
from rebase.compare.meaning import Schema
from rebase.objects import CRD, KubeObject

BREAKS, WARNS, FINE = Level.BREAKS, Level.WARNS, Level.FINE
ISVC = "inferenceservices.serving.kserve.io"
LLMISVC = "llminferenceservices.serving.kserve.io"
LLM_CONFIG = "llminferenceserviceconfigs.serving.kserve.io"
BOTH = ("v1alpha1", "v1alpha2")
EXTENSION = "spec.router.scheduler.pool.spec.extensionRef"

Changes = Callable[[str, str], list[CrdChange]]


@pytest.fixture(scope="module")
def crds(rebased: Callable[[str], Tree]) -> Callable[[str], list[KubeObject]]:
    @cache
    def of(version: str) -> list[KubeObject]:
        return [KubeObject(data) for data in rebased(version).of_kind(CRD)]

    return of


@pytest.fixture(scope="module")
def changes(crds: Callable[[str], list[KubeObject]]) -> Changes:
    @cache
    def between(old: str, new: str) -> list[CrdChange]:
        return compare_crds(crds(old), crds(new))

    return between


def of_level(found: list[CrdChange], level: Level) -> set[tuple[str, tuple[str, ...], str, str]]:
    return {
        (change.crd, change.versions, change.id, change.path)
        for change in found
        if change.level is level
    }


def only(found: list[CrdChange], **wanted: Any) -> CrdChange:
    (one,) = [
        change
        for change in found
        if all(getattr(change, name) == value for name, value in wanted.items())
    ]
    return one


def test_2_22_to_2_25(changes: Changes) -> None:
    found = changes("2.22", "2.25")
    assert of_level(found, BREAKS) == {
        ("clusterlocalmodels.serving.kserve.io", (), "crd-removed", ""),
        ("localmodelnodegroups.serving.kserve.io", (), "crd-removed", ""),
    }
    assert {change.id for change in found if change.level is WARNS} == {"format-changed"}
    replicas = only(found, crd=ISVC, path="….maxReplicas")
    assert replicas.paths == tuple(
        f"spec.{part}.maxReplicas" for part in ("explainer", "predictor", "transformer")
    )
    signal = only(found, crd=ISVC, path="….lifecycle.stopSignal")
    assert (signal.id, signal.level, len(signal.paths)) == ("field-added", FINE, 21)
    added = {change.crd for change in found if change.id == "crd-added"}
    assert {LLMISVC, LLM_CONFIG} < added


def test_2_25_to_3_4(changes: Changes) -> None:
    found = changes("2.25", "3.4")
    assert of_level(found, BREAKS) == {
        ("inferencemodels.inference.networking.x-k8s.io", (), "crd-removed", ""),
        (
            *(LLM_CONFIG, ("v1alpha1",), "pattern-added"),
            "spec.router.route.http.spec.parentRefs[].namespace",
        ),
    }
    for crd in (LLMISVC, LLM_CONFIG):
        moved = only(found, crd=crd, id="storage-moved")
        assert moved.message.startswith("stored as v1alpha2, was v1alpha1")
        assert only(found, crd=crd, id="conversion-changed").level is WARNS
        assert only(found, crd=crd, id="version-added").versions == ("v1alpha2",)
        assert only(found, crd=crd, id="rule-added", path="spec.prefill").level is WARNS
    matches = "spec.router.route.http.spec.rules[].matches[].path"
    rules = [change for change in found if change.path == matches]
    assert [change.id for change in rules] == ["rule-added"] * 11
    assert {change.crd for change in rules} == {LLM_CONFIG}


def test_3_4_to_3_5(changes: Changes) -> None:
    found = changes("3.4", "3.5")
    gone = [change for change in found if change.id == "crd-removed"]
    assert found[: len(gone)] == gone
    inference = "inference.networking.x-k8s.io"
    assert {change.crd for change in gone} == {
        f"inferencemodelrewrites.{inference}",
        f"inferenceobjectives.{inference}",
        f"inferencepoolimports.{inference}",
    }
    objectives = only(gone, crd=f"inferenceobjectives.{inference}")
    assert "inferenceobjectives.llm-d.ai" in objectives.message
    labels = "spec.router.scheduler.pool.spec.selector.matchLabels"
    assert of_level(found, BREAKS) - of_level(gone, BREAKS) == {
        (LLMISVC, ("v1alpha1",), "required-added", f"{EXTENSION}.failureMode"),
        (LLM_CONFIG, ("v1alpha1",), "required-added", f"{EXTENSION}.failureMode"),
        (LLMISVC, BOTH, "bound-narrowed", "spec.router.route.http.spec.rules"),
        (LLM_CONFIG, ("v1alpha2",), "bound-narrowed", labels),
        (LLM_CONFIG, ("v1alpha2",), "bound-narrowed", f"{labels}[*]"),
    }
    required = only(found, crd=LLMISVC, id="required-added")
    assert required.hits == (
        f"LLMInferenceServices of serving.kserve.io/v1alpha1 with {EXTENSION} but without"
        f" {EXTENSION}.failureMode"
    )
    defaults = {change.path for change in found if change.id == "default-removed"}
    assert defaults == {f"{EXTENSION}.group", f"{EXTENSION}.kind"}


@pytest.mark.parametrize(
    ("old", "new"), [("2.16", "2.19"), ("2.22", "2.25"), ("2.25", "3.4"), ("3.4", "3.5")]
)
def test_lines_are_few_enough_to_be_read(old: str, new: str, changes: Changes) -> None:
    found = changes(old, new)
    lines = crd_lines(found)
    assert len([line for line in lines if line.level is not FINE]) <= 15
    told = [change for line in lines for change in line.changes]
    assert sorted(map(repr, told)) == sorted(map(repr, found))


def scrambled(value: Any) -> Any:
    """The same data with its keys in another order."""
    if isinstance(value, dict):
        return {key: scrambled(value[key]) for key in sorted(value, reverse=True)}
    return [scrambled(item) for item in value] if isinstance(value, list) else value


def test_crds_written_differently_are_the_same(
    version: str, crds: Callable[[str], list[KubeObject]]
) -> None:
    ours = crds(version)
    theirs = []
    for crd in ours:
        text = yaml.dump(scrambled(crd.data), Dumper=yaml.CSafeDumper, default_flow_style=True)
        theirs.append(KubeObject(yaml.load(text, yaml.CSafeLoader)))
    assert compare_crds(ours, ours) == []
    assert compare_crds(ours, theirs) == []


def described(schema: Schema, path: str = "") -> Iterator[tuple[Schema, str, str]]:
    """Every field: the mapping that it is in, its name, its path."""
    fields = schema.get("properties", {})
    for name, inner in fields.items():
        here = f"{path}.{name}" if path else name
        yield fields, name, here
        yield from described(inner, here)
    if "items" in schema:
        yield from described(schema["items"], f"{path}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from described(schema["additionalProperties"], f"{path}[*]")


@pytest.mark.parametrize(("name", "step"), [("inferencegraphs.serving.kserve.io", 1), (ISVC, 40)])
def test_each_field_that_goes_or_changes_its_type_is_told(
    name: str, step: int, crds: Callable[[str], list[KubeObject]]
) -> None:
    (old,) = [crd for crd in crds("3.4") if crd.name == name]
    new = copy.deepcopy(old)
    schema = new.data["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    places = [place for place in described(schema) if place[2].startswith("spec.")]
    assert len(places) > 100
    for fields, field, path in places[::step]:
        kept = fields.pop(field)
        (gone,) = compare_crds([old], [new])
        assert (gone.id, gone.paths, gone.level) == ("field-removed", (path,), BREAKS)
        fields[field] = {"type": "boolean" if kept.get("type") != "boolean" else "string"}
        (typed,) = compare_crds([old], [new])
        assert (typed.id, typed.paths, typed.level) == ("type-changed", (path,), BREAKS)
        fields[field] = kept
    assert compare_crds([old], [new]) == []


def test_sizes(crds: Callable[[str], list[KubeObject]]) -> None:
    sizes = {size.crd: size for size in crd_sizes(crds("3.4"))}
    assert sizes[ISVC].fields > 7000
    assert sizes[ISVC].bytes > 1_000_000
