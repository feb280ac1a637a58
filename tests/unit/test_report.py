"""A comparison as sections: what matters first, what many objects have once, what is not there."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from rebase.compare.comparison import Comparison, compare
from rebase.compare.images import ImageFacts
from rebase.compare.levels import Level
from rebase.compare.runtimes import DISPLAY_NAME, VERSION
from rebase.compare.snapshot import Cost, Snapshot
from rebase.model import ImageSource, LeftOut, ObjectName, Upstream
from rebase.objects import KubeObject
from rebase.report.document import (
    Chart,
    Highlight,
    Item,
    Section,
    Sign,
    counted,
    cut,
    listed,
    one_line,
)
from rebase.report.sections import make_report
from unit.helpers import hex64, make, make_crd, make_deployment, make_ours, make_webhook, pinned
from unit.sides import difference, recorded, side

RBAC = "rbac.authorization.k8s.io/v1"
A = make_ours("ConfigMap", "a", data={"x": "1"})


def section(comparison: Comparison, anchor: str) -> Section:
    (found,) = [one for one in make_report(comparison).sections if one.anchor == anchor]
    return found


def lines(items: tuple[Item, ...]) -> list[str]:
    return [f"{item.sign or ' '} {item.name}" for item in items]


def highlights(comparison: Comparison) -> list[str]:
    return [f"{one.count} {one.words}" for one in make_report(comparison).highlights]


# What reports are made of


@pytest.mark.parametrize(
    ("number", "many", "told"),
    [(0, "", "0 images"), (1, "", "1 image"), (2, "", "2 images"), (2, "imagery", "2 imagery")],
)
def test_counted(number: int, many: str, told: str) -> None:
    assert counted(number, "image", many) == told


def test_listed() -> None:
    assert listed([]) == ""
    assert listed("abc", 3) == "a, b, c"
    assert listed(iter("abcd"), 2) == "a, b, … and 2 more"


def test_one_line() -> None:
    assert one_line(" a\n\tb  c ", 10) == "a b c"
    assert one_line("abcdef", 6) == "abcdef"
    assert one_line("abcdefg", 6) == "abcde…"
    assert one_line("a\x1b[31mb\u202ec\x00\ud800", 20) == "a\ufffd[31mb\ufffdc\ufffd\ufffd"
    assert one_line("ä → 日本", 20) == "ä → 日本"


PLAIN = [Item(str(number)) for number in range(5)]
MATTER = [Item("s", strong=True), Item("b", level=Level.BREAKS)]
MIXED = [*PLAIN[:3], MATTER[0], PLAIN[3], MATTER[1], PLAIN[4]]


@pytest.mark.parametrize(
    ("items", "most", "strictly", "shown"),
    [
        ([], 3, False, ""),
        (PLAIN, 5, False, "01234"),
        (PLAIN, 3, False, "012"),
        (MIXED, 0, False, "sb"),
        (MIXED, 3, False, "0sb"),
        (MIXED, 9, False, "012s3b4"),
        (MATTER * 3, 2, False, "sbsbsb"),
        (MATTER * 3, 2, True, "sb"),
        (MIXED, 3, True, "0sb"),
        (MIXED, 1, True, "s"),
        (MIXED, 0, True, ""),
        ([Item("w", level=Level.WARNS)], 0, False, ""),
    ],
)
def test_cut(items: list[Item], most: int, strictly: bool, shown: str) -> None:
    kept, left = cut(items, most, strictly=strictly)
    assert "".join(item.name for item in kept) == shown
    assert left == len(items) - len(kept)


def test_values_of_a_chart() -> None:
    assert Chart("t", "MB", (), 2).value(1234.567) == "1,234.57 MB"
    assert Chart("t", "", (), 0).value(3) == "3"
    assert Chart("t", "MB", ()).value(None) == "none"


# The whole


@pytest.mark.parametrize(
    ("old", "new", "title"),
    [
        ("3.3.0", "3.4.0", "RHOAI 3.3.0 → 3.4.0"),
        ("3.4.0", "3.4.0", "RHOAI 3.4.0"),
        ("", "3.4.0", "RHOAI 3.4.0"),
        ("3.4.0", "", "What is different"),
        ("", "", "What is different"),
    ],
)
def test_title(old: str, new: str, title: str) -> None:
    report = make_report(compare(side(name="a", version=old), side(name="b", version=new)))
    assert (report.title, report.old, report.new) == (title, "a", "b")


def test_sides_that_are_the_same() -> None:
    crd = make_crd("Model", "serving.kserve.io")
    report = make_report(difference(side(A, crd), side(A, crd)))
    (highlight,) = report.highlights
    assert highlight == Highlight("=", "both sides ship the same", "objects", Level.FINE)
    assert [(one.anchor, one.lead) for one in report.sections[:2]] == [
        ("crds", "The CRD is as before."),
        ("objects", "All 2 objects are as before."),
    ]
    assert not any(one.items for one in report.sections)
    assert report.note == ""


def test_a_first_rebase() -> None:
    new = recorded(side(A, images={"a": pinned("a")}), bundle="bundle:1")
    found = compare(Snapshot("nothing"), new)
    assert highlights(found) == ["1 image: 1 added", "1 object: 1 added"]
    assert lines(section(found, "objects").items) == ["+ ConfigMap a"]
    assert "+ bundle" in lines(section(found, "facts").items)


def test_highlights_count() -> None:
    def objects(resource: str, *crds: str) -> list[KubeObject]:
        rules = [{"verbs": ["get"], "apiGroups": [""], "resources": [resource]}]
        runtime = make_ours("ServingRuntime", resource, spec={})
        return [make("ClusterRole", "r", api=RBAC, rules=rules), runtime] + [
            make_crd(kind, "a.io") for kind in crds
        ]

    new_crd = make_crd("Changed", "a.io", scope="Cluster")
    old = side(*objects("pods", "Gone", "Lost", "Changed"), images={"a": pinned("a")})
    new = side(*objects("secrets"), new_crd, images={"a": pinned("b"), "b": pinned("b")})
    assert highlights(compare(old, new)) == [
        "2 CRDs removed",
        "1 CRD change breaks objects that were fine",
        "1 new right",
        "2 images: 1 added, 1 changed",
        "6 objects: 1 added, 3 removed, 2 changed",
        "2 runtimes: 1 added, 1 removed",
    ]
    levels = [one.level for one in make_report(compare(old, new)).highlights]
    assert levels == [Level.BREAKS, Level.BREAKS, Level.WARNS, None, None, None]


def test_sections_that_links_lead_to_are_there() -> None:
    for new in (side(A), side(make_crd("New", "a.io"), images={"a": "a.io/a:1"})):
        report = make_report(compare(side(A), new))
        anchors = {one.anchor for one in report.sections}
        assert {one.anchor for one in report.highlights} <= anchors
        assert len(anchors) == len(report.sections)


def test_a_partial_comparison_says_so() -> None:
    found = compare(side(A), side(A, parts=frozenset({"kserve", "runtimes"})))
    assert make_report(found).note.startswith("Only kserve and runtimes can be compared. ")


# CRDs


def crd(kind: str, *names: str) -> KubeObject:
    made = make_crd(kind, "a.io")
    spec = {"type": "object", "properties": {name: {"type": "string"} for name in names}}
    (version,) = made.data["spec"]["versions"]
    whole = {"type": "object", "properties": {"spec": spec}}
    version |= {"schema": {"openAPIV3Schema": whole}, "served": True, "storage": True}
    return made


def test_removed_crds_come_first_and_the_rest_is_folded() -> None:
    moves = crd("Moves", "a")
    old = side(crd("Gone"), crd("Model", "a", "b"), moves)
    new = side(crd("Model", "a", "c"), crd("New"), llm_d=[moves])
    items = section(compare(old, new), "crds").items
    assert [(item.sign, item.level) for item in items] == [
        (Sign.REMOVED, Level.BREAKS),
        (Sign.CHANGED, Level.BREAKS),
        (Sign.MOVED, Level.WARNS),
        (Sign.ADDED, Level.FINE),
        (Sign.CHANGED, Level.FINE),
    ]
    assert [item.strong for item in items] == [True, True, False, False, False]
    assert items[0].name == "gones.a.io"
    assert items[1].name == "spec.b"
    assert "hits Models" in items[1].note
    assert items[-1].quiet
    assert items[-1].name == "1 change"
    assert section(compare(old, new), "crds").lead == "3 CRDs before, 3 now."
    assert "1 CRD change to look at" in highlights(compare(old, new))


def test_sizes_of_crds_are_shown_where_they_changed() -> None:
    found = difference(side(crd("A"), crd("B", "b")), side(crd("A"), crd("C", "a", "b")))
    (chart,) = section(found, "crds").charts
    assert [(bar.name, bar.old is None, bar.new is None) for bar in chart.bars] == [
        ("cs.a.io", True, False),
        ("bs.a.io", False, True),
        ("as.a.io", False, False),
    ]
    assert section(difference(crd("A"), crd("A")), "crds").charts == ()


def test_without_crds_there_is_no_section() -> None:
    assert "crds" not in {one.anchor for one in make_report(difference(A, A)).sections}


# Rights


def bound(*subjects: str, verbs: str = "get", resource: str = "pods") -> list[KubeObject]:
    rules = [{"verbs": verbs.split(), "apiGroups": ["apps"], "resources": [resource]}]
    who = [{"kind": "ServiceAccount", "name": name} for name in subjects]
    ref = {"kind": "ClusterRole", "name": "r"}
    return [
        make("ClusterRole", "r", api=RBAC, rules=rules),
        make("ClusterRoleBinding", "b", api=RBAC, roleRef=ref, subjects=who),
    ]


def test_rights_in_words() -> None:
    old, new = side(*bound("a", "gone")), side(*bound("a", "new", verbs="get list"))
    items = section(compare(old, new), "rights").items
    assert lines(items) == ["~ ServiceAccount a", "- ServiceAccount gone", "+ ServiceAccount new"]
    assert items[1].note == "has no rights any more"
    gained, taken_over = items[2].items
    assert (gained.name, gained.sign, gained.strong) == ("list: pods (apps)", Sign.ADDED, True)
    assert (taken_over.name, taken_over.note) == ("get: pods (apps)", "somebody else had it")
    assert not taken_over.strong


def test_lost_rights_in_a_namespace_of_named_objects() -> None:
    rule = {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["x"]}
    old = make("Role", "r", api=RBAC, namespace="there", rules=[rule])
    new = make("Role", "r", api=RBAC, namespace="there", rules=[])
    (item,) = section(difference(old, new), "rights").items
    assert item.sign is Sign.REMOVED
    new.data["rules"] = [{**rule, "resourceNames": ["y"]}]
    ((came, went),) = [one.items for one in section(difference(old, new), "rights").items]
    assert (came.name, came.note) == ("get: pods named y", "in namespace there")
    assert (went.name, went.sign) == ("get: pods named x", Sign.REMOVED)


# Images


def facts(name: str, seed: str = "", **more: Any) -> ImageFacts:
    reference = f"{pinned(name).partition('@')[0]}@sha256:{hex64(seed or name)}"
    return ImageFacts(reference, **more)


def images(old: Mapping[str, ImageFacts], new: Mapping[str, ImageFacts]) -> Section:
    sides = (replace(side(A), images=one) for one in (old, new))
    return section(compare(*sides), "images")


def test_images_by_key() -> None:
    sizes = [{"x86_64": 1_000_000_000}, {"x86_64": 1_500_000_000, "aarch64": 7_000_000}]
    found = images(
        {
            "gone": facts("gone"),
            "newer": facts("a", "1", label="v1", sizes=sizes[0]),
            "other": facts("b"),
            "same": facts("same"),
            "tag": ImageFacts("quay.io/a/b:1"),
        },
        {
            "came": facts("came", source=ImageSource.BY_NAME),
            "newer": facts("a", "2", label="v2", sizes=sizes[1], source=ImageSource.OPERATOR),
            "other": facts("c", source=ImageSource.OVERRIDE),
            "same": facts("same"),
            "tag": ImageFacts("quay.io/a/b:2"),
        },
    )
    assert found.lead == (
        "1 image as before. 1 key name another repository now. "
        "Now: 1 resolved by name, 1 from the CSV by the operator's table, 1 overridden."
    )
    assert lines(found.items) == ["+ came", "- gone", "~ newer", "~ other", "~ tag"]
    came, gone, newer, other, tag = found.items
    assert came.note == "resolved by name"
    assert (came.old, came.new) == (None, f"registry.example.com/test/came@{_short('came')}")
    assert gone.note == "scripts that read this key find nothing"
    assert newer.note == (
        "registry.example.com/test/a; version v1 → v2; aarch64 7 MB; x86_64 1,000 MB → 1,500 MB"
    )
    assert (newer.old, newer.new) == (_short("1"), _short("2"))
    assert (other.strong, other.note) == (True, "another repository; overridden")
    assert (tag.old, tag.new) == ("quay.io/a/b:1", "quay.io/a/b:2")
    assert [(chart.title[-7:].strip(), len(chart.bars)) for chart in found.charts] == [
        ("aarch64", 1),
        ("x86_64", 1),
    ]


def _short(seed: str) -> str:
    return f"sha256:{hex64(seed)[:12]}…"


# Objects


def labelled(name: str, **labels: str) -> KubeObject:
    return make_ours("Service", name, metadata={"labels": labels}, spec={"type": name})


def test_what_many_objects_have_is_told_once() -> None:
    old = side(*(labelled(name, version="1") for name in "abcde"))
    own = labelled("a", version="2", own="x")
    new = side(own, *(labelled(name, version="2") for name in "bcde"))
    first, common = section(compare(old, new), "objects").items
    assert (first.name, lines(first.items)) == ("Service a", ["+ metadata.labels.own"])
    assert (common.name, common.old, common.new) == ("metadata.labels.version", "1", "2")
    assert common.note == ("in 5 objects: Service a, Service b, Service c, Service d, … and 1 more")
    assert [item.name for item in common.items] == [f"Service {name}" for name in "abcde"]


def test_a_change_of_two_objects_is_told_with_each() -> None:
    old, new = ([labelled(name, version=v) for name in "ab"] for v in "12")
    items = section(compare(side(*old), side(*new)), "objects").items
    assert lines(items) == ["~ Service a", "~ Service b"]


def test_what_other_sections_tell_is_folded() -> None:
    old, new = side(make_deployment("a")), side(make_deployment("a", image=pinned("b")))
    (item,) = section(compare(old, new), "objects").items
    assert (item.name, item.quiet, lines(item.items)) == ("1 object", True, ["~ Deployment a"])


def test_what_went_before_what_came_and_crds_first() -> None:
    old = side(make("Secret", "a"), make_crd("Gone", "a.io"), A)
    new = side(make("Secret", "b"), make_crd("New", "a.io"), runtimes=[A])
    assert lines(section(compare(old, new), "objects").items) == [
        "- CustomResourceDefinition gones.a.io",
        "- Secret a",
        "→ ConfigMap a",
        "+ CustomResourceDefinition news.a.io",
        "+ Secret b",
    ]


# Webhooks, configuration, runtimes


def test_webhooks_in_words() -> None:
    (came,) = section(difference(side(), side(make_webhook("w"))), "webhooks").items
    assert came.sign is Sign.ADDED
    assert came.note == "servingruntimes; webhook-service answers, else Fail"
    old, new = make_webhook("w"), make_webhook("w", failurePolicy="Ignore")
    (changed,) = section(difference(old, new), "webhooks").items
    assert (changed.sign, lines(changed.items)) == (Sign.CHANGED, ["+ failurePolicy"])


def config(text: str) -> KubeObject:
    return make_ours("ConfigMap", "inferenceservice-config", data={"deploy": text})


def test_new_keys_are_not_in_copies() -> None:
    found = section(difference(config('{"a": 1}'), config('{"a": 2}')), "configuration")
    assert found.lead == ""
    (item,) = found.items[0].items
    assert (item.name, item.old, item.new) == ("deploy.a", "1", "2")
    found = section(difference(config("{}"), config('{"a": ""}')), "configuration")
    assert found.lead.startswith("Users who copied the configuration keep their copy")
    assert (found.items[0].items[0].old, found.items[0].items[0].new) == (None, '""')


def runtime(version: str, *formats: str, title: str = "OVMS", **spec: Any) -> KubeObject:
    notes = {VERSION: version, DISPLAY_NAME: title}
    spec["supportedModelFormats"] = [{"name": name} for name in formats]
    return make_ours("ServingRuntime", "ovms", metadata={"annotations": notes}, spec=spec)


def test_runtimes_in_words() -> None:
    (item,) = section(difference(side(), side(runtime("1", "a", "b"))), "runtimes").items
    assert (item.sign, item.note) == (Sign.ADDED, "OVMS; version 1; for a, b")
    old, new = runtime("", "a", "b"), runtime("2", "b", "c", title="New", multiModel=True)
    (item,) = section(difference(old, new), "runtimes").items
    assert [(one.sign, one.name, one.old, one.new) for one in item.items] == [
        (Sign.CHANGED, "version", "none", "2"),
        (Sign.CHANGED, "title", "OVMS", "New"),
        (Sign.ADDED, "c", None, None),
        (Sign.REMOVED, "a", None, None),
        (Sign.ADDED, "spec.multiModel", None, "true"),
    ]
    assert item.note == "New"


# The rest


def test_what_becomes_of_what_is_gone() -> None:
    gone = {
        "Service deleted": make_ours("Service", "deleted"),
        "Service kept": make_ours("Service", "kept"),
        "Model custom": make_ours("Model", "custom", api="a.io/v1"),
        "CustomResourceDefinition models.a.io": make_crd("Model", "a.io"),
        "Namespace ns": make("Namespace", "ns"),
    }
    listed_ = ObjectName("Service", "deleted", A.namespace, "v1")
    new = side(A, deleted=frozenset({listed_}))
    items = section(compare(side(A, *gone.values()), new), "leftovers").items
    told = {item.name: item.note for item in items}
    assert told.keys() == gone.keys()
    assert len(items) == len(gone)
    assert told["Service deleted"] == "deleted when MicroShift starts"
    assert told["Service kept"].startswith("nothing deletes it")
    assert told["Model custom"].startswith("stays until somebody deletes it")
    assert told["Namespace ns"] == told["CustomResourceDefinition models.a.io"]
    assert told["Namespace ns"] == "stays: the users' objects would go with it"


def test_left_out_edited_and_warned_of() -> None:
    old = recorded(side(A), left_out=(LeftOut("old", "why"),))
    new = recorded(side(A), left_out=(LeftOut("new", "because"),), warnings=("careful",))
    found = section(
        compare(replace(old, edited=("a.yaml",)), replace(new, edited=("b.yaml",))), "left-out"
    )
    assert [(item.sign, item.name, item.note) for item in found.items] == [
        (Sign.ADDED, "new", "because"),
        (Sign.REMOVED, "old", "why"),
        (Sign.NONE, "warning", "careful"),
        (Sign.NONE, "a.yaml", "edited by hand on the old side"),
        (Sign.NONE, "b.yaml", "edited by hand"),
    ]
    assert found.items[2].strong


def test_costs() -> None:
    old = side(A, costs={"kserve": Cost(1_000_000), "runtimes": Cost(1000)})
    found = section(compare(old, side(A, costs={"kserve": Cost(2_000_000)})), "cost")
    (chart,) = found.charts
    assert [(bar.name, bar.old, bar.new) for bar in chart.bars] == [
        ("kserve", 1.0, 2.0),
        ("runtimes", 0.001, None),
    ]
    assert found.lead.endswith("--measure adds time and memory.")


def test_costs_that_were_measured() -> None:
    measured = {"kserve": Cost(1_000_000, 0.5, 30_000_000)}
    found = section(compare(side(A), side(A, costs=measured)), "cost")
    assert [(chart.unit, chart.bars[0].old, chart.bars[0].new) for chart in found.charts] == [
        ("MB", None, 1.0),
        ("s", None, 0.5),
        ("MB", None, 30.0),
    ]
    assert "Measured here" in found.lead


def test_where_it_comes_from() -> None:
    old, new = (
        recorded(side(A), upstream=Upstream(0, number, {"deploy.mode": mode}))
        for number, mode in ((1, "Serverless"), (2, ""))
    )
    assert [
        (item.name, item.old, item.new) for item in section(compare(old, new), "facts").items
    ] == [
        ("upstream has CRDs", "1", "2"),
        ("upstream's defaults[deploy.mode]", "Serverless", '""'),
    ]
