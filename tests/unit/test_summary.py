"""The result in words and as JSON."""

import json
from dataclasses import replace

import pytest

from rebase import summary
from rebase.changes import Changes, Delta
from rebase.model import ImageSource, LeftOut, ObjectName, ResolvedImage
from rebase.process import Outcome
from rebase.retired import Retired
from unit.helpers import pinned

SAME = Delta((), (), (), 3)
NOTHING = Outcome(
    Changes("2.22.0", "2.22.0", SAME, SAME, SAME, ()), (), (), (), (), {}, written=False
)


def image(key: str, source: ImageSource) -> ResolvedImage:
    return ResolvedImage(key, pinned(key), source, "origin")


SOMETHING = Outcome(
    changes=Changes(
        before="2.22.0",
        after="2.25.0",
        objects=Delta(("kserve: Service n",), ("kserve: Service g",), ("kserve: Service c",), 40),
        images=Delta((), (), ("ovms-image",), 9),
        files=Delta(("x",), (), (), 50),
        edited=("assets/kserve/a.yaml",),
    ),
    images=(
        image("a", ImageSource.OPERATOR),
        image("b", ImageSource.OPERATOR),
        image("c", ImageSource.OVERRIDE),
    ),
    left_out=(
        LeftOut("ServingRuntime a", "multiModel"),
        LeftOut("Certificate c", "no cert-manager"),
        LeftOut("ServingRuntime b", "multiModel"),
    ),
    retired=(
        Retired(ObjectName("ClusterRole", "old", "", "rbac.authorization.k8s.io/v1"), "2.22.0"),
        Retired(ObjectName("ServingRuntime", "r", "n", "serving.kserve.io/v1alpha1"), "2.19.0"),
    ),
    warnings=("newer than the newest table",),
    sizes={"x86_64": {pinned("a"): 2_000_000_000, pinned("b"): 500_000_000}},
    written=True,
)


def lines(outcome: Outcome) -> list[str]:
    return list(summary.lines(outcome))


def test_nothing_changed() -> None:
    said = lines(NOTHING)
    assert said[0] == "RHOAI 2.22.0: nothing changed"
    assert "  3 objects, as before" in said
    assert "  3 images, as before" in said


def test_what_changed() -> None:
    said = lines(SOMETHING)
    assert said[0] == "RHOAI 2.22.0 → 2.25.0"
    assert said[1:5] == [
        "  40 objects: 1 added, 1 removed, 1 changed",
        "    + kserve: Service n",
        "    - kserve: Service g",
        "    ~ kserve: Service c",
    ]
    assert "  9 images: 1 changed" in said
    assert "    2 from the CSV by the operator's table, 1 overridden" in said
    assert "    x86_64: 2 there, 2.5 GB in all" in said
    assert "  3 left out:" in said
    assert "    multiModel: ServingRuntime a, ServingRuntime b" in said
    assert said[-4:-2] == [
        "  1 of earlier versions, deleted when MicroShift starts: ClusterRole old (2.22.0)",
        "  1 of earlier versions, left in clusters that have it"
        " (a first start does not know its kind yet and would wait): ServingRuntime r (2.19.0)",
    ]
    assert said[-2:] == [
        "  edited by hand since the last rebase, and replaced: assets/kserve/a.yaml",
        "  warning: newer than the newest table",
    ]


def test_the_first_rebase_lists_no_names() -> None:
    names = tuple(f"kserve: Service {n}" for n in range(50))
    first = replace(
        SOMETHING, changes=replace(SOMETHING.changes, before=None, objects=Delta(names, (), (), 50))
    )
    said = lines(first)
    assert said[:2] == ["RHOAI 2.25.0", "  50 objects: 50 added"]
    assert not [line for line in said if "Service 1" in line]


def test_long_lists_are_cut_short_with_crds_first() -> None:
    names = tuple(f"kserve: Service {n:02}" for n in range(30))
    crd = "kserve: CustomResourceDefinition z"
    changes = replace(SOMETHING.changes, objects=Delta((*names, crd), (), (), 99))
    said = lines(replace(SOMETHING, changes=changes))
    shown = [line for line in said if line.startswith("    + ")]
    assert shown[0] == f"    + {crd}"
    assert shown[-1] == f"    + … and {31 - summary.SHOWN} more"
    assert len(shown) == summary.SHOWN + 1


def test_json_has_everything() -> None:
    found = json.loads(json.dumps(summary.as_json(SOMETHING, "abc123")))
    assert found["version"] == {"from": "2.22.0", "to": "2.25.0"}
    assert (found["changed"], found["written"], found["commit"]) == (True, True, "abc123")
    assert found["objects"]["added"] == ["kserve: Service n"]
    assert found["image_changes"]["changed"] == ["ovms-image"]
    assert found["images"]["c"] == {
        "reference": pinned("c"),
        "source": "override",
        "origin": "origin",
        "bytes": {"x86_64": None},
    }
    assert found["left_out"][0] == {"what": "ServingRuntime a", "reason": "multiModel"}
    assert found["edited"] == ["assets/kserve/a.yaml"]
    assert found["warnings"] == ["newer than the newest table"]


@pytest.mark.parametrize(("outcome", "changed"), [(NOTHING, False), (SOMETHING, True)])
def test_scripts_can_ask_whether_something_changed(outcome: Outcome, changed: bool) -> None:
    assert summary.as_json(outcome, None)["changed"] is changed


def test_many_reasons_of_one_category_are_told_as_one() -> None:
    twins = tuple(LeftOut(f"Config x{n}-fast", f"twin: the same as x{n}") for n in range(20))
    said = lines(replace(SOMETHING, left_out=(*SOMETHING.left_out, *twins)))
    (twin,) = [line for line in said if "twin" in line]
    assert twin.startswith("    twin: Config x0-fast, Config x1-fast, ")
    assert twin.endswith(", … and 8 more")
    assert "    no cert-manager: Certificate c" in said


def test_what_moved_is_neither_new_nor_gone() -> None:
    before = {"kserve: CRD a": 1, "kserve: CRD b": 1, "kserve: CRD c": 1}
    after = {"llm-d: CRD a": 2, "kserve: CRD b": 1, "llm-d: CRD d": 1}
    delta = Delta.of(before, after).with_moves()
    assert delta == Delta(("llm-d: CRD d",), ("kserve: CRD c",), (), 3, ("CRD a: kserve → llm-d",))
    said = lines(replace(SOMETHING, changes=replace(SOMETHING.changes, objects=delta)))
    assert "  3 objects: 1 added, 1 removed, 1 moved" in said
    assert "    → CRD a: kserve → llm-d" in said
