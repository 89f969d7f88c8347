"""Runs a function in the sandbox as Lambda does, and serves it the Runtime API."""

from __future__ import annotations

from lambundle.verify.function.events import read_event
from lambundle.verify.function.invoke import invoke_function
from lambundle.verify.function.model import Event, Function, FunctionReport

__all__ = ["Event", "Function", "FunctionReport", "invoke_function", "read_event"]
