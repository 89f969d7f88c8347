"""In which order commands are searched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambundle.machine import Machine, MemoryFiles, here

if TYPE_CHECKING:
    import pytest


def test_the_environment_of_lambundle_itself_comes_last() -> None:
    machine = Machine(MemoryFiles(), {"PATH": "/venv/bin:/usr/bin::/bin"}, "/here", own="/venv/bin")
    assert machine.search == ("/usr/bin", "/here", "/bin", "/venv/bin")


def test_without_an_environment_of_its_own_the_order_is_that_of_path() -> None:
    assert Machine(MemoryFiles(), {"PATH": "/venv/bin:/usr/bin"}).search == ("/venv/bin", "/usr/bin")


def test_a_user_without_an_entry_in_passwd_has_the_home_of_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(uid: int) -> object:
        raise KeyError(uid)

    monkeypatch.setattr("pwd.getpwuid", missing)
    monkeypatch.setenv("HOME", "/home/u")
    assert here().home_directories == ("/home/u",)
