"""The variables that a function finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambundle import target
from lambundle.verify.sandbox.interface import MIB

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lambundle.verify.function.model import Function

ACCOUNT = "123456789012"


def function_variables(function: Function, memory: int) -> Mapping[str, str]:
    """Return the environment of ``function`` with ``memory`` bytes, as the developer guide lists it."""
    return {
        **target.ENVIRONMENT,
        "_HANDLER": function.handler or "bootstrap",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory // MIB),
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        **function.environment,
    }


def function_arn(function: Function) -> str:
    """Return the name that a function has among all others."""
    return f"arn:aws:lambda:{target.ENVIRONMENT['AWS_REGION']}:{ACCOUNT}:function:{function.name}"
