"""What verify found out, as data; its schema is ``schema/verify.schema.json``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lambundle.verify.model import RunReport, Verification

SCHEMA = Path(__file__).parents[1] / "verify" / "schema" / "verify.schema.json"
"""The JSON schema of ``to_json``."""


def to_json(verification: Verification) -> dict[str, Any]:
    """The report as data, format 1."""
    return {
        "version": 1,
        "bundle": verification.bundle,
        "verdict": verification.verdict.value,
        "checks": [
            {"name": check.name, "status": check.status.value, "detail": check.detail, "hint": check.hint}
            for check in verification.checks
        ],
        "runs": [_run_json(run) for run in verification.runs],
    }


def _run_json(run: RunReport) -> dict[str, Any]:
    what: dict[str, Any] = {"command": list(run.command)} if run.event is None else {"event": run.event}
    return what | {
        "status": run.status,
        "response": run.response,
        "stdout": run.stdout,
        "stderr": run.stderr,
        "duration_ms": run.duration_ms,
        "init_ms": run.init_ms,
        "max_memory_mb": run.max_memory_mb,
        "tmp_mb": run.tmp_mb,
        "read_bytes": run.read_bytes,
    }
