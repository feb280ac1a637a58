"""What can go wrong, by what the user can do about it; each class has its exit code.

The codes are an interface: scripts and CI jobs branch on them (docs/release-engineers.md).
"""

from collections.abc import Iterable


class RebaseError(Exception):
    """Base of every error that is told to the user without a traceback.

    Args:
        message: what happened, and where (image, file, object, key).
        hint: what to do about it; shown on a line of its own.
        details: one line each, when several things are wrong at once.
    """

    exit_code = 70  # sysexits(3): a fault of the software

    def __init__(self, message: str, *, hint: str = "", details: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = tuple(details)


class UsageError(RebaseError):
    """The command line or the state of the working tree does not allow the job."""

    exit_code = 2


class ToolError(RebaseError):
    """skopeo, kustomize or git is missing, too old, or failed in a way of its own."""

    exit_code = 3


class ImageNotFoundError(RebaseError):
    """The registry, or the directory, has no such image."""

    exit_code = 10


class RegistryAuthError(RebaseError):
    """The registry refused the credentials, or wants some."""

    exit_code = 11


class RegistryError(RebaseError):
    """The registry cannot be reached, or broke off.

    Args:
        final: trying again is of no use.
    """

    exit_code = 12

    def __init__(
        self, message: str, *, hint: str = "", details: Iterable[str] = (), final: bool = False
    ) -> None:
        super().__init__(message, hint=hint, details=details)
        self.final = final


class ImagePolicyError(RebaseError):
    """The signature policy (policy.json) does not accept the image."""

    exit_code = 13


class CorruptImageError(RebaseError):
    """Bytes that are not what their digest or size says, or not a tar archive."""

    exit_code = 14


class BundleError(RebaseError):
    """The image is not an operator bundle that can be used: no CSV, two, or a broken one."""

    exit_code = 20


class ManifestsNotFoundError(RebaseError):
    """No image that the CSV names holds KServe's manifests."""

    exit_code = 21


class TreeError(RebaseError):
    """The manifests are there, but broken: a missing file, a bad line, a bad Template."""

    exit_code = 22


class UnpinnedImageError(RebaseError):
    """An image that would ship has no digest, and nothing says which one it is."""

    exit_code = 23


class AdaptError(RebaseError):
    """Something that MicroShift needs changed is not there to be changed."""

    exit_code = 24


class CheckError(RebaseError):
    """The result is not fit to ship; nothing was written."""

    exit_code = 25


class GitError(RebaseError):
    """The commit could not be made; the tree itself is written."""

    exit_code = 30
