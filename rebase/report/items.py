"""What sections tell in one way: what happened to a thing, and fields that changed."""

from collections.abc import Iterable

from rebase.compare.fields import FieldChange
from rebase.report.document import Item, Sign


def sign_of(old: object, new: object) -> Sign:
    return Sign.ADDED if old is None else Sign.REMOVED if new is None else Sign.CHANGED


def fields(changes: Iterable[FieldChange]) -> tuple[Item, ...]:
    """Changed fields as items."""

    def shown(value: str | None) -> str | None:
        return '""' if value == "" else value

    return tuple(
        Item(one.path, sign_of(one.old, one.new), old=shown(one.old), new=shown(one.new))
        for one in changes
    )
