"""What does not fit into the runtime is refused before a bundle is made."""

from __future__ import annotations

import pytest

from lambundle.errors import EXIT_NO, RuntimeLimitError
from lambundle.pack import fits, plan
from lambundle.pack.fits import check_config
from lambundle.pack.launcher import Loader, config
from lambundle.runtime import limits

LOADER = Loader("/lib64/ld.so", "glibc", old=False, directories=("/usr/lib",))


def made(
    environment: dict[str, str] | None = None,
    private: dict[str, tuple[str, ...]] | None = None,
    loader: Loader = LOADER,
) -> str:
    """Return a configuration."""
    return config(loader, environment or {}, serves_tmp=False, private=private or {})


def test_configuration_may_have_every_byte_that_the_runtime_reads() -> None:
    room = limits.CONFIG_MAX - 1 - len(made({"A": ""}))
    check_config(made({"A": "x" * room}), "test")
    with pytest.raises(RuntimeLimitError) as caught:
        check_config(made({"A": "x" * (room + 1)}), "test")
    error = caught.value
    assert (error.code, error.exit_code) == ("runtime-limit", EXIT_NO)
    assert f"{limits.CONFIG_MAX:,} bytes, but the runtime reads {limits.CONFIG_MAX - 1:,}" in error.message
    assert error.context[-1].split() == [f"{room + 16:,}", "bytes", "in", "1", "lines:", "environment"]
    assert error.hint == "pack fewer programs into one bundle"


def test_configuration_is_counted_in_bytes() -> None:
    with pytest.raises(RuntimeLimitError):
        check_config(made({"A": "ä" * (limits.CONFIG_MAX // 2)}), "test")


def test_many_variables_fit() -> None:
    check_config(made({f"VARIABLE_{number}": "@/usr/share/data" for number in range(1000)}), "test")


@pytest.mark.parametrize("bundle", ["b", "b" * 200])
@pytest.mark.parametrize("is_private", [False, True])
def test_search_order_may_fill_what_the_command_line_has_for_it(bundle: str, *, is_private: bool) -> None:
    root = f"/var/task/lambundle/{bundle}"
    room = limits.LIBRARY_PATH_MAX - len(f"{root}/runtime") - 1
    directory = "/" + "d" * 99
    each = len(f"{root}/root{directory}:")
    last = "/" + "d" * (room % each - len(f"{root}/root/:"))
    for end, fits_ in ((last, True), (last + "d", False)):
        directories = (*[directory] * (room // each), end)
        loader = LOADER if is_private else Loader("/lib64/ld.so", "glibc", old=False, directories=directories)
        text = made(private={"/usr/bin/p": directories} if is_private else None, loader=loader)
        if fits_:
            check_config(text, bundle)
            continue
        with pytest.raises(
            RuntimeLimitError, match=r"for /usr/bin/p have" if is_private else "every program"
        ) as caught:
            check_config(text, bundle)
        assert caught.value.context == (*directories[:3], f"and {len(directories) - 3} more")


@pytest.mark.parametrize(
    ("environment", "private"),
    [({"A": "x\nold-loader"}, {}), ({}, {"/a\nb": ("/usr/lib",)}), ({}, {"/a": ("/usr/lib\n",)})],
)
def test_line_break_cannot_be_said(environment: dict[str, str], private: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(RuntimeLimitError, match="cannot hold a line break"):
        made(environment, private)


def test_longest_mount_point_of_lambda() -> None:
    assert max(("/opt", "/var/task"), key=len) == fits.LONGEST_MOUNT


def test_plan_raises_before_anything_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CONFIG_MAX", 64)
    with pytest.raises(RuntimeLimitError):
        plan.make_plan(plan.Request(("/bin/sh",), ("/usr/bin",)))
