"""All errors, each with a code, a message, context, a hint and an exit code; ``cli.ending`` renders them."""

from __future__ import annotations

EXIT_YES = 0
"""The command succeeded, or the answer is yes."""
EXIT_NO = 1
"""The answer is no."""
EXIT_USAGE = 2
"""The command line is wrong (click's code)."""
EXIT_UNKNOWN = 3
"""The answer is unknown."""


class LambundleError(Exception):
    """An error that a user can act on.

    ``code`` is a kebab-case name, stable between versions; ``message`` names the file and the fault, ``context`` has
    lines of detail, ``hint`` tells what to do.
    """

    code = "error"
    exit_code = EXIT_NO

    def __init__(self, message: str, *, context: tuple[str, ...] = (), hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.context = context
        self.hint = hint


class UsageError(LambundleError):
    """The command line is not valid."""

    code = "usage"
    exit_code = EXIT_USAGE


class ProgramNotFoundError(LambundleError):
    """A program is not on PATH or not at the given path."""

    code = "program-not-found"


class PackageNotFoundError(LambundleError):
    """A package that the user named is not installed, or the machine has no package database."""

    code = "package-not-found"


class NotElfError(LambundleError):
    """A file is not an ELF file."""

    code = "not-elf"


class BadElfError(LambundleError):
    """An ELF file is truncated, inconsistent or not supported."""

    code = "bad-elf"


class ForeignElfError(LambundleError):
    """An ELF file is for another architecture than the bundle."""

    code = "foreign-elf"


class LibraryNotFoundError(LambundleError):
    """A library of the closure was not found."""

    code = "library-not-found"


class UnreadableFileError(LambundleError):
    """A file of the bundle cannot be read."""

    code = "unreadable-file"


class DanglingLinkError(LambundleError):
    """A symbolic link is dangling."""

    code = "dangling-link"


class OutputError(LambundleError):
    """A bundle cannot be written: no directory, space or permission."""

    code = "cannot-write"
    exit_code = EXIT_UNKNOWN


class FileChangedError(LambundleError):
    """A file changed while it was packed."""

    code = "file-changed"
    exit_code = EXIT_UNKNOWN


class RecipeError(LambundleError):
    """A recipe is not valid, or its program's directories do not exist."""

    code = "bad-recipe"


class RuntimeLimitError(LambundleError):
    """The runtime cannot hold a bundle's configuration."""

    code = "runtime-limit"


class BadBundleError(LambundleError):
    """A bundle is damaged, hostile or not lambundle's."""

    code = "bad-bundle"


class NotInBundleError(LambundleError):
    """A path is not in the bundle."""

    code = "not-in-bundle"


class RecordingError(LambundleError):
    """A command cannot be recorded."""

    code = "recording-failed"


class PackageDatabaseError(LambundleError):
    """The packing machine's package database is not valid."""

    code = "bad-package-database"
    exit_code = EXIT_UNKNOWN


class SandboxError(LambundleError):
    """A sandbox cannot be started, or failed."""

    code = "sandbox-failed"
    exit_code = EXIT_UNKNOWN


class HandlerError(LambundleError):
    """A function's handler is not supported, or its runtime is not installed."""

    code = "handler-unavailable"
    exit_code = EXIT_UNKNOWN
