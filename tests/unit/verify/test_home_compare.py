"""What differs between a result from the bundle and at home, on results that are made up."""

from __future__ import annotations

import hashlib

import pytest

from lambundle.verify.home import compare as module
from lambundle.verify.home.compare import STDOUT, ComparedOutput, ComparedRun, Differences, Virtual, compare, values_of

ROOT = "/opt/lambundle/tool/root"
VIRTUAL = Virtual((ROOT,), frozenset({"PATH"}))


def run(stdout: bytes | str = "", status: int = 0, later: tuple[bytes, ...] = (), **made: bytes) -> ComparedRun:
    """A result; ``made`` are files by their names."""
    outputs = {STDOUT: stdout.encode() if isinstance(stdout, str) else stdout} | made
    return ComparedRun(status, {name: output(data) for name, data in outputs.items()}, later)


def files(made: dict[str, bytes]) -> ComparedRun:
    """A result with files of any name."""
    return ComparedRun(0, {name: output(data) for name, data in made.items()})


def output(data: bytes) -> ComparedOutput:
    return ComparedOutput(len(data), hashlib.sha256(data).hexdigest(), lambda: data)


def found(bundle: ComparedRun, home: ComparedRun, again: ComparedRun | None = None) -> tuple[str, ...]:
    return compare([bundle], [home, again or home], VIRTUAL).found


def test_a_value_that_is_set_otherwise_is_no_difference_where_it_stands_without_its_name() -> None:
    away = {"PATH": "/var/lang/bin:/opt/bin", "LANG": "en_US.UTF-8", "SHLVL": "0"}
    here = {"PATH": "/opt/bin:/usr/bin", "LANG": "C.UTF-8", "SHLVL": "1"}
    virtual = Virtual((ROOT,), frozenset(away), values_of(away, here, variables=frozenset(away)))
    line = "'{PATH}' {LANG!r} {PATH}/ {ROOT} {SHLVL}\n"
    ours, theirs = (run(line.format(ROOT=ROOT if side is away else "", **side)) for side in (away, here))
    [told] = compare([ours], [theirs], virtual).found
    assert (
        told == "stdout: line 1 is \"'$PATH' '$LANG' $PATH/  1\" at home, \"'$PATH' '$LANG' $PATH/  0\" from the bundle"
    )
    assert not compare([run(line.format(ROOT="", **away | {"SHLVL": "1"}))], [theirs], virtual).found
    assert compare([run("C\n")], [run("C.UTF-8\n")], virtual).found


SAME = run("one\ntwo\n", a=b"1", b=b"2")


def test_what_is_the_same_is_not_told() -> None:
    assert compare([SAME], [SAME], VIRTUAL) == Differences()


@pytest.mark.parametrize(
    ("bundle", "told"),
    [
        (run("one\nother\n", a=b"1", b=b"2"), "stdout: line 2 is 'two' at home, 'other' from the bundle"),
        (run("one\n", a=b"1", b=b"2"), "stdout: line 2 is 'two' at home, '' from the bundle"),
        (run("one\ntwo\nthree", a=b"1", b=b"2"), "stdout: line 3 is '' at home, 'three' from the bundle"),
        (run("one\ntwo", a=b"1", b=b"2"), "stdout: line 3 is '' at home, not there from the bundle"),
        (run("one\ntwo\n", a=b"1", b=b"3"), "b: line 1 is '2' at home, '3' from the bundle"),
        (run("one\ntwo\n", a=b"1", b=b"\x00333"), "b differs: 1 bytes at home, 4 from the bundle"),
        (run("one\ntwo\n", a=b"1"), "b is made at home only"),
        (run("one\ntwo\n", a=b"1", b=b"2", c=b""), "c is made from the bundle only"),
        (run("one\ntwo\n", 3, a=b"1", b=b"2"), "the exit status is 0 at home, 3 from the bundle"),
        (run("one\n\x1b[31m\xff\n", a=b"1", b=b"2"), "stdout: line 2 is 'two' at home, '\\x1b[31mÿ' from the bundle"),
    ],
)
def test_what_differs_is_told(bundle: ComparedRun, told: str) -> None:
    assert found(bundle, SAME) == (told,)
    assert compare([bundle], [SAME], VIRTUAL).found == (told,)


