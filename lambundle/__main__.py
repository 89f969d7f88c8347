"""``python -m lambundle``, and the command ``lambundle``."""

# All of signal that is needed here: signal itself imports a dozen modules, which is when Ctrl-C comes, if it does.
import _signal  # type: ignore[import-not-found]
import os
import sys

_UTF8 = "-Xutf8=1"


def main() -> None:
    """Run the command line and exit. While nothing is done but modules are read, Ctrl-C ends it without a word."""
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    _read_names_as_utf8()
    from lambundle.cli.main import main as run

    run()


def _read_names_as_utf8() -> None:
    """Begin again in Python's UTF-8 mode where names of files would be read by another locale: a zip's are UTF-8."""
    if sys.getfilesystemencoding() != "utf-8" and sys.executable and _UTF8 not in sys.orig_argv[1:2]:
        os.execv(sys.executable, [sys.executable, _UTF8, *sys.orig_argv[1:]])  # noqa: S606


if __name__ == "__main__":
    main()
