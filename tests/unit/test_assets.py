"""The files that ship: their names, the kustomizations beside them, and what people keep there."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebase import yamlfile
from rebase.adapt import configuration
from rebase.assets import (
    CONFIGURATION,
    HEADER,
    KSERVE_KUSTOMIZATION,
    RUNTIMES_KUSTOMIZATION,
    is_generated,
    kept_files,
    object_files,
    update_kustomization,
)
from rebase.errors import UsageError
from rebase.objects import KubeObject
from unit.helpers import hex64, make, make_crd, pinned, write_tree

RBAC = "rbac.authorization.k8s.io/v1"


def names(*objects: KubeObject) -> list[str]:
    return [file.name for file in object_files(objects)]


# Files


@pytest.mark.parametrize(
    ("obj", "name"),
    [
        (make("Service", "a.b-c"), "service-a.b-c.yaml"),
        (make_crd("Thing", "e.io"), "crd-things.e.io.yaml"),
        (make("ClusterRole", "kserve:admin", api=RBAC), "clusterrole-kserve-admin.yaml"),
        (make("ClusterRole", "system::a/b", api=RBAC), "clusterrole-system-a-b.yaml"),
        (make("ConfigMap", configuration.NAME, data={}), CONFIGURATION),
    ],
)
def test_a_file_is_named_after_its_object(obj: KubeObject, name: str) -> None:
    assert names(obj) == [name]


def test_every_file_is_known_as_ours_and_holds_its_object() -> None:
    obj = make("Service", "a", spec={"x": "y"})
    (file,) = object_files([obj])
    assert file.holds == obj.full_name
    assert is_generated(file.content)
    assert not is_generated(b"# Copied.\n" + file.content)
    assert yamlfile.load(file.content, "x") == obj.data
    assert file.content.endswith(b"\n")
    assert not file.content.endswith(b"\n\n")


def test_the_configuration_is_readable() -> None:
    obj = make("ConfigMap", configuration.NAME, data={"deploy": '{"a":true}', "_example": "# \n"})
    (file,) = object_files([obj])
    assert '  deploy: |-\n    {\n      "a": true\n    }\n' in file.text


def test_files_are_in_the_order_to_apply_them() -> None:
    assert names(make("Service", "a"), make_crd("A", "e.io"), make("Namespace", "n")) == [
        "namespace-n.yaml",
        "crd-as.e.io.yaml",
        "service-a.yaml",
    ]


def test_the_same_name_in_two_apis_or_namespaces_makes_two_files() -> None:
    found = names(
        make("Gateway", "a", api="one.io/v1"),
        make("Gateway", "a", api="two.io/v1"),
        make("Role", "a", api=RBAC, namespace="x"),
        make("Role", "a", api=RBAC, namespace="y"),
    )
    assert len(set(found)) == 4


NAMES = st.text("aAbB:.-_", min_size=1, max_size=4)
OBJECTS = st.builds(
    lambda kind, name, api, namespace: make(kind, name, api=f"{api}/v1", namespace=namespace),
    st.sampled_from(["Role", "ClusterRole", "role"]),
    NAMES,
    st.sampled_from([RBAC.partition("/")[0], "a.io", "b.io"]),
    st.sampled_from(["", "x", "y"]),
)


@given(st.lists(OBJECTS, max_size=8, unique_by=lambda obj: obj.identity))
def test_no_two_objects_share_a_file_on_any_file_system(objects: list[KubeObject]) -> None:
    files = object_files(objects)
    assert len({file.name.casefold() for file in files}) == len(objects)
    assert sorted(file.holds for file in files) == sorted(obj.full_name for obj in objects)
    assert [file.name for file in files] == names(*objects[::-1])


# Kustomizations


def updated(old: str | None, resources: list[str], kept: tuple[str, ...] = ()) -> str:
    data = None if old is None else old.encode()
    return update_kustomization(
        data, KSERVE_KUSTOMIZATION, resources, dict.fromkeys(kept, b"")
    ).decode()


def listed(text: str) -> list[str]:
    return [str(item) for item in yamlfile.load(text, "x")["resources"]]


def test_a_new_kustomization_comes_from_the_template() -> None:
    text = updated(None, ["b.yaml", "a.yaml"])
    assert listed(text) == ["b.yaml", "a.yaml"]
    assert text.startswith(KSERVE_KUSTOMIZATION.partition("resources")[0])


def test_an_update_with_the_same_files_changes_no_byte() -> None:
    once = updated(None, ["a.yaml", "b.yaml"])
    assert updated(once, ["a.yaml", "b.yaml"]) == once


OLD = """\
# Our cluster's own.
namespace: elsewhere  # why not
commonAnnotations:
  team: us
