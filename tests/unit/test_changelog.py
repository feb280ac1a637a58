"""CHANGELOG.md as a spec's changelog."""

import datetime
import importlib.util
from pathlib import Path

FILE = Path(__file__).parents[2] / "packaging/changelog.py"
spec = importlib.util.spec_from_file_location("changelog", FILE)
assert spec is not None
assert spec.loader is not None
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)

DAY = datetime.date(2026, 3, 1)
MARKDOWN = """\
# Changelog

- not an item

## Unreleased

### Added

- `one`, at 100 %,
  on two lines
- two

## 0.2.0 - 2025-12-31

- three

## [0.1.0] - 2025-01-02

### Fixed

- four
"""


def test_what_is_unreleased_is_what_a_build_brings() -> None:
    assert (
        module.changelog(MARKDOWN, "4.20.3-1", DAY, "RHOAI 2.25.11")
        == """\
* Sun Mar 01 2026 The microshift-ai-model-serving authors - 4.20.3-1
- RHOAI 2.25.11
- one, at 100 %%, on two lines
- two

* Wed Dec 31 2025 The microshift-ai-model-serving authors - 0.2.0
- three

* Thu Jan 02 2025 The microshift-ai-model-serving authors - 0.1.0
- four
"""
    )


def test_a_changelog_with_nothing_new() -> None:
    text = module.changelog("# Changelog\n", "1-1", DAY, "RHOAI 3.4")
    assert text.splitlines()[1:] == ["- RHOAI 3.4"]


def test_ours_is_read_whole() -> None:
    text = (FILE.parents[1] / "CHANGELOG.md").read_text()
    items = sum(line.startswith("- ") for line in text.splitlines())
    read = module.changelog(text, "1-1", DAY, "RHOAI 3.4")
    assert sum(line.startswith("- ") for line in read.splitlines()) == items + 1
