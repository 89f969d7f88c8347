"""The checks ``layout`` and ``quota``: beside the host's own files and beside other layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lambundle.errors import UsageError
from lambundle.target import LAYERS_MAX, UNZIPPED
from lambundle.verify.static import static_checks
from tests.unit.verify.drafts import Draft, assert_fails, details, failures, judged
from tests.unit.zips import raw, zipped

if TYPE_CHECKING:
    from pathlib import Path


def some() -> Draft:
    return Draft().file("handler.py")


@pytest.mark.parametrize(
    "path",
    ["lib/libc.so.6", "libc.so.6", "lib/ld-linux-x86-64.so.2", "lib/libpthread.so.0", "lib/ld-musl-x86_64.so.1"],
)
def test_a_libc_or_loader_where_every_program_looks_fails(tmp_path: Path, path: str) -> None:
    result = judged(Draft().file(path), tmp_path / "x.zip")
    assert_fails(result, layout=[f"{path} lies where LD_LIBRARY_PATH", "the host's own programs, its shell"])


def test_a_libc_that_links_lead_to_fails(tmp_path: Path) -> None:
    draft = Draft().folder("usr/lib").file("usr/lib/libc-2.36.so").link("usr/lib/libc.so.6", "libc-2.36.so")
    assert failures(judged(draft, tmp_path / "x.zip")) == {}
    assert_fails(judged(draft.link("lib", "usr/lib"), tmp_path / "x.zip"), layout="lib/libc.so.6 lies where")


@pytest.mark.parametrize("path", ["lib/libcrypt.so.1", "lib/libz.so.1", "lib/libnss3.so", "x.so", "lib64/libc.so.6"])
def test_other_libraries_may_lie_there(tmp_path: Path, path: str) -> None:
    assert failures(judged(Draft().file(path), tmp_path / "x.zip")) == {}


def test_a_layer_with_a_libc_fails_but_only_below_lib(tmp_path: Path) -> None:
    """A layer is never at /var/task, so that its top is no directory of LD_LIBRARY_PATH."""
    layer = Draft().file("lib/libc.so.6").write(tmp_path / "layer.zip")
    assert_fails(judged(some(), tmp_path / "x.zip", layers=[layer]), layout="layer.zip: lib/libc.so.6 lies where")
    layer = Draft().file("libc.so.6").write(tmp_path / "layer.zip")
    assert failures(judged(some(), tmp_path / "x.zip", layers=[layer])) == {}


class TestLayers:
    """The bundle is unpacked first, then each layer over it."""

    def test_the_same_file_in_both_is_no_clash(self, tmp_path: Path) -> None:
        layer = Draft().folder("d").file("d/x").link("l", "d/x").write(tmp_path / "layer.zip")
        draft = Draft().folder("d").file("d/x").link("l", "d/x").file("d/y")
        result = judged(draft, tmp_path / "x.zip", layers=[layer])
        assert failures(result) == {}
        assert details(result)["layout"].endswith("no clash with 1 other layer")

    @pytest.mark.parametrize(
        "layer",
        [
            Draft().file("d/x", b"another"),
            Draft().file("d/x", b"longer than content"),
            Draft().file("d/x", mode=0o644),
            Draft().link("d/x", "y").file("d/y"),
            Draft().folder("d/x"),
        ],
    )
    def test_a_layer_that_replaces_a_file_fails(self, tmp_path: Path, layer: Draft) -> None:
        above = layer.write(tmp_path / "layer.zip")
        draft = Draft().file("d/x", mode=0o755)
        result = judged(draft, tmp_path / "x.zip", layers=[above])
        assert_fails(result, layout=[f"d/x is replaced by the one of {above}", "attach the layer before this one"])
        assert failures(judged(draft, tmp_path / "x.zip", layers=[above], mount="/var/task")) == {}

    @pytest.mark.parametrize("mount", ["/opt", "/var/task"])
    def test_layers_are_compared_with_one_another_in_their_order(self, tmp_path: Path, mount: str) -> None:
        lower, upper = (Draft().file("f", data).write(tmp_path / f"{data.decode()}.zip") for data in (b"a", b"b"))
        result = judged(some(), tmp_path / "x.zip", layers=[lower, upper], mount=mount)
        text = f"f is replaced by the one of {upper}, which is unpacked after {lower}"
        assert_fails(result, layout=[text, "attach the layer last whose file is wanted"])
        result = judged(some(), tmp_path / "x.zip", layers=[lower, lower], mount=mount)
        assert failures(result) == {}
        assert details(result)["layout"].endswith("no clash with 2 other layers")

    def test_without_a_mount_point_a_bootstrap_makes_it_a_function(self, tmp_path: Path) -> None:
        """What is at /var/task has no path in common with a layer."""
        layer = Draft().file("x", b"another").write(tmp_path / "layer.zip")
        function = Draft().file("x").file("bootstrap", b"#!/bin/sh\n", 0o755)
        assert failures(judged(function, tmp_path / "x.zip", mount=None, layers=[layer])) == {}
        found = failures(judged(Draft().file("x"), tmp_path / "x.zip", mount=None, layers=[layer]))
        assert set(found) == {"layout"}

    def test_the_last_of_three_is_compared_with_the_one_before_it(self, tmp_path: Path) -> None:
        layers = [Draft().file("f", data).write(tmp_path / f"{data.decode()}.zip") for data in (b"a", b"b")]
        result = judged(Draft().file("f", b"b"), tmp_path / "x.zip", layers=layers)
        found = failures(result)["layout"]
        assert f"f is replaced by the one of {layers[0]}, which is unpacked after this bundle" in found
        assert f"f is replaced by the one of {layers[1]}, which is unpacked after {layers[0]}" in found

    def test_a_layer_that_puts_a_file_over_a_directory_fails(self, tmp_path: Path) -> None:
        layer = Draft().file("d").write(tmp_path / "layer.zip")
        result = judged(Draft().file("d/x"), tmp_path / "x.zip", layers=[layer])
        assert_fails(result, layout=f"d/ is replaced by the file of {layer}, which is unpacked after this bundle")

    def test_a_layer_that_puts_a_directory_over_a_file_fails(self, tmp_path: Path) -> None:
        layer = Draft().file("d/e/x").file("d/e/y").write(tmp_path / "layer.zip")
        result = judged(Draft().file("d"), tmp_path / "x.zip", layers=[layer])
        assert_fails(result, layout=f"d is replaced by the directory of {layer}, which is unpacked after this bundle")
        assert "more" not in details(result)["layout"]

    def test_a_layer_that_is_no_zip_fails_and_an_absent_one_is_wrong_usage(self, tmp_path: Path) -> None:
        (tmp_path / "layer.zip").write_text("x")
        result = judged(some(), tmp_path / "x.zip", layers=[tmp_path / "layer.zip"])
        assert_fails(result, integrity=["layer.zip: the zip cannot be read", "fetch it again"])
        (tmp_path / "bad.zip").write_bytes(zipped(raw(b"../x")))
        result = judged(some(), tmp_path / "x.zip", layers=[tmp_path / "bad.zip"])
        assert_fails(result, names="bad.zip: '../x' contains '..'")
        with pytest.raises(UsageError):
            judged(some(), tmp_path / "x.zip", layers=[tmp_path / "none.zip"])


def filler(size: int) -> bytes:
    """A small zip that unpacks to ``size`` bytes."""
    return zipped(raw(b"filler", bytes(size), method=8))


class TestQuota:
    """Equal to the limit is over the limit: "must be smaller than 262144000 bytes"."""

    def test_one_byte_below_the_limit_passes_and_the_limit_fails(self, tmp_path: Path) -> None:
        (tmp_path / "layer.zip").write_bytes(filler(UNZIPPED.limit - 8))
        result = judged(Draft().file("x", b"1234567"), tmp_path / "x.zip", layers=[tmp_path / "layer.zip"])
        assert failures(result) == {}
        result = judged(Draft().file("x", b"12345678"), tmp_path / "x.zip", layers=[tmp_path / "layer.zip"])
        assert_fails(result, quota=["262,144,000 bytes unzipped with 1 other layer, and 262,144,000", "smaller"])

    def test_link_targets_count_and_directories_do_not(self, tmp_path: Path) -> None:
        (tmp_path / "layer.zip").write_bytes(filler(UNZIPPED.limit - 8))
        draft = Draft().folder("d").file("d/x", b"1234")
        layers = [tmp_path / "layer.zip"]
        assert failures(judged(draft.link("l", "d/x"), tmp_path / "x.zip", layers=layers)) == {}
        assert_fails(judged(draft.link("l", "./d/x"), tmp_path / "x.zip", layers=layers), quota="262,144,001")

    def test_a_large_zip_is_uploaded_through_s3(self, tmp_path: Path) -> None:
        (tmp_path / "x.zip").write_bytes(zipped(raw(b"x", bytes(52_428_800))))
        result = static_checks(tmp_path / "x.zip")
        assert failures(result) == {}
        assert "50.0 MiB zipped (over 50 MiB direct upload: upload through S3), 1 file" in details(result)["quota"]

    def test_a_function_has_five_layers_at_most(self, tmp_path: Path) -> None:
        layers = [Draft().file(f"{at}").write(tmp_path / f"{at}.zip") for at in range(LAYERS_MAX)]
        assert failures(judged(some(), tmp_path / "x.zip", layers=layers[1:])) == {}
        assert failures(judged(some(), tmp_path / "x.zip", layers=layers, mount="/var/task")) == {}
        result = judged(some(), tmp_path / "x.zip", layers=layers)
        assert_fails(result, quota=["6 layers, and a function has 5 at most", "merge layers"])

    def test_an_empty_zip_fails(self, tmp_path: Path) -> None:
        assert_fails(judged(Draft(), tmp_path / "x.zip"), quota=["it holds no file", "no empty zip"])
        assert_fails(judged(Draft().folder("d"), tmp_path / "x.zip"), quota="it holds no file")

    def test_files_are_counted(self, tmp_path: Path) -> None:
        result = judged(Draft().folder("d").file("d/x").link("l", "d"), tmp_path / "x.zip")
        assert details(result)["quota"] == "0.0 MiB of 250 MiB unzipped, 0.0 MiB zipped, 2 files"
