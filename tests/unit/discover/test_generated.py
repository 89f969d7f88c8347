"""Settings that no package owns, because a maintainer script made them."""

from __future__ import annotations

from tests.unit.discover.installed import Installed
from tests.unit.discover.test_selection import wanted


def updater() -> Installed:
    """Make a machine as ClamAV's updater is installed: its settings are made from debconf's answers."""
    return (
        Installed()
        .install("updater", "/usr/bin/updater", "/etc/clam/hooks/x", needs="clam-base", source="clam")
        .install("clam-base", "/etc/clam/base.conf", source="clam")
        .says("/usr/bin/updater", b"\x7fELF\0/etc/clam/updater.conf\0/etc/general\0/etc/clam/secret.conf\0")
        .says("/etc/clam/updater.conf", "made")
        .says("/etc/general", "made")
    )


def test_a_setting_in_a_directory_of_the_program_that_it_names_is_wanted() -> None:
    assert "/etc/clam/updater.conf" in wanted(updater(), "/usr/bin/updater")


def test_a_setting_that_it_does_not_name_or_that_lies_elsewhere_is_not() -> None:
    machine = updater().says("/etc/clam/other.conf", "made")
    assert not {"/etc/clam/other.conf", "/etc/general"} & wanted(machine, "/usr/bin/updater")


def test_a_setting_that_not_everybody_may_read_is_not() -> None:
    machine = updater().says("/etc/clam/secret.conf", "password")
    machine.modes["/etc/clam/secret.conf"] = 0o640
    assert "/etc/clam/secret.conf" not in wanted(machine, "/usr/bin/updater")


def test_a_directory_of_other_programs_too_is_left_alone() -> None:
    machine = updater().install("other", "/etc/clam/third.conf")
    assert "/etc/clam/updater.conf" not in wanted(machine, "/usr/bin/updater")


def test_a_setting_that_ucf_keeps_for_the_package_is_wanted() -> None:
    machine = updater().says("/etc/general", "made").says("/etc/foreign", "made")
    machine.says("/var/lib/ucf/registry", "updater \t /etc/general\nstranger \t /etc/foreign\nbroken\n")
    found = wanted(machine, "/usr/bin/updater")
    assert "/etc/general" in found
    assert "/etc/foreign" not in found
