"""Libraries that a user's own scripts open by name."""

from __future__ import annotations

import pytest

from lambundle.discover.opened import opened_libraries


@pytest.mark.parametrize(
    ("text", "whole", "short"),
    [
        ('ctypes.CDLL("libmagic.so.1")', ["libmagic.so.1"], []),
        ("from ctypes import *\nx = cdll.LoadLibrary('libsodium.so')", ["libsodium.so"], []),
        ("ctypes.CDLL(ctypes.util.find_library('usb-1.0'))", [], ["usb-1.0"]),
        (
            'NAMES = ["libsndfile.so.1",\n  "libsndfile.so"]\nfor name in NAMES: ffi.dlopen(name)',
            ["libsndfile.so.1", "libsndfile.so"],
            [],
        ),
        ("extend FFI::Library\nffi_lib 'magic'", [], ["magic"]),
        ("Fiddle.dlopen('libz.so.1')", ["libz.so.1"], []),
        ('local ffi = require "ffi"\nlocal z = ffi.load("z")', [], ["z"]),
        ('const lib = koffi.load("libz.so.1")', ["libz.so.1"], []),
        ('print("libmagic.so.1")', [], []),
        ("find_library(name)", [], []),
    ],
)
def test_literal_names_beside_a_call_that_opens(text: str, whole: list[str], short: list[str]) -> None:
    assert opened_libraries(text.encode()) == (whole, short)
