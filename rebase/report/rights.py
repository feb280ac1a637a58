"""The rights' section: who may do what could not be done before."""

from rebase.compare.comparison import Comparison
from rebase.compare.rights import Grant, RightsChange
from rebase.report.document import Item, Section, Sign


def rights_section(comparison: Comparison) -> Section:
    lead = ""
    if comparison.rights:
        lead = "By roles and bindings together. In bold what nobody of the kind could do before."
    return Section("rights", "Rights", lead, tuple(map(_rights, comparison.rights)))


def _rights(change: RightsChange) -> Item:
    if change.is_gone:
        return Item(change.subject, Sign.REMOVED, "has no rights any more")
    return Item(
        change.subject,
        Sign.ADDED if change.is_new else Sign.CHANGED,
        "new" if change.is_new else "",
        items=(
            *(_grant(grant, Sign.ADDED, strong=True) for grant in change.gained),
            *(_grant(grant, Sign.ADDED, "somebody else had it") for grant in change.taken_over),
            *(_grant(grant, Sign.REMOVED) for grant in change.lost),
        ),
    )


def _grant(grant: Grant, sign: Sign, note: str = "", *, strong: bool = False) -> Item:
    resources = ", ".join(grant.resources)
    about = f"{resources} ({grant.group})" if grant.group else resources
    names = f" named {', '.join(grant.names)}" if grant.names else ""
    where = f"in namespace {grant.scope}" if grant.scope else ""
    notes = "; ".join(filter(None, (where, note)))
    return Item(f"{', '.join(grant.verbs)}: {about}{names}", sign, notes, strong=strong)
