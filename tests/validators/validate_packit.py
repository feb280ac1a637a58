"""validate_packit.py FILE...: checks .packit.yaml files with Packit's own validator, offline.

For the environment of requirements.txt. `packit config validate --offline` runs the same class, but
importing that command needs Kerberos headers and a compiler. Exit 1, and a line for each problem.
"""

import logging
import sys
from pathlib import Path

from packit.config.package_config import load_packit_yaml  # type: ignore[import-not-found]
from packit.config.package_config_validator import (  # type: ignore[import-not-found]
    PackageConfigValidator,
)
from packit.exceptions import PackitException  # type: ignore[import-not-found]


class Collected(logging.Handler):
    """What Packit only warns of, such as a spec file that is not there: it is a problem as well."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(" ".join(record.getMessage().split()))


def problems(path: Path) -> list[str]:
    """Lines about one file; its directory is taken for the repository."""
    warnings = Collected()
    logging.getLogger("packit").addHandler(warnings)
    errors: list[str] = []
    try:
        content = load_packit_yaml(path)
        if not content:
            errors = ["empty"]
        PackageConfigValidator(path, content, path.parent, offline=True).validate()
    except PackitException as error:
        errors = [line for line in str(error).splitlines() if "not pass validation" not in line]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # Packit's schema rearranges the content before it checks the types in it.
        errors = [f"cannot be read: {error}"]
    logging.getLogger("packit").removeHandler(warnings)
    return warnings.lines + errors


def main() -> int:
    code = 0
    for name in sys.argv[1:]:
        for line in problems(Path(name).resolve()):
            print(f"{name}: {line}")
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
