"""``python -m lambundle``, and the command ``lambundle``."""

# All of signal that is needed here: signal itself imports a dozen modules, which is when Ctrl-C comes, if it does.
import _signal  # type: ignore[import-not-found]


def main() -> None:
    """Run the command line and exit. While nothing is done but modules are read, Ctrl-C ends it without a word."""
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    from lambundle.cli.main import main as run

    run()


if __name__ == "__main__":
    main()
