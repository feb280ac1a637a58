"""A comparison in the forms that files and standard output take."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from rebase.compare.comparison import Comparison
from rebase.errors import UsageError
from rebase.report.as_json import as_json
from rebase.report.markdown import markdown
from rebase.report.page import page
from rebase.report.sections import make_report


def _json(comparison: Comparison) -> str:
    return json.dumps(as_json(comparison), indent=2, ensure_ascii=False) + "\n"


FORMS: dict[str, Callable[[Comparison], str]] = {
    ".html": lambda comparison: page(make_report(comparison)),
    ".json": _json,
    ".md": lambda comparison: markdown(make_report(comparison)),
}


def check_file(file: Path) -> None:
    """Can a report be written there?

    Raises:
        UsageError: its suffix is no form's, or nobody may write there.
    """
    if file.suffix not in FORMS:
        raise UsageError(
            f"--report {file}: the suffix says which form; it is none of {', '.join(FORMS)}"
        )
    if not file.parent.is_dir():
        raise UsageError(f"--report {file}: {file.parent} is not a directory")
    try:
        if file.exists():
            file.open("ab").close()
        else:
            tempfile.TemporaryFile(dir=file.parent).close()
    except OSError as error:
        raise UsageError(f"--report {file}: {error.strerror}") from None


def write(comparison: Comparison, file: Path) -> None:
    """Write a report in the form that the file's suffix says.

    Raises:
        UsageError: as `check_file`; or the file cannot be written.
    """
    check_file(file)
    try:
        file.write_text(FORMS[file.suffix](comparison), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--report {file}: {error.strerror}") from None
