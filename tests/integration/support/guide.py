"""The guide for devices, docs/user/, whose commands tests run."""

import re
from pathlib import Path

from integration.support.surroundings import REPO

DOCS = REPO / "docs/user"
PAGES = sorted(DOCS.glob("*.md"))


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
