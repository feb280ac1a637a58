"""Two sides compared: what came, went, moved and changed, and what can be compared at all."""

from dataclasses import replace
from typing import Any

import pytest

from rebase.compare.comparison import ObjectChange, Placed, compare
from rebase.compare.fields import FieldChange
from rebase.compare.runtimes import DISPLAY_NAME, VERSION
from rebase.compare.snapshot import PARTS, Snapshot
from rebase.model import LeftOut, ObjectName, Upstream
from rebase.objects import KubeObject
from unit.helpers import make, make_crd, make_deployment, make_ours, make_webhook, pinned
from unit.sides import difference, recorded, side

A, B = make_ours("ConfigMap", "a", data={"x": "1"}), make_ours("Service", "b")
CRD = make_crd("Model", "serving.kserve.io")
RBAC = "rbac.authorization.k8s.io/v1"


def only_change(old: KubeObject, new: KubeObject) -> ObjectChange:
    (change,) = difference(old, new).objects.changed
    return change


def copy_of(obj: KubeObject, **fields: Any) -> KubeObject:
    return KubeObject({**obj.data, **fields})


def test_equal_sides_are_the_same() -> None:
    old, new = side(A, runtimes=[B]), side(copy_of(A), runtimes=[copy_of(B)], name="other")
    found = compare(old, new)
    assert found.same
    assert found.parts == PARTS
    assert found.objects.changed == ()


def test_what_came_went_and_moved() -> None:
    moves = make("Namespace", "moves")
    old = side(A, moves, runtimes=[B])
    new = side(make_ours("Secret", "c"), CRD, llm_d=[moves], runtimes=[B])
    objects = compare(old, new).objects
    assert objects.added == (
        Placed("kserve", CRD.full_name),
        Placed("kserve", ObjectName("Secret", "c", A.namespace, "v1")),
    )
    assert objects.removed == (Placed("kserve", A.full_name),)
    ((name, before, after),) = [(one.name, one.old, one.new) for one in objects.moved]
    assert (name, before, after) == (moves.full_name, "kserve", "llm-d")
    assert objects.changed == ()


def test_what_moved_and_changed_is_both() -> None:
    new = copy_of(B, spec={"type": "ClusterIP"})
    objects = compare(side(B), side(runtimes=[new])).objects
    assert [one.name for one in objects.moved] == [B.full_name]
    assert objects.changed == (
        ObjectChange("runtimes", B.full_name, (FieldChange("spec.type", None, "ClusterIP"),)),
    )


def test_another_api_version_is_a_change_and_another_group_another_object() -> None:
    old = make("HPA", "a", api="autoscaling/v1")
    change = only_change(old, make("HPA", "a", api="autoscaling/v2"))
    assert change.changes == (FieldChange("apiVersion", "autoscaling/v1", "autoscaling/v2"),)
    objects = difference(old, make("HPA", "a", api="other/v1")).objects
    assert (len(objects.added), len(objects.removed), objects.changed) == (1, 1, ())


def test_images_alone_are_a_change_without_fields() -> None:
    old, new = make_deployment("a", image=pinned("a")), make_deployment("a", image=pinned("b"))
    assert only_change(old, new).changes == ()


