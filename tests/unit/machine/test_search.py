"""In which order commands are searched."""

from __future__ import annotations

from lambundle.machine import Machine, MemoryFiles


def test_the_environment_of_lambundle_itself_comes_last() -> None:
    machine = Machine(MemoryFiles(), {"PATH": "/venv/bin:/usr/bin::/bin"}, "/here", own="/venv/bin")
    assert machine.search == ("/usr/bin", "/here", "/bin", "/venv/bin")


def test_without_an_environment_of_its_own_the_order_is_that_of_path() -> None:
    assert Machine(MemoryFiles(), {"PATH": "/venv/bin:/usr/bin"}).search == ("/venv/bin", "/usr/bin")
