"""What earlier rebases shipped and this one does not."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebase import retired, yamlfile
from rebase.errors import UsageError
from rebase.model import NAMESPACE, ObjectName
from rebase.release import Before, ShippedFile
from rebase.retired import Retired
from unit.helpers import write_tree

RBAC = "rbac.authorization.k8s.io/v1"
ROLE = ObjectName("ClusterRole", "role", "", RBAC)
ACCOUNT = ObjectName("ServiceAccount", "account", NAMESPACE, "v1")
RUNTIME = ObjectName("ServingRuntime", "runtime", NAMESPACE, "serving.kserve.io/v1alpha1")
CRD = ObjectName("CustomResourceDefinition", "things.e.io", "", "apiextensions.k8s.io/v1")
OURS = ObjectName("Namespace", NAMESPACE, "", "v1")
SCC = ObjectName("SecurityContextConstraints", "scc", "", "security.openshift.io/v1")
EVERYTHING = (ROLE, ACCOUNT, RUNTIME, CRD, OURS, SCC)


def retire(
    before: Before, earlier: list[Retired], shipped: Iterable[ObjectName], version: str = "3.0.0"
) -> list[Retired]:
    return retired.retire(before, earlier, shipped, version)


def before(*names: ObjectName, version: str = "2.25.0") -> Before:
    files = {f"assets/kserve/{name.name}.yaml": ShippedFile(name, "0") for name in names}
    return Before(version, {}, files)


def named(text: bytes | None) -> set[str]:
    documents = yamlfile.load_all(text or b"", "list")
    return {f"{document['kind']} {document['metadata']['name']}" for document in documents}


def test_what_does_not_ship_any_more_is_retired_with_its_last_version() -> None:
    assert retire(before(ROLE, ACCOUNT), [], [ACCOUNT]) == [Retired(ROLE, "2.25.0")]


def test_nothing_is_retired_before_the_first_rebase() -> None:
    assert retire(Before(None, {}, {}), [], EVERYTHING) == []


def test_another_api_version_is_the_same_object() -> None:
    newer = ObjectName("ServingRuntime", "runtime", NAMESPACE, "serving.kserve.io/v1beta1")
    assert retire(before(RUNTIME), [], [newer]) == []


def test_what_was_retired_earlier_stays_so_until_it_ships_again() -> None:
    earlier = [Retired(ROLE, "2.22.0")]
    assert retire(before(ACCOUNT), earlier, [ACCOUNT]) == earlier
    assert retire(before(ACCOUNT), earlier, [ACCOUNT, ROLE]) == []


@pytest.mark.parametrize(
    ("old", "new"), [("3.4.0-demo", "2.25.0"), ("2.25.0", "3.4.0-demo"), ("1.0-demo", "2.25.0")]
)
def test_what_the_demo_has_is_no_history_of_what_ships(old: str, new: str) -> None:
    assert retire(before(ROLE, version=old), [Retired(ACCOUNT, old)], [], new) == []
    assert len(retire(before(ROLE, version=old), [Retired(ACCOUNT, old)], [], old)) == 2


def test_a_downgrade_retires_what_the_newer_version_brought() -> None:
    gone = retire(before(ROLE, ACCOUNT, version="3.4.0"), [], [ACCOUNT])
    assert gone == [Retired(ROLE, "3.4.0")]


def test_only_what_a_first_start_knows_and_nobody_loses_is_deleted() -> None:
    gone = [Retired(name, "1.0") for name in EVERYTHING]
    assert named(retired.deletions(gone)) == {
        "ClusterRole role",
        "SecurityContextConstraints scc",
        "ServiceAccount account",
    }
    assert named(retired.custom_deletions(gone)) == {"ServingRuntime runtime"}
    assert {one.object: bool(one.stays) for one in gone} == {
        ROLE: False,
        ACCOUNT: False,
        RUNTIME: True,
        CRD: True,
        OURS: True,
        SCC: False,
    }


def test_a_list_names_objects_and_no_more() -> None:
    (account,) = yamlfile.load_all(retired.deletions([Retired(ACCOUNT, "1.0")]) or b"", "list")
    assert account == {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "account", "namespace": NAMESPACE},
    }


def test_no_list_without_anything_on_it() -> None:
    assert retired.deletions([Retired(CRD, "1.0"), Retired(RUNTIME, "1.0")]) is None
    assert retired.custom_deletions([Retired(CRD, "1.0"), Retired(ROLE, "1.0")]) is None


NAMES = st.lists(st.sampled_from(EVERYTHING), unique=True)


@given(st.lists(NAMES, min_size=1, max_size=5))
def test_over_any_history_the_lists_are_what_is_gone(versions: list[list[ObjectName]]) -> None:
    gone: list[Retired] = []
    for number, (old, new) in enumerate(zip([[], *versions], versions, strict=False)):
        gone = retire(before(*old, version=str(number)), gone, new)
    ever = {name for shipped in versions for name in shipped}
    assert {one.object for one in gone} == ever - set(versions[-1])
    assert {one.object for one in gone if not one.stays} <= {ROLE, ACCOUNT, SCC}


def test_the_history_is_read_back(tmp_path: Path) -> None:
    gone = retire(before(*EVERYTHING), [], [])
    write_tree(tmp_path, {retired.HISTORY: retired.history_bytes(gone)})
    assert retired.read_history(tmp_path) == gone
    assert retired.read_history(tmp_path / "elsewhere") == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "Expecting property name"),
        ("[]", "indices"),
        ("{}", "it lacks 'format'"),
        ('{"format": 7}', "format 7, not 1"),
        ('{"format": 1, "retired": [{"kind": "A"}]}', "it lacks 'name'"),
        ('{"format": 1, "retired": [1]}', "not subscriptable"),
    ],
)
def test_a_history_that_cannot_be_read_is_not_forgotten(
    tmp_path: Path, text: str, why: str
) -> None:
    write_tree(tmp_path, {retired.HISTORY: text})
    with pytest.raises(UsageError, match=f"release/history.json cannot be read: .*{why}"):
        retired.read_history(tmp_path)


def test_the_history_is_small_and_sorted() -> None:
    one = retired.history_bytes(retire(before(*EVERYTHING), [], []))
    other = retired.history_bytes(retire(before(*EVERYTHING[::-1]), [], []))
    assert one == other
    assert json.loads(one)["retired"][0] == {
        "apiVersion": "v1",
        "kind": "Namespace",
        "name": NAMESPACE,
        "last": "2.25.0",
    }
