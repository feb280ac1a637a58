"""Rights compared as they work out, whatever the rules look like."""

import random
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebase.compare.rights import (
    AGGREGATE,
    Grant,
    Right,
    RightsChange,
    compare_rights,
    rights_of,
    told,
)
from rebase.model import NAMESPACE
from rebase.objects import KubeObject
from unit.helpers import make

RBAC = "rbac.authorization.k8s.io/v1"
MANAGER = "ServiceAccount manager"
Rule = dict[str, Any]


def rule(
    verbs: str, resources: str = "", group: str = "", names: str = "", urls: str = ""
) -> dict[str, Any]:
    """A rule, its lists written as words."""
    made: Rule = {"verbs": verbs.split()}
    if resources:
        made |= {"apiGroups": [group], "resources": resources.split()}
    if names:
        made["resourceNames"] = names.split()
    if urls:
        made["nonResourceURLs"] = urls.split()
    return made


def role(name: str, *rules: Rule, kind: str = "ClusterRole", **more: Any) -> KubeObject:
    return make(kind, name, api=RBAC, rules=list(rules), **more)


def binding(
    role_: KubeObject | str, *subjects: str, kind: str = "ClusterRoleBinding", **more: Any
) -> KubeObject:
    """A binding to a role, or to a ClusterRole that is not among the objects."""
    to = {"kind": "ClusterRole", "name": role_}
    if isinstance(role_, KubeObject):
        to = {"kind": role_.kind, "name": role_.name}
    listed = []
    for subject in subjects or (MANAGER,):
        who, _, name = subject.partition(" ")
        there = {"namespace": NAMESPACE} if who == "ServiceAccount" else {}
        listed.append({"kind": who, "name": name, **there})
    return make(kind, "binding", api=RBAC, roleRef=to, subjects=listed, **more)


def bound(*rules: Rule) -> list[KubeObject]:
    """The manager may do this."""
    own = role("manager-role", *rules)
    return [own, binding(own)]


def only(old: list[KubeObject], new: list[KubeObject]) -> RightsChange:
    (change,) = compare_rights(old, new)
    return change


def grants(*rules: tuple[str, ...]) -> tuple[Grant, ...]:
    """Grants in the whole cluster of (group, resources, verbs) in words."""
    return tuple(
        Grant("", group, tuple(resources.split()), (), tuple(verbs.split()))
        for group, resources, verbs in rules
    )


# What is no change

SPLIT = [
    rule("get", "pods secrets"),
    rule("list", "secrets pods"),
    rule("create", "pods"),
    rule("get list", "deployments", "apps"),
]
WHOLE = [
    rule("list get", "deployments", "apps"),
    rule("list get", "secrets"),
    rule("create get list", "pods"),
]


def test_rules_that_were_split_merged_or_put_elsewhere_are_no_change() -> None:
    assert compare_rights(bound(*SPLIT), bound(*WHOLE)) == []
    assert compare_rights(bound(*WHOLE), bound(*reversed(SPLIT))) == []


def test_a_role_split_in_two_with_other_names_is_no_change() -> None:
    one, two = role("one", *WHOLE[:1]), role("two", *WHOLE[1:])
    new = [one, two, binding(one), binding(two)]
    assert compare_rights(bound(*WHOLE), new) == []


def test_other_objects_say_nothing() -> None:
    assert compare_rights([make("ConfigMap", "a")], [make("ServiceAccount", "b")]) == []


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        (rule("*", "pods"), rule("get list", "pods")),
        (rule("get", "*"), rule("get", "pods pods/log")),
        (rule("get", "pods", "*"), rule("get", "pods", "apps")),
        (rule("get", "*/scale", "apps"), rule("get", "deployments/scale", "apps")),
        (rule("get", "pods"), rule("get", "pods", names="a b")),
        (rule("get", urls="/metrics/*"), rule("get", urls="/metrics/a /metrics/b/c")),
        (rule("get", urls="*"), rule("get", urls="/metrics /healthz")),
        (rule("*", urls="/metrics"), rule("get", urls="/metrics")),
        (rule("*", "*", "*"), rule("get", "pods", "apps", "a")),
    ],
)
def test_what_was_covered_is_not_gained(wide: Rule, narrow: Rule) -> None:
    both = bound(wide, narrow)
    assert compare_rights(bound(wide), both) == []
    assert compare_rights(both, bound(wide)) == []
    less = only(bound(wide), bound(narrow))
    assert (less.gained, less.taken_over) == ((), ())
    assert less.lost
    more = only(bound(narrow), bound(wide))
    assert more.gained == less.lost
    assert more.lost == ()


