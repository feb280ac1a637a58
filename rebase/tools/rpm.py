"""rpm: reading what is in a package, without installing it."""

import tempfile
from pathlib import Path

from rebase.errors import ToolError, UsageError
from rebase.tools import process

INSTALL_HINT = "install rpm (Debian: rpm2cpio), which has rpm2archive"


def as_tar(package: Path) -> bytes:
    """The files of a package as a tar archive.

    Raises:
        ToolError: rpm2archive is missing.
        UsageError: it is not a package.
    """
    if process.find("rpm2archive") is None:
        raise ToolError("rpm2archive is not installed", hint=INSTALL_HINT)
    with tempfile.TemporaryDirectory(prefix="rhoai-rebase-") as temporary:
        link = Path(temporary) / "package.rpm"  # what it makes, it puts beside its argument
        link.symlink_to(package.absolute())
        try:
            process.run(["rpm2archive", "--nocompression", link])
            return link.with_suffix(".rpm.tar").read_bytes()
        except (ToolError, FileNotFoundError) as error:
            said = error.details if isinstance(error, ToolError) else ()
            details = [line.replace(str(link), package.name) for line in said]
            raise UsageError(f"{package} is not an RPM that can be read", details=details) from None
