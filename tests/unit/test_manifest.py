"""manifest.json: what goes in comes out, and nothing else is taken for a manifest."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambundle.bundle.manifest import decode_manifest, encode_manifest
from lambundle.bundle.model import Kind, Manifest, PackedOn, PackOptions, Program, Reason, Smoke
from lambundle.errors import BadBundleError
from tests.unit.plans import PACKED_ON, file, folder, link, manifest, plans

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT = st.text(max_size=20)
SMOKES = st.none() | st.builds(Smoke, TEXT, TEXT)
ENVIRONMENTS = st.dictionaries(TEXT, TEXT, max_size=3)
WORDS = st.lists(TEXT, max_size=2).map(tuple)
OPTIONS = st.builds(PackOptions, *[WORDS] * 6, st.booleans())
REASONS = st.lists(st.builds(Reason, TEXT, st.none() | TEXT, TEXT), max_size=3).map(tuple)


def written(plan: Manifest) -> Manifest:
    """Return ``plan`` as a manifest tells of it: no sources, a digest for every file."""
    entries = tuple(
        dataclasses.replace(
            entry,
            mode=entry.mode & 0o777,
            content=None,
            source=None,
            sha256="0" * 64 if entry.kind is Kind.FILE else None,
        )
        for entry in plan.entries
    )
    return dataclasses.replace(plan, entries=entries)


@given(
    plan=plans(), reasons=REASONS, distribution=TEXT, real=TEXT, smoke=SMOKES, environment=ENVIRONMENTS, options=OPTIONS
)
@settings(max_examples=100, deadline=None)
def test_what_is_decoded_is_what_was_encoded(
    plan: Manifest,
    reasons: tuple[Reason, ...],
    distribution: str,
    real: str,
    smoke: Smoke | None,
    environment: dict[str, str],
    options: PackOptions,
) -> None:
    plan = written(plan)
    plan = dataclasses.replace(
        plan,
        programs=(
            Program("bin/x", "/bin/x", real, static=True, recipe="r" if smoke else "", smoke=smoke),
            *plan.programs,
        ),
        environment=environment,
        options=options,
        packed_on=PackedOn(distribution, "musl", "aarch64"),
        entries=tuple(dataclasses.replace(entry, reasons=reasons) for entry in plan.entries),
    )
    data = encode_manifest(plan)
    assert decode_manifest(data) == plan
    assert encode_manifest(decode_manifest(data)) == data
    json.loads(data)


def test_one_program_and_one_entry_a_line() -> None:
    plan = written(manifest(file("a b"), file("ü"), link("l", "a b"), folder("d", 0o700)))
    assert encode_manifest(plan).decode().splitlines() == [
        '{"version":1,"name":"test",',
        '"programs":[',
        '{"launcher":"bin/test","path":"/usr/bin/test","real":"/usr/bin/test"}],',
        f'"packed_on":{{"distribution":"{PACKED_ON.distribution}","libc":"glibc 2.36","machine":"x86_64"}},',
        '"entries":[',
        '{"path":"a b","kind":"file","mode":"0644","size":7,"sha256":"' + "0" * 64 + '",'
        '"reasons":[{"kind":"add","detail":"test"}]},',
        '{"path":"d","kind":"directory","mode":"0700","reasons":[{"kind":"add","detail":"test"}]},',
        '{"path":"l","kind":"link","mode":"0777","target":"a b","reasons":[{"kind":"add","detail":"test"}]},',
        '{"path":"ü","kind":"file","mode":"0644","size":7,"sha256":"' + "0" * 64 + '",'
        '"reasons":[{"kind":"add","detail":"test"}]}]}',
    ]


def test_an_empty_plan_is_a_manifest() -> None:
    plan = Manifest("x", (), PACKED_ON, ())
    assert decode_manifest(encode_manifest(plan)) == plan


def test_paths_of_the_host_need_not_be_utf8() -> None:
    reason = Reason("needed", "/opt/\udcff", "\udcfe")
    plan = written(manifest(dataclasses.replace(file("x"), reasons=(reason,))))
    assert decode_manifest(encode_manifest(plan)).entries[0].reasons == (reason,)


def test_keys_of_a_later_version_are_passed_over() -> None:
    plan = written(manifest(file("x")))
    document = json.loads(encode_manifest(plan))
    document["later"] = document["entries"][0]["later"] = {"a": 1}
    assert decode_manifest(json.dumps(document).encode()) == plan


def _set(*keys: Any, to: Any) -> Callable[[Any], None]:
    def change(document: Any) -> None:
        for key in keys[:-1]:
            document = document[key]
        document[keys[-1]] = to

    return change


def _drop(*keys: Any) -> Callable[[Any], None]:
    def change(document: Any) -> None:
        for key in keys[:-1]:
            document = document[key]
        del document[keys[-1]]

    return change


@pytest.mark.parametrize(
    "change",
    [
        _set("version", to=2),
        _set("version", to=True),
        _set("version", to="1"),
        _drop("version"),
        _drop("name"),
        _set("name", to=".."),
        _set("name", to="a/../../b"),
        _drop("programs"),
        _set("programs", to={}),
        _set("programs", to=["x"]),
        _set("programs", 0, "launcher", to="/bin/x"),
        _set("programs", 0, "static", to=1),
        _set("programs", 0, "path", to=None),
        _set("programs", 0, "recipe", to=1),
        _set("programs", 0, "smoke", to="script"),
        _set("programs", 0, "smoke", to={"does": "x"}),
        _set("programs", 0, "smoke", to={"does": 1, "script": "x"}),
        _set("environment", to=[]),
        _set("environment", to={"A": 1}),
        _drop("packed_on", "libc"),
        _set("packed_on", to=None),
        _set("entries", to=None),
        _set("entries", 0, to=None),
        _set("entries", 0, "path", to="../x"),
        _set("entries", 0, "path", to="/x"),
        _set("entries", 0, "path", to="x"),  # the file that follows
        _set("entries", 0, "path", to="lambundle/test/manifest.json"),
        _set("entries", 0, "kind", to="pipe"),
        _set("entries", 0, "kind", to=["file"]),
        _set("entries", 0, "mode", to="4755"),
        _set("entries", 0, "mode", to="\N{ARABIC-INDIC DIGIT ZERO}755"),
        _set("entries", 0, "mode", to=493),
        _set("entries", 0, "reasons", to=None),
        _set("entries", 0, "reasons", to=[{}]),
        _set("entries", 0, "reasons", 0, "by", to=None),
        _set("entries", 1, "target", to="../../x"),
        _set("entries", 1, "target", to="/x"),
        _set("entries", 1, "target", to="\udcff"),
        _drop("entries", 1, "target"),
        _set("entries", 2, "size", to=-1),
        _set("entries", 2, "size", to=1 << 60),
        _set("entries", 2, "size", to=True),
        _set("entries", 2, "size", to=1.0),
        _set("entries", 2, "sha256", to="0" * 63),
        _set("entries", 2, "sha256", to="A" * 64),
        _drop("entries", 2, "sha256"),
    ],
)
def test_what_is_not_exactly_a_manifest_is_refused(change: Callable[[Any], None]) -> None:
    document = json.loads(encode_manifest(written(manifest(folder("d"), link("l", "x"), file("x")))))
    change(document)
    with pytest.raises(BadBundleError) as caught:
        decode_manifest(json.dumps(document).encode())
    assert caught.value.hint
    assert caught.value.context


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b"\xff",
        b"[" * 100_000,
        b'{"version":' + b"9" * 10_000 + b"}",
        b'{"version":NaN}',
        b'{"version":1,"version":1}',
        b"\xef\xbb\xbf{}",
    ],
)
def test_what_is_not_json_is_refused(data: bytes) -> None:
    with pytest.raises(BadBundleError):
        decode_manifest(data)


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_damage_gives_a_manifest_or_an_error_of_ours(data: st.DataObject) -> None:
    sound = bytearray(encode_manifest(written(manifest(folder("d"), link("l", "x"), file("x")))))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(sound) - 1))
        sound[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    try:
        decode_manifest(bytes(sound))
    except BadBundleError as error:
        assert error.context
