"""lambundle packs an installed program into one zip that does its real job on AWS Lambda.

The verbs of the commands are functions here::

    import lambundle

    plan = lambundle.make_plan(["jq"])
    lambundle.write_bundle(plan, "jq.zip")
    with lambundle.open_bundle("jq.zip") as bundle:
        print(bundle.unzipped, [program.launcher for program in bundle.programs])

They are imported when they are first used. Every error that a person can act on is a ``LambundleError``.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing is not imported: until the first line of __main__ is read, Ctrl-C is Python's to answer

__version__ = "0.1.0"

if TYPE_CHECKING:
    from typing import Any

    from lambundle.api import (
        find_libraries,
        make_plan,
        measure_bundle,
        open_bundle,
        open_machine,
        record_commands,
        repair_bundle,
        verify_bundle,
        write_bundle,
    )
    from lambundle.errors import LambundleError

__all__ = [
    "LambundleError",
    "__version__",
    "find_libraries",
    "make_plan",
    "measure_bundle",
    "open_bundle",
    "open_machine",
    "record_commands",
    "repair_bundle",
    "verify_bundle",
    "write_bundle",
]


def __getattr__(name: str) -> Any:
    if name == "LambundleError":
        from lambundle.errors import LambundleError

        return LambundleError
    if name in __all__:
        from lambundle import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
