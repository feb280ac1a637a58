"""Exit codes: one for each kind of error, and the help names them all."""

import re

from rebase import errors
from rebase.cli import EPILOG
from rebase.errors import RebaseError

CLASSES = [
    thing
    for thing in vars(errors).values()
    if isinstance(thing, type) and issubclass(thing, RebaseError) and thing is not RebaseError
]


def test_each_class_has_an_exit_code_of_its_own() -> None:
    codes = [cls.exit_code for cls in CLASSES]
    assert len(set(codes)) == len(codes)
    assert RebaseError.exit_code not in codes
    assert all(1 < code < 126 for code in codes), "0, 1 and the shell's own codes are taken"


def test_the_help_names_exactly_these_codes() -> None:
    listed = " ".join(EPILOG.partition("Exit codes:")[2].split())
    named = {int(code) for code in re.findall(r"(?:^|; )(\d+) ", listed)}
    assert named == {0, 1, RebaseError.exit_code, *(cls.exit_code for cls in CLASSES)}


def test_an_error_keeps_what_it_is_told() -> None:
    error = errors.TreeError("broken", hint="mend it", details=(str(n) for n in range(2)))
    assert (str(error), error.message, error.hint) == ("broken", "broken", "mend it")
    assert error.details == ("0", "1")