def picture(time: str, seed: int, data: bytes = bytes(2000)) -> bytes:
    """A binary with a time, a checksum and data."""
    return data + b"\0date" + time.encode() + hashlib.sha256(bytes([seed])).digest()[:8] + data


def slots(number: int) -> bytes:
    """A hash table with one entry."""
    return b"\1\2" * 50 + bytes(4 * number) + b"\0\0\n\xff" + bytes(4 * (99 - number))


@pytest.mark.parametrize(
    ("away", "home"),
    [
        ([picture("12:59:59", 1)], [picture("13:00:01", 2), picture("13:00:02", 3)]),
        ([picture("12:59:59", seed) for seed in (1, 2)], [picture("13:00:02", seed) for seed in (3, 4, 5)]),
        ([slots(70), slots(2)], [slots(9), slots(31), slots(50)]),
    ],
)
def test_of_a_binary_what_varies_is_not_compared_and_the_rest_is(away: list[bytes], home: list[bytes]) -> None:
    runs = [run(x=data) for data in away], [run(x=data) for data in home]
    assert compare(*runs, VIRTUAL) == Differences((), ("x",))
    assert not compare(*runs, VIRTUAL).is_unsure
    other = [run(x=data[:40] + b"other" + data[45:]) for data in away]
    assert compare(other, runs[1], VIRTUAL).is_unsure
    assert compare(other, runs[1], VIRTUAL).found == (
        f"x differs: {len(home[0]):,} bytes at home, {len(home[0]):,} from the bundle",
    )


def test_a_binary_of_another_size_in_each_run_is_compared_by_its_size() -> None:
    home, away = ([run(x=slots(9) + bytes(size)) for size in sizes] for sizes in ((0, 40, 0), (10, 80)))
    assert compare(away, home, VIRTUAL) == Differences((), ("x",))
    assert compare([run(x=slots(9)[:300] + bytes(5))], home, VIRTUAL) == Differences((), ("x",))
    assert compare([run(x=slots(9) + bytes(900))], home, VIRTUAL).found


def test_a_long_line_is_cut() -> None:
    [told] = found(run("x" * 5000), run("y" * 5000))
    assert len(told) < 3 * module.SHOWN


@pytest.mark.parametrize(
    ("bundle", "home", "again"),
    [
        ("at 12:00:01\n", "at 12:00:02\n", "at 12:00:03\n"),
        ("12:59:59 x\n", "13:00:01 x\n", "13:00:02 x\n"),
        ("took 1.05 s\n", "took 0.12 s\n", "took 0.13 s\n"),
        ('{"id":"4f2a-11","n":2}', '{"id":"9999-22","n":2}', '{"id":"aaaa-33","n":2}'),
        ("pid 7\nfine\n", "pid 80\nfine\n", "pid 812\nfine\n"),
        ("a b\n", "c d e\n", "f\n"),
        ("1\n2\n3\n", "x\n", "y\nz\n"),
        ("sig S/kVO+5d3kDVO= x\n", "sig hL/00c/20ZT6D4= x\n", "sig hL/Z0c420+T6D4= x\n"),
    ],
)
def test_what_differs_by_itself_is_named_and_not_compared(bundle: str, home: str, again: str) -> None:
    told = compare([run(bundle)], [run(home), run(again)], VIRTUAL)
    assert told == Differences(varying=(STDOUT,))
    assert compare([run(bundle)], [run(home)], VIRTUAL).found


@pytest.mark.parametrize(
    ("bundle", "home", "again"),
    [
        ("at 12:00:01 in Rome\n", "at 12:00:02 in Oslo\n", "at 12:00:03 in Oslo\n"),
        ("pid 7\nfonts: none\n", "pid 8\nfonts: 3\n", "pid 9\nfonts: 3\n"),
        ("at 1\nlost\n", "at 2\n", "at 3\n"),
        ("", "at 2\n", "at 3\n"),
    ],
)
def test_the_rest_of_it_is_compared(bundle: str, home: str, again: str) -> None:
    told = compare([run(bundle)], [run(home), run(again)], VIRTUAL)
    assert len(told.found) == 1
    assert told.varying == (STDOUT,)