@pytest.mark.parametrize(
    ("had", "has"),
    [
        (rule("get", "*", "*"), rule("get", urls="/metrics")),
        (rule("get", "*"), rule("get", urls="*")),
        (rule("get", urls="*"), rule("get", "*", "*")),
        (rule("get", "*/scale"), rule("get", "scale")),
        (rule("get", urls="/metrics"), rule("get", urls="/metrics/a")),
        (rule("get", "pods"), rule("get", "pods/log")),
        (rule("get", "pods", names="a"), rule("get", "pods", names="b")),
        (rule("get", "pods", names="a"), rule("get", "pods")),
        (rule("get", "pods"), rule("get", "pods", "apps")),
    ],
)
def test_what_was_not_covered_is_gained(had: Rule, has: Rule) -> None:
    change = only(bound(had), bound(had, has))
    assert change.gained
    assert change.lost == ()


# Who


def test_a_right_gained_and_one_lost() -> None:
    change = only(bound(rule("get list", "pods")), bound(rule("get", "pods secrets")))
    assert change == RightsChange(
        MANAGER,
        is_new=False,
        is_gone=False,
        gained=grants(("", "secrets", "get")),
        taken_over=(),
        lost=grants(("", "pods", "list")),
    )


def test_somebody_new_and_somebody_gone() -> None:
    own = role("manager-role", rule("get", "pods"))
    old = [own, binding(own, "ServiceAccount old", "User eve")]
    new = [own, binding(own, "ServiceAccount new", "User eve")]
    came, went = compare_rights(old, new)
    assert (came.subject, came.is_new, came.is_gone) == ("ServiceAccount new", True, False)
    assert (came.gained, came.taken_over, came.lost) == ((), grants(("", "pods", "get")), ())
    assert (went.subject, went.is_new, went.is_gone) == ("ServiceAccount old", False, True)
    assert went.lost == grants(("", "pods", "get"))


def test_taken_over_is_what_others_of_the_kind_had() -> None:
    """Of another kind does not count: a group of users is no ServiceAccount."""
    own = role("manager-role", rule("*", "pods"))
    old = [own, binding(own, "Group system:authenticated")]
    more = role("more", rule("get", "pods"), rule("get", "secrets"))
    new = [*old, more, binding(more)]
    assert only(old, new).gained == grants(("", "pods secrets", "get"))
    old = [own, binding(own, "ServiceAccount other")]
    change = only(old, [*old, more, binding(more)])
    assert change.gained == grants(("", "secrets", "get"))
    assert change.taken_over == grants(("", "pods", "get"))


def test_a_service_account_elsewhere_is_somebody_else() -> None:
    own = role("manager-role", rule("get", "pods"))
    old, new = [own, binding(own)], [own, binding(own)]
    new[1].data["subjects"][0]["namespace"] = "openshift-monitoring"
    assert [change.subject for change in compare_rights(old, new)] == [
        MANAGER,
        "ServiceAccount openshift-monitoring/manager",
    ]


def test_a_binding_in_a_namespace_is_for_that_namespace() -> None:
    own = role("manager-role", rule("get", "pods"))
    inside = [own, binding(own, kind="RoleBinding", namespace="inside")]
    outside = [own, binding(own)]
    change = only(inside, outside)
    assert change.gained == grants(("", "pods", "get"))
    assert change.lost == ()
    change = only(outside, inside)
    assert change.gained == ()
    assert change.lost == grants(("", "pods", "get"))
    elsewhere = [own, binding(own, kind="RoleBinding", namespace="elsewhere")]
    (grant,) = only(inside, elsewhere).gained
    assert grant == Grant("elsewhere", "", ("pods",), (), ("get",))


def test_roles_of_one_name_in_two_namespaces() -> None:
    objects = []
    for namespace, resource in (("a", "pods"), ("b", "secrets")):
        own = role("leader", rule("get", resource), kind="Role", namespace=namespace)
        objects += [own, binding(own, kind="RoleBinding", namespace=namespace)]
    assert rights_of(objects) == {
        MANAGER: {Right("a", "", "pods", "", "get"), Right("b", "", "secrets", "", "get")}
    }


def test_a_binding_to_a_role_of_the_clusters_own() -> None:
    change = only([], [binding("system:auth-delegator")])
    assert change.gained == (Grant("", "", ("ClusterRole system:auth-delegator",), (), ("*",)),)
    assert compare_rights([binding("a")], [binding("a")]) == []


def test_a_role_that_is_bound_to_nobody() -> None:
    old, new = role("reader", rule("get", "pods")), role("reader", rule("get", "pods secrets"))
    change = only([old], [new])
    assert change.subject == "whoever is bound to ClusterRole reader"
    assert change.gained == grants(("", "secrets", "get"))
    nobody = binding(new)
    nobody.data["subjects"] = []
    assert only([old], [new, nobody]) == change