resources:
# generated
- stale.yaml
- a.yaml  # the first
# by hand
- ours.yaml  # do not touch
- local
- dir/
- ../shared
patches:
- path: patch.yaml  # ours
"""
KEPT = ("ours.yaml", "patch.yaml", "local/kustomization.yaml", "dir/kustomization.yaml")


def test_what_people_wrote_stays() -> None:
    text = updated(OLD, ["a.yaml", "new.yaml"], KEPT)
    for line in (
        "# Our cluster's own.",
        "namespace: elsewhere  # why not",
        "  team: us",
        "- ours.yaml  # do not touch",
        "- a.yaml  # the first",
        "- path: patch.yaml  # ours",
    ):
        assert line in text.splitlines()


def test_ours_come_first_theirs_stay_and_stale_ones_go() -> None:
    text = updated(OLD, ["a.yaml", "new.yaml"], KEPT)
    assert listed(text) == ["a.yaml", "new.yaml", "ours.yaml", "local", "dir/", "../shared"]


def test_a_kept_file_that_nobody_lists_is_not_listed() -> None:
    assert listed(updated(OLD, ["a.yaml"], (*KEPT, "notes.yaml")))[0:2] == ["a.yaml", "ours.yaml"]


def test_nothing_is_listed_twice() -> None:
    old = updated(None, ["a.yaml", "b.yaml"])
    assert listed(updated(old, ["b.yaml", "a.yaml"], ("c.yaml",))) == ["b.yaml", "a.yaml"]


@pytest.mark.parametrize("text", ["resources:\n", "resources: []\n", "namespace: a\n"])
def test_a_kustomization_without_resources_gets_them(text: str) -> None:
    assert listed(updated(text, ["a.yaml"])) == ["a.yaml"]


@pytest.mark.parametrize("text", ["- a\n", "resources: [\n", "just text\n", "a: b\na: c\n"])
def test_what_is_no_kustomization_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"assets/x/kustomization\.yaml: not"):
        update_kustomization(text.encode(), "", [], {}, None, "assets/x/kustomization.yaml")


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(UsageError):
        update_kustomization(b"\xff\xfe", "", [], {})


def test_images_fill_in_the_placeholders() -> None:
    def update(old: bytes | None, images: dict[str, str]) -> bytes:
        return update_kustomization(old, RUNTIMES_KUSTOMIZATION, [], {}, images)

    first = update(None, {"vllm-image": pinned("vllm"), "ovms-image": pinned("ovms")})
    assert yamlfile.load(first, "x")["images"] == [
        {
            "name": name,
            "newName": f"registry.example.com/test/{word}",
            "digest": f"sha256:{hex64(word)}",
        }
        for name, word in (("ovms-image", "ovms"), ("vllm-image", "vllm"))
    ]
    second = update(first, {"ovms-image": pinned("newer")})
    (entry,) = yamlfile.load(second, "x")["images"]
    assert entry["newName"].endswith("/newer")
    tagged = second.replace(b"  digest", b"  newTag: old\n  digest")
    assert tagged != second
    assert update(tagged, {"ovms-image": pinned("newer")}) == second


# What people keep


def test_files_without_our_header_are_kept(tmp_path: Path) -> None:
    write_tree(
        tmp_path,
        {
            "generated.yaml": HEADER + "a: b\n",
            "sub/generated.yaml": HEADER,
            "kustomization.yaml": "resources: []",
            "ours.yaml": "a: b\n" + HEADER,
            "sub/kustomization.yaml": "resources: []",
            "binary": b"\xff\x00",
        },
    )
    assert sorted(kept_files(tmp_path)) == ["binary", "ours.yaml", "sub/kustomization.yaml"]
    assert kept_files(tmp_path)["binary"] == b"\xff\x00"
    assert kept_files(tmp_path / "nowhere") == {}


def test_images_of_hand_kept_runtimes_stay() -> None:
    old = b"images:\n- name: mine-image # keep\n  newTag: v1\n- name: gone-image\n  newTag: v1\n"
    kept = {"mine.yaml": b"spec:\n  containers:\n  - image: mine-image\n"}
    images = {"ovms-image": pinned("ovms")}
    text = update_kustomization(old, "", [], kept, images).decode()
    assert [entry["name"] for entry in yamlfile.load(text, "x")["images"]] == [
        "ovms-image",
        "mine-image",
    ]
    assert "# keep" in text
