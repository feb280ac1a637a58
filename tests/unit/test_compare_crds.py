"""Each change of a CRD is found, once; the same change at many places is told once."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from rebase.compare.crd_lines import crd_lines
from rebase.compare.crds import CrdChange, CrdSize, compare_crds, crd_sizes
from rebase.compare.levels import Level
from rebase.objects import CRD, KubeObject
from unit.helpers import make

BREAKS, WARNS, FINE = Level.BREAKS, Level.WARNS, Level.FINE
GROUP = "serving.kserve.io"
STRING = {"type": "string"}
Spec = dict[str, Any]


def schema(**fields: Any) -> dict[str, Any]:
    """The schema of objects whose spec has these fields."""
    spec = {"type": "object", "properties": fields}
    return {"type": "object", "properties": {"spec": spec}}


def version(name: str, fields: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    described = schema(**(fields or {"model": STRING}))
    return {"name": name, "served": True, "schema": {"openAPIV3Schema": described}, **more}


def crd(kind: str, *versions: dict[str, Any], group: str = GROUP, **spec: Any) -> KubeObject:
    """A CRD; the first version is the stored one unless another is."""
    names = {"kind": kind, "plural": kind.lower() + "s"}
    made = [dict(one) for one in versions] or [version("v1")]
    if not any(one.get("storage") for one in made):
        made[0]["storage"] = True
    whole = {"group": group, "names": names, "scope": "Namespaced", "versions": made, **spec}
    name = f"{names['plural']}.{group}"
    return make(CRD, name, api="apiextensions.k8s.io/v1", spec=whole)


def only(old: KubeObject, new: KubeObject) -> CrdChange:
    (change,) = compare_crds([old], [new])
    return change


def test_equal_crds_have_no_changes() -> None:
    old = crd("Model", version("v1"), version("v2"))
    new = KubeObject(dict(reversed(copy.deepcopy(old.data).items())))
    new.data["spec"]["conversion"] = {"strategy": "None"}
    new.data["spec"]["preserveUnknownFields"] = False
    new.data["spec"]["names"] |= {"listKind": "ModelList", "singular": "model"}
    new.metadata["labels"] = {"a": "b"}
    assert compare_crds([old], [new]) == []


def test_other_objects_are_passed_over() -> None:
    assert compare_crds([make("ConfigMap", "a")], [make("ConfigMap", "b")]) == []


def test_a_crd_that_is_gone_comes_first() -> None:
    gone, kept = crd("Old"), crd("Model", version("v1", {"a": STRING, "b": STRING}))
    new = crd("Model", version("v1", {"a": STRING}))
    changes = compare_crds([kept, gone], [new, crd("New")])
    assert [(change.id, change.level) for change in changes] == [
        ("crd-removed", BREAKS),
        ("field-removed", BREAKS),
        ("crd-added", FINE),
    ]
    assert changes[0].crd == f"olds.{GROUP}"
    assert changes[0].hits == "every Old"
    assert "stays on upgraded devices" in changes[0].message


def test_a_kind_that_moved_to_another_group() -> None:
    (gone, _) = compare_crds([crd("Model")], [crd("Model", group="llm-d.ai")])
    assert gone.id == "crd-removed"
    assert "models.llm-d.ai" in gone.message


Change = Callable[[Spec], Any]
V2 = version("v2", {"other": STRING})


def first(key: str, value: Any) -> Change:
    """A change of the first version."""
    return lambda spec: spec["versions"][0].update({key: value})


def drop_first(key: str) -> Change:
    return lambda spec: spec["versions"][0].pop(key)


SCALE = {"specReplicasPath": ".spec.a", "statusReplicasPath": ".status.a"}
START: Spec = {
    "versions": [
        version(
            "v1",
            {"a": STRING},
            storage=True,
            subresources={"status": {}, "scale": SCALE},
            selectableFields=[{"jsonPath": ".spec.a"}],
        ),
        version("v2", {"b": STRING}),
    ],
    "names": {
        "kind": "Model",
        "plural": "models",
        "shortNames": ["mo"],
        "categories": ["all"],
    },
    "conversion": {"strategy": "Webhook"},
}
# (what is done, to START; the id; in which versions; the level; a word of the message)
WHOLE: list[tuple[Change, str, tuple[str, ...], Level, str]] = [
    (lambda s: s.update(scope="Cluster"), "scope-changed", (), BREAKS, "Cluster"),
    (lambda s: s["names"].update(kind="M"), "name-changed", (), BREAKS, "kind M, was Model"),
    (lambda s: s["names"].update(listKind="Ms"), "name-changed", (), WARNS, "was ModelList"),
    (lambda s: s["names"].update(singular="m"), "name-changed", (), WARNS, "was model"),
    (lambda s: s["names"].update(plural="m"), "name-changed", (), BREAKS, "was models"),
    (lambda s: s["names"].update(shortNames=[]), "name-removed", (), WARNS, "mo"),
    (lambda s: s["names"].update(shortNames=["mo", "m"]), "name-added", (), FINE, "m"),
    (lambda s: s["names"].pop("categories"), "name-removed", (), WARNS, "category all"),
    (lambda s: s.pop("conversion"), "conversion-changed", (), WARNS, "no webhook"),
    (lambda s: s["versions"].append(version("v3")), "version-added", ("v3",), FINE, "new"),
    (lambda s: s["versions"].pop(1), "version-removed", ("v2",), BREAKS, "gone"),
    (first("served", False), "version-unserved", ("v1",), BREAKS, "not served"),
    (first("deprecated", True), "version-deprecated", ("v1",), WARNS, "deprecated"),
    (first("subresources", {"scale": SCALE}), "subresource-removed", ("v1",), BREAKS, "/status"),
    (first("subresources", {"status": {}}), "subresource-removed", ("v1",), BREAKS, "/scale"),
    (
        first("subresources", {"status": {}, "scale": {**SCALE, "labelSelectorPath": ".a"}}),
        *("subresource-changed", ("v1",), WARNS, "/scale"),
    ),
    (drop_first("selectableFields"), "selectable-removed", ("v1",), WARNS, ".spec.a"),
    (
        first("additionalPrinterColumns", [{"name": "a"}]),
        *("columns-changed", ("v1",), FINE, "columns"),
    ),
]


@pytest.mark.parametrize(("change", "name", "versions", "level", "word"), WHOLE)
def test_each_change_outside_the_schemas_is_found_once(
    change: Change, name: str, versions: tuple[str, ...], level: Level, word: str
) -> None:
    old = crd("Model", **copy.deepcopy(START))
    new = copy.deepcopy(old)
    change(new.data["spec"])
    found = only(old, new)
    assert (found.id, found.versions, found.level, found.path) == (name, versions, level, "")
    assert word in found.message
    assert bool(found.hits) == (level is not FINE)


def test_what_came_the_other_way() -> None:
    """Subresources, conversion by webhook, serving, names: new ones are told as well."""
    new = crd("Model", **copy.deepcopy(START))
    old = copy.deepcopy(new)
    del old.data["spec"]["conversion"]
    old.data["spec"]["versions"][0] = version("v1", {"a": STRING}, storage=True, served=False)
    assert [(change.id, change.level) for change in compare_crds([old], [new])] == [
        ("conversion-changed", WARNS),
        ("selectable-added", FINE),
        ("subresource-added", FINE),
        ("subresource-added", FINE),
        ("version-served", FINE),
    ]


def test_a_new_status_subresource_of_a_described_status_warns() -> None:
    old = crd("Model")
    described = old.data["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    described["status"] = {"type": "object"}
    new = copy.deepcopy(old)
    new.data["spec"]["versions"][0]["subresources"] = {"status": {}}
    assert (only(old, new).id, only(old, new).level) == ("subresource-added", WARNS)


def test_pruning_of_a_whole_crd() -> None:
    change = only(crd("Model", preserveUnknownFields=True), crd("Model"))
    assert (change.id, change.level) == ("pruned", BREAKS)


def test_a_stored_version_that_is_gone() -> None:
    old = crd("Model", version("v1"), V2)
    change = only(old, crd("Model", V2))
    assert (change.id, change.versions, change.level) == ("version-removed", ("v1",), BREAKS)
    assert "status.storedVersions" in change.message
    assert change.hits == "every Model"


def test_a_version_that_was_not_served_only_warns() -> None:
    old = crd("Model", version("v1"), {**V2, "served": False})
    assert only(old, crd("Model", version("v1"))).level is WARNS


def test_a_renamed_version() -> None:
    old = crd("Model", version("v1beta1"), version("v1alpha1", {"b": STRING}))
    new = crd("Model", version("v1beta1"), version("v1alpha2", {"b": {**STRING, "title": "B"}}))
    change = only(old, new)
    assert (change.id, change.versions, change.level) == ("version-renamed", ("v1alpha1",), BREAKS)
    assert "v1alpha2" in change.message
    assert change.hits == f"Models written as {GROUP}/v1alpha1"


def test_the_storage_version_moves() -> None:
    old = crd("Model", version("v1", storage=True), V2)
    new = crd("Model", version("v1"), {**V2, "storage": True})
    change = only(old, new)
    assert (change.id, change.level, change.versions) == ("storage-moved", WARNS, ())
    assert change.message.startswith("stored as v2, was v1")
    assert "by its apiVersion alone" in change.message
    old.data["spec"]["conversion"] = new.data["spec"]["conversion"] = {"strategy": "Webhook"}
    assert "conversion webhook" in only(old, new).message


def pod(**container: Any) -> dict[str, Any]:
    properties = {"name": STRING, **container}
    items = {"type": "object", "properties": properties}
    lists = {"type": "array", "items": items}
    return {"type": "object", "properties": {"containers": lists, "initContainers": lists}}


def test_the_same_change_at_many_places_is_told_once() -> None:
    old = version("v1", {"predictor": pod(image=STRING), "worker": pod(image=STRING)})
    new = version("v1", {"predictor": pod(), "worker": pod()})
    change = only(crd("Model", old), crd("Model", new))
    assert (change.id, len(change.paths), change.versions) == ("field-removed", 4, ("v1",))
    assert change.path == "….image"
    assert change.hits == f"Models of {GROUP}/v1 that set ….image"
    assert change.paths == (
        "spec.predictor.containers[].image",
        "spec.predictor.initContainers[].image",
        "spec.worker.containers[].image",
        "spec.worker.initContainers[].image",
    )


def test_the_same_change_of_two_versions_is_told_once() -> None:
    fields, fewer = {"a": STRING, "b": STRING}, {"a": STRING}
    old = crd("Model", version("v1", fields), version("v2", fields))
    new = crd("Model", version("v1", fewer), version("v2", fewer))
    change = only(old, new)
    assert (change.versions, change.path, len(change.paths)) == (("v1", "v2"), "spec.b", 1)
    assert change.hits == f"Models of {GROUP}/v1 and v2 that set spec.b"


def test_changes_that_differ_are_told_apart() -> None:
    old = version("v1", {"a": pod(x=STRING), "b": pod(x=STRING)})
    new = version("v1", {"a": pod(x={"type": "integer"}), "b": pod(x={"type": "boolean"})})
    changes = compare_crds([crd("Model", old)], [crd("Model", new)])
    assert [(change.message, change.path, len(change.paths)) for change in changes] == [
        ("integer, was string", "….x", 2),
        ("boolean, was string", "….x", 2),
    ]


def test_a_status_that_only_controllers_write_matters_less() -> None:
    def with_status(**fields: Any) -> KubeObject:
        made = crd("Model", version("v1", subresources={"status": {}}))
        described = made.data["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
        described["status"] = {"type": "object", "properties": fields}
        return made

    change = only(with_status(url=STRING), with_status())
    assert (change.id, change.path, change.level) == ("field-removed", "status.url", WARNS)
    change = only(with_status(url=STRING), with_status(url={**STRING, "default": "a"}))
    assert (change.level, change.hits) == (FINE, "")


def test_lines_for_people_join_several_crds_and_rules() -> None:
    rules = [{"rule": f"self.a > {n}", "message": f"more than {n}"} for n in range(5)]
    strict = {"type": "object", "x-kubernetes-validations": rules}
    old = version("v1", {"a": {"type": "object"}, "b": STRING})
    new = version("v1", {"a": strict, "c": STRING})
    changes = compare_crds([crd("One", old), crd("Two", old)], [crd("One", new), crd("Two", new)])
    assert len(changes) == 2 * (5 + 1 + 1)
    removed, added_rules, added = crd_lines(changes)
    assert removed.crds == (f"ones.{GROUP}", f"twos.{GROUP}")
    assert removed.hits == f"Ones of {GROUP}/v1 and Twos of {GROUP}/v1 that set spec.b"
    assert added_rules.message == "new rule: more than 0; more than 1; more than 2; and 2 more"
    assert (added_rules.paths, added_rules.crds) == (("spec.a",), removed.crds)
    assert added.path == "spec.c"
    told = {change for line in (removed, added_rules, added) for change in line.changes}
    assert told == set(changes)


def test_lines_for_people_join_what_loosens() -> None:
    old = version("v1", {"a": {**STRING, "maxLength": 3}, "b": {**STRING, "minLength": 3}})
    new = version("v1", {"a": STRING, "b": STRING})
    (line,) = crd_lines(compare_crds([crd("One", old)], [crd("One", new)]))
    assert (line.id, line.level) == ("bound-widened", FINE)
    assert line.paths == ("spec.a", "spec.b")


def test_sizes() -> None:
    model = crd("Model", version("v1"), V2)
    assert crd_sizes([make("ConfigMap", "a"), model]) == [
        CrdSize(f"models.{GROUP}", 4, len(model.to_yaml().encode()))
    ]
