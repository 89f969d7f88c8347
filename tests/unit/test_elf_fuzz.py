"""Whatever the bytes are, the reader gives an answer or one of two errors, soon."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambundle.elf.headers import MAGIC, parse_elf
from lambundle.errors import BadElfError, NotElfError
from tests.unit.test_elf import FORMATS, make_library

SAMPLES = [make_library(bits, order) for bits, order in FORMATS]
INTERESTING = (0, 1, 2, 3, 4, 5, 8, 0x7F, 0x80, 0xFE, 0xFF)
ROUNDS = 100_000


def _survives(data: bytes) -> bool:
    """Whether the data is an ELF file; any exception but the reader's own two is a failure."""
    try:
        parse_elf(data, "fuzz")
    except (BadElfError, NotElfError) as error:
        assert error.message.startswith("fuzz is ")
        return False
    return True


@pytest.mark.parametrize("sample", SAMPLES)
def test_cut_off_at_every_byte(sample: bytes) -> None:
    whole = parse_elf(sample, "fuzz")
    accepted = [length for length in range(len(sample)) if _survives(sample[:length])]
    # The dynamic section is written last, so without its end nothing else may be believed.
    assert accepted == []
    assert parse_elf(sample + b"trailing", "fuzz") == whole


def test_a_hundred_thousand_mutations() -> None:
    chance = random.Random(20240817)
    accepted = 0
    for _ in range(ROUNDS):
        data = bytearray(chance.choice(SAMPLES))
        for _ in range(chance.choice((1, 1, 2, 4, 8))):
            at = chance.randrange(len(data))
            how = chance.random()
            if how < 0.4:
                data[at] = chance.choice(INTERESTING)
            elif how < 0.7:
                data[at] ^= 1 << chance.randrange(8)
            elif how < 0.9:
                data[at : at + 4] = chance.randbytes(4)
            else:
                del data[at : at + chance.randrange(1, 9)]
        accepted += _survives(bytes(data))
    # A loop that hits nothing but the magic, or nothing at all, tests nothing.
    assert ROUNDS * 0.1 < accepted < ROUNDS * 0.9


@given(st.binary(max_size=4096))
@settings(max_examples=500, deadline=None)
def test_any_bytes(data: bytes) -> None:
    _survives(data)


@given(st.sampled_from(FORMATS), st.binary(max_size=2048))
@settings(max_examples=500, deadline=None)
def test_any_bytes_after_the_identification(kind: tuple[int, str], data: bytes) -> None:
    bits, order = kind
    _survives(MAGIC + bytes([bits // 32, 1 if order == "<" else 2, 1, 0]) + bytes(8) + data)


@given(st.sampled_from(SAMPLES), st.data())
@settings(max_examples=500, deadline=None)
def test_any_words_in_an_honest_file(sample: bytes, data: st.DataObject) -> None:
    changed = bytearray(sample)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(sample) - 8))
        word = data.draw(st.binary(min_size=1, max_size=8))
        changed[at : at + len(word)] = word
    _survives(bytes(changed))
