"""Every way in which lambundle gives up, each with a name, a message, the context and a cure.

Raised anywhere, rendered in one place (``cli.main``), which ends the program, as ``ending`` does where it cannot go on.
"""

from __future__ import annotations

EXIT_YES = 0
"""The command did what was asked, or the answer is yes."""
EXIT_NO = 1
"""The command could be carried out and the answer is no."""
EXIT_USAGE = 2
"""The command line was wrong (click's own code too)."""
EXIT_UNKNOWN = 3
"""The answer could not be found out."""


class LambundleError(Exception):
    """Something that a person can act on.

    ``code`` is a kebab-case name that stays the same between versions, ``message`` says what is wrong
    with which file, ``context`` where it was looked for (one line each), ``hint`` what to do.
    """

    code = "error"
    exit_code = EXIT_NO

    def __init__(self, message: str, *, context: tuple[str, ...] = (), hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.context = context
        self.hint = hint


class UsageError(LambundleError):
    """The command line asks for something that has no meaning."""

    code = "usage"
    exit_code = EXIT_USAGE


class ProgramNotFoundError(LambundleError):
    """A program that the user named is not on PATH, or not at the path given."""

    code = "program-not-found"


class PackageNotFoundError(LambundleError):
    """A package that the user named is not installed, or the machine has no package database."""

    code = "package-not-found"


class NotElfError(LambundleError):
    """A file that must be an ELF file is something else."""

    code = "not-elf"


class BadElfError(LambundleError):
    """An ELF file is truncated, contradicts itself, or is beyond what is supported."""

    code = "bad-elf"


class ForeignElfError(LambundleError):
    """An ELF file is for another machine than the bundle."""

    code = "foreign-elf"


class LibraryNotFoundError(LambundleError):
    """A library of the closure was found nowhere."""

    code = "library-not-found"


class UnreadableFileError(LambundleError):
    """A file that belongs into the bundle cannot be read."""

    code = "unreadable-file"


class DanglingLinkError(LambundleError):
    """A symbolic link that the user named leads nowhere."""

    code = "dangling-link"


class OutputError(LambundleError):
    """The bundle cannot be written: no such directory, no space, no permission."""

    code = "cannot-write"
    exit_code = EXIT_UNKNOWN


class FileChangedError(LambundleError):
    """A source file changed while it was being packed."""

    code = "file-changed"
    exit_code = EXIT_UNKNOWN


class RecipeError(LambundleError):
    """A recipe is not well-formed, or one of its demands is not installed."""

    code = "bad-recipe"


class RuntimeLimitError(LambundleError):
    """A bundle would tell the runtime more than it can hold."""

    code = "runtime-limit"


class BadBundleError(LambundleError):
    """A finished bundle is damaged, hostile, or not one of ours."""

    code = "bad-bundle"


class NotInBundleError(LambundleError):
    """A path that the user asked about is not in the bundle."""

    code = "not-in-bundle"


class RecordingError(LambundleError):
    """A command could not be recorded, or failed while it was."""

    code = "recording-failed"


class PackageDatabaseError(LambundleError):
    """The packing machine's package database is not what it should be."""

    code = "bad-package-database"
    exit_code = EXIT_UNKNOWN


class SandboxError(LambundleError):
    """The sandbox that a run was to happen in cannot be made, or broke."""

    code = "sandbox-failed"
    exit_code = EXIT_UNKNOWN


class HandlerError(LambundleError):
    """A function's handler is none that can be started here, or what starts it is not installed."""

    code = "handler-unavailable"
    exit_code = EXIT_UNKNOWN