WHOLE_KINDS: list[tuple[str, KubeObject, dict[str, Any]]] = [
    ("crds", CRD, {"spec": {**CRD.data["spec"], "scope": "Cluster"}}),
    (
        "rights",
        make("ClusterRole", "r", api=RBAC, rules=[]),
        {"rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]},
    ),
    ("settings", A, {"data": {"x": "2"}}),
    ("webhooks", make_webhook("w"), {"webhooks": []}),
    ("runtimes", make_ours("ServingRuntime", "r", spec={}), {"spec": {"multiModel": True}}),
]


@pytest.mark.parametrize(("section", "old", "fields"), WHOLE_KINDS)
def test_what_has_a_section_of_its_own_is_told_there(
    section: str, old: KubeObject, fields: dict[str, Any]
) -> None:
    """And only there; but what its section does not look at is told of the object."""
    new = copy_of(old, **fields)
    found = difference(old, new)
    assert getattr(found, section)
    assert [one.changes for one in found.objects.changed] == [()]
    labelled = copy_of(new, metadata={**new.metadata, "labels": {"a": "b"}}, other=True)
    assert only_change(old, labelled).changes == (
        FieldChange("metadata.labels.a", None, "b"),
        FieldChange("other", None, "true"),
    )


def test_a_runtimes_version_and_title_are_told_once() -> None:
    old, new = (
        make_ours("ServingRuntime", "r", metadata={"annotations": {**notes, "x": str(notes)}})
        for notes in ({VERSION: "1", DISPLAY_NAME: "A"}, {VERSION: "2", DISPLAY_NAME: "B"})
    )
    found = difference(old, new)
    assert [one.changes for one in found.runtimes] == [()]
    assert [one.path for one in found.objects.changed[0].changes] == ["metadata.annotations.x"]


# What makes a difference


def test_images_by_key_are_a_difference_and_their_sources_none() -> None:
    old = side(A, images={"a": pinned("a")})
    assert not compare(old, side(A, images={"a": pinned("b")})).same
    assert not compare(old, side(A)).same
    assert compare(old, side(A, images={"a": pinned("a")}, version="3.5.0")).same


def test_what_is_deleted_from_now_on_is_a_difference() -> None:
    gone, other = (ObjectName("Service", name, A.namespace, "v1") for name in "ab")
    found = compare(side(A, deleted=frozenset({other})), side(A, deleted=frozenset({gone, other})))
    assert found.deleted == (gone,)
    assert not found.same


# Parts


def test_only_parts_that_both_sides_can_have_are_compared() -> None:
    crd = make_crd("Model", "llm-d.ai")
    tree = side(A, llm_d=[crd, B], images={"a": pinned("a")})
    package = side(A, parts=frozenset({"kserve", "runtimes"}))
    for found in (compare(tree, package), compare(package, tree)):
        assert found.parts == ("kserve", "runtimes")
        assert found.same
        assert not found.crds
        assert not found.old_crd_sizes
        assert not found.new_crd_sizes


def test_images_of_parts_that_are_not_compared_are_left_out() -> None:
    shared, own = make_deployment("a"), make_deployment("b")
    old = side(shared, llm_d=[own], images={"a": pinned("a"), "b": pinned("b")})
    new = side(shared, parts=frozenset({"kserve"}), images={"a": pinned("a")})
    assert compare(old, new).same
    by_record = recorded(
        old, used_by={"a": ("assets/kserve/a.yaml", "assets/llm-d/a.yaml"), "b": ("assets/llm-d/",)}
    )
    assert compare(by_record, new).same


def test_what_is_no_longer_deleted_is_a_difference_too() -> None:
    newer = replace(A.full_name, api_version="v9")
    assert compare(
        side(B, deleted=frozenset({A.full_name})), side(B, deleted=frozenset({newer}))
    ).same
    found = compare(side(B, deleted=frozenset({A.full_name})), side(B))
    assert (found.deleted, found.no_longer_deleted) == ((), (A.full_name,))
    assert not found.same


def test_what_is_deleted_belongs_to_the_core() -> None:
    tree = side(llm_d=[B], deleted=frozenset({A.full_name}))
    assert compare(side(B, parts=frozenset({"llm-d"})), tree).deleted == ()
    assert compare(side(A, parts=frozenset({"kserve"})), tree).deleted == (A.full_name,)


# Where it comes from


def facts(found: tuple[FieldChange, ...]) -> dict[str, tuple[str | None, str | None]]:
    return {one.path: (one.old, one.new) for one in found}


FACTS: dict[str, Any] = {
    "bundle": "registry.example.com/bundle:1",
    "digest": "sha256:1",
    "architectures": ("x86_64",),
    "entries": ("opt/manifests/kserve",),
    "image_table": "2.25",
    "overrides": {"key": pinned("a")},
    "tools": {"kustomize": "v5.8.1"},
    "upstream": Upstream(12_345_678, 20, {"deploy.mode": "Serverless"}, ("patches",)),
}


def test_facts_of_two_rebases() -> None:
    old = recorded(side(A), **FACTS)
    upstream = Upstream(23_456_789, 21, {"deploy.mode": "Serverless"}, ("patches", "labels"))
    newer = {**FACTS, "entries": ("opt/manifests/kserve", "b"), "upstream": upstream}
    new = recorded(side(A, version="3.5.0"), **newer | {"tools": {"kustomize": "v5.9.0"}})
    found = compare(old, new)
    assert found.same
    assert facts(found.facts) == {
        "RHOAI version": ("3.4.0", "3.5.0"),
        "manifests found at[]": (None, "b"),
        "upstream has CRDs": ("20", "21"),
        "upstream renders": ("12.3 MB", "23.5 MB"),
        "upstream's use of kustomize[]": (None, "labels"),
        "version of kustomize": ("v5.8.1", "v5.9.0"),
    }


def test_facts_of_a_first_rebase() -> None:
    found = compare(Snapshot("nothing"), recorded(side(A), **FACTS))
    assert facts(found.facts)["bundle"] == (None, "registry.example.com/bundle:1")
    assert all(one.old is None for one in found.facts)
    assert [one.name for one in found.objects.added] == [A.full_name]
    assert found.parts == PARTS


def test_without_both_records_there_are_no_facts() -> None:
    left_out = (LeftOut("a", "b"),)
    known = recorded(side(A), **FACTS, left_out=left_out)
    for found in (compare(side(B), known), compare(known, side(B))):
        assert found.facts == ()
        assert found.left_out == ()
        assert found.no_longer_left_out == ()


def test_left_out_and_warnings() -> None:
    one, two, three = (LeftOut(name, "why") for name in ("one", "two", "three"))
    old = recorded(side(A), left_out=(one, two), warnings=("first",))
    new = recorded(side(A), left_out=(three, one), warnings=("second", "first"))
    found = compare(old, new)
    assert (found.left_out, found.no_longer_left_out) == ((three,), (two,))
    assert found.warnings == ("second",)