def test_words_that_differ_between_the_bundles_own_runs_are_no_difference() -> None:
    bundle = run("took 0.02 s\nfine\n", later=(b"took 0.03 s\nfine\n", b"another\n"))
    home = run("took 0.01 s\nfine\n")
    assert found(bundle, home) == ()
    assert found(run("took 0.02 s\n", later=(b"took 0.02 s\n",)), run("took 0.01 s\n")) != ()
    samples = [run(log=b"0.02 s\nfine"), run(log=b"0.03 s\nfine")]
    home = run(log=b"0.01 s\nfine")
    assert compare(samples, [home, home], VIRTUAL) == Differences(varying=("log",))
    assert compare(samples, [run(log=b"0.01 s\nbad")] * 2, VIRTUAL).found


def test_a_status_that_changes_at_home_is_not_compared() -> None:
    assert compare([run(status=1)], [run(status=0), run(status=2)], VIRTUAL) == Differences(
        varying=("the exit status",)
    )


def test_a_file_of_a_new_name_each_time_is_not_compared() -> None:
    home, again = files({"/tmp/t.Ab": b"", "/tmp/x": b"1"}), files({"/tmp/t.Cd": b"", "/tmp/x": b"1"})
    told = compare([files({"/tmp/t.Ef": b"", "/tmp/x": b"1"})], [home, again], VIRTUAL)
    assert told == Differences(varying=("/tmp/t.Ab", "/tmp/t.Ef"))
    told = compare([files({"/tmp/t.Ef": b"", "/tmp/sub/new": b""})], [home, again], VIRTUAL)
    assert told.found == ("/tmp/sub/new is made from the bundle only",)


def test_a_file_that_changes_as_a_whole_is_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READ_MAX", 4)
    assert compare([run(a=b"11111")], [run(a=b"22222"), run(a=b"33333")], VIRTUAL).varying == ("a",)
    assert found(run(a=b"11111"), run(a=b"222222")) == ("a differs: 6 bytes at home, 5 from the bundle",)


def test_paths_of_the_bundle_and_variables_of_the_sandbox_are_no_difference() -> None:
    assert found(run(f"in {ROOT}/usr/share/x\n"), run("in /usr/share/x\n")) == ()
    assert found(run("PATH=/opt/bin\nA=1\n"), run("PATH=/usr/bin\nA=1\n")) == ()
    assert found(run("XPATH=/opt/bin\n"), run("XPATH=/usr/bin\n")) != ()
    assert found(run(f"no {ROOT}/usr/share/x\n"), run("fine\n")) != ()


def test_a_binary_with_paths_of_the_bundle_is_named() -> None:
    placed = run(hello=b"\x7fELF\x00" + ROOT.encode())
    assert compare([placed], [run(hello=b"\x7fELF\x00")], VIRTUAL) == Differences(placed=("hello",))
    assert found(run(hello=b"\x7fELF\x00x"), run(hello=b"\x7fELF\x00")) != ()


def test_of_what_is_encrypted_nothing_is_compared() -> None:
    home, again = run(enc=bytes([0, 200, 7, 32, 9, 10, 1, 2])), run(enc=bytes([0, 200, 7, 32, 8, 10, 3, 2]))
    told = compare([run(enc=bytes([1, 201, 32, 32, 8]))], [home, again], VIRTUAL)
    assert told == Differences(varying=("enc",))
    noise = bytes(range(256)) * 8
    home, again = run(enc=noise), run(enc=noise[::-1])
    assert compare([run(enc=noise[5:] + b"x")], [home, again], VIRTUAL) == Differences(varying=("enc",))
    told = compare([run(enc=noise[:900])], [home, again], VIRTUAL)
    assert told.found == ("enc differs: 2,048 bytes at home, 900 from the bundle",)
    page = b"%PDF \xff\n/Date (1)\n" + b"\x00glyphs of the font" * 9
    told = compare([run(pdf=page[:-4])], [run(pdf=page), run(pdf=page.replace(b"(1)", b"(2)"))], VIRTUAL)
    assert told.found == ("pdf differs: 188 bytes at home, 184 from the bundle",)
