"""What does not fit into the runtime is refused before a bundle is made."""

from __future__ import annotations

import pytest

from lambundle.errors import EXIT_NO, RuntimeLimitError
from lambundle.machine import here
from lambundle.pack.config import Config
from lambundle.pack.fits import check_fits
from lambundle.pack.plan import make_plan
from lambundle.pack.request import Request
from lambundle.runtime import limits


def test_configuration_may_have_every_byte_that_the_runtime_reads() -> None:
    room = limits.CONFIG_MAX - 1 - len(Config(environment={"A": ""}).text())
    check_fits(Config(environment={"A": "x" * room}), "test")
    with pytest.raises(RuntimeLimitError) as caught:
        check_fits(Config(environment={"A": "x" * (room + 1)}), "test")
    error = caught.value
    assert (error.code, error.exit_code) == ("runtime-limit", EXIT_NO)
    assert f"{limits.CONFIG_MAX:,} bytes, but the runtime reads {limits.CONFIG_MAX - 1:,}" in error.message
    assert error.context[0] == "variables: 1"
    assert error.hint == "pack fewer programs into one bundle"


def test_configuration_is_counted_in_bytes() -> None:
    with pytest.raises(RuntimeLimitError):
        check_fits(Config(environment={"A": "ä" * (limits.CONFIG_MAX // 2)}), "test")


def test_many_variables_fit() -> None:
    check_fits(Config(environment={f"VARIABLE_{number}": "@/usr/share/data" for number in range(1000)}), "test")


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
        config = Config(private={"/usr/bin/p": directories}) if is_private else Config(directories)
        if fits_:
            check_fits(config, bundle)
            continue
        with pytest.raises(RuntimeLimitError, match=r"of /usr/bin/p, " if is_private else "every program") as caught:
            check_fits(config, bundle)
        assert caught.value.context == (*directories[:3], f"and {len(directories) - 3} more")


def test_plan_raises_before_anything_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CONFIG_MAX", 64)
    with pytest.raises(RuntimeLimitError):
        make_plan(Request(("/bin/sh",), here()))