@pytest.mark.parametrize("name", ["admin", "edit", "view"])
def test_a_role_that_is_part_of_the_clusters_roles(name: str) -> None:
    labels = {AGGREGATE + name: "true", AGGREGATE + "other": "false"}
    new = role("kserve-edit", rule("get", "models"), metadata={"labels": labels})
    change = only([], [new])
    assert change.subject == f"users with ClusterRole {name}"
    assert change.gained == grants(("", "models", "get"))


def test_who_is_bound_to_nothing_has_no_rights() -> None:
    """Whether there is such a role or not."""
    change = only(bound(rule("get", "pods")), bound())
    assert (change.is_new, change.is_gone) == (False, True)
    assert compare_rights([], bound()) == []


def test_broken_and_empty_rules_give_nothing() -> None:
    rules: list[Rule] = [
        {},
        {"verbs": None},
        {"verbs": ["get"]},
        {"verbs": ["get"], "resources": ["pods"]},
    ]
    own = role("manager-role", *rules)
    assert compare_rights([], [own, binding(own)]) == []
    empty = make("ClusterRole", "empty", api=RBAC)
    nobody = make("ClusterRoleBinding", "none", api=RBAC, roleRef={}, subjects=None)
    assert compare_rights([], [empty, nobody]) == []


# Told


def test_grants_are_few() -> None:
    rights = rights_of(bound(*SPLIT, rule("get", "pods", names="a"), rule("get", urls="/healthz")))
    assert told(rights[MANAGER]) == (
        Grant("", "", ("/healthz",), (), ("get",)),
        Grant("", "", ("pods",), (), ("create", "get", "list")),
        Grant("", "", ("secrets",), (), ("get", "list")),
        Grant("", "apps", ("deployments",), (), ("get", "list")),
    )


def test_named_objects_are_told_together_and_never_hide_all_of_them() -> None:
    named = rights_of(bound(rule("get", "pods secrets", names="b a")))[MANAGER]
    assert told(named) == (Grant("", "", ("pods", "secrets"), ("a", "b"), ("get",)),)
    every = rights_of(bound(rule("get", "pods"), rule("get", "pods", names="a")))[MANAGER]
    assert told(every) == grants(("", "pods", "get"))


def expanded(given_: tuple[Grant, ...]) -> list[Right]:
    return [
        Right(grant.scope, grant.group, *one)
        for grant in given_
        for one in product(grant.resources, grant.names or ("",), grant.verbs)
    ]


RIGHTS = st.builds(
    Right,
    st.sampled_from(["", "a"]),
    st.sampled_from(["", "apps", "*"]),
    st.sampled_from(["pods", "pods/log", "*/log", "*"]),
    st.sampled_from(["", "x", "y"]),
    st.sampled_from(["get", "list", "*"]),
) | st.builds(
    Right,
    st.just(""),
    st.just(""),
    st.sampled_from(["/a", "/a/*", "/a/b", "/*"]),
    st.just(""),
    st.sampled_from(["get", "*"]),
)


@given(st.sets(RIGHTS, max_size=12))
def test_what_is_told_is_all_there_is_and_no_more(rights: set[Right]) -> None:
    given_ = told(rights)
    again = expanded(given_)
    assert len(again) == len(set(again))
    assert set(again) <= rights
    assert all(any(one.allows(right) for one in again) for right in rights)
    assert list(given_) == sorted(given_)
    for same in ("resources", "names"), ("resources", "verbs"), ("names", "verbs"):
        of = [(one.scope, one.group, *(getattr(one, name) for name in same)) for one in given_]
        assert len(of) == len(set(of)), "two that could be one"


@given(RIGHTS, RIGHTS, RIGHTS)
def test_allowing_is_an_order(one: Right, two: Right, three: Right) -> None:
    assert one.allows(one)
    if one.allows(two) and two.allows(one):
        assert one == two
    if one.allows(two) and two.allows(three):
        assert one.allows(three)


RULES = st.lists(
    st.builds(
        rule,
        st.sampled_from(["get", "get list", "*"]),
        st.sampled_from(["pods", "pods secrets", "*"]),
        st.sampled_from(["", "apps", "*"]),
        st.sampled_from(["", "x", "x y"]),
    ),
    max_size=4,
)


@given(RULES, RULES, st.randoms(use_true_random=False))
def test_order_does_not_matter_and_gained_is_lost_the_other_way(
    old: list[Rule], new: list[Rule], dice: random.Random
) -> None:
    there, back = compare_rights(bound(*old), bound(*new)), compare_rights(bound(*new), bound(*old))
    assert [one.gained for one in there] == [one.lost for one in back]
    mixed = dice.sample(new, len(new))
    assert compare_rights(bound(*old), bound(*mixed)) == there
    assert compare_rights(bound(*new), bound(*mixed)) == []
