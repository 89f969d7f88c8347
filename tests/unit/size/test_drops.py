"""What is offered for dropping, and how honest the offer is."""

from __future__ import annotations

from lambundle.bundle.model import Manifest, Reason
from lambundle.size.drops import Drop, drops, enough, what_stops
from lambundle.size.graph import ReasonGraph
from tests.unit.size.made import LIB, MIB, asked, file, link, manifest, needed, player


def offers_of(made: Manifest) -> dict[str, Drop]:
    graph = ReasonGraph([made], {entry.path: entry.size for entry in made.entries})
    return {" ".join(drop.exclude): drop for drop in drops(graph)}


def test_data_and_other_programs_stop_nothing_that_was_asked_for() -> None:
    offers = offers_of(player())
    assert (offers["probe"].saves, offers["probe"].stops, offers["probe"].loses) == (10 * MIB, (), ("probe",))
    assert (offers["/usr/share/fonts"].saves, offers["/usr/share/fonts"].loses) == (6 * MIB, ())
    assert offers[f"{LIB}/icons"].saves == 10 * MIB


def test_a_library_that_the_program_is_linked_with_says_that_it_stops_it() -> None:
    offer = offers_of(player())["libdata.so.2"]
    assert (offer.saves, offer.stops, offer.loses) == (60 * MIB, ("play",), ("probe",))


def test_it_is_said_what_stops() -> None:
    offers = offers_of(player())
    assert what_stops(offers["probe"]) == "probe, for play"
    assert what_stops(offers["/usr/share/fonts"]) == "what play does with it"
    assert what_stops(offers["libdata.so.2"]) == "play, probe"
    assert what_stops(offers["manual.html"]) == "what reads it"


def test_the_program_and_what_it_is_directly_linked_with_are_not_offered() -> None:
    names = " ".join(offers_of(player()))
    assert not [name for name in ("play", "libcodec", "libc.so", "ld-linux") if name in names]


def test_harmless_offers_come_first_and_the_largest_of_them_first() -> None:
    made = player()
    found = drops(ReasonGraph([made], {entry.path: entry.size for entry in made.entries}))
    assert [bool(drop.stops) for drop in found] == sorted(bool(drop.stops) for drop in found)
    harmless = [drop.saves for drop in found if not drop.stops]
    assert harmless == sorted(harmless, reverse=True)


def test_nothing_is_offered_that_goes_with_another_offer() -> None:
    offers = offers_of(player())
    assert "libprobe.so.1" not in offers  # with probe
    assert "libtext.so.2" not in offers  # libdata is most of it


def test_what_every_bundle_has_is_not_offered() -> None:
    made = manifest(
        [
            file("/usr/bin/p", MIB, *asked("p")),
            file("/usr/bin/dash", MIB, Reason("shell")),
            file("/usr/lib/locale/C.utf8/LC_CTYPE", MIB, Reason("libc", None, "locale")),
        ],
        {"p": "/usr/bin/p"},
    )
    assert offers_of(made) == {}


def test_a_name_that_means_more_than_one_file_gives_the_whole_path() -> None:
    made = manifest(
        [
            file("/usr/bin/p", MIB, *asked("p")),
            file("/opt/a/data", 2 * MIB, Reason("add", None, "a")),
            file("/opt/b/data", 3 * MIB, Reason("add", None, "b")),
            file("/opt/c/[x]*", 4 * MIB, Reason("add", None, "c")),
        ],
        {"p": "/usr/bin/p"},
    )
    assert list(offers_of(made)) == ["[[]x][*]", "/opt/b/data", "/opt/a/data"]


def test_a_file_name_that_is_another_librarys_soname_gives_the_whole_path() -> None:
    made = manifest(
        [
            file("/usr/bin/p", MIB, *asked("p")),
            file("/opt/liba.so.1", 2 * MIB, Reason("add", None, "a")),
            file("/usr/lib/liba-2.so", 2 * MIB, *needed("/opt/plugin.so", name="liba.so.1")),
            file("/opt/plugin.so", 2 * MIB, Reason("add", None, "plugin")),
        ],
        {"p": "/usr/bin/p"},
    )
    assert "/opt/liba.so.1" in offers_of(made)


def test_both_names_of_a_hard_link_have_to_go() -> None:
    made = manifest(
        [
            file("/usr/bin/p", MIB, *asked("p")),
            file("/usr/bin/q", 2 * MIB, Reason("add", None, "q"), Reason("link", "/usr/bin/q5")),
            link("/usr/bin/q5", "q", Reason("add", None, "q")),
        ],
        {"p": "/usr/bin/p"},
    )
    offer = offers_of(made)["q q5"]
    assert offer.saves == 2 * MIB + 1


def test_behind_a_script_stands_the_program_of_the_same_name() -> None:
    made = manifest(
        [
            file("/usr/bin/R", 100, *asked("R")),
            file("/bin/sh", MIB, Reason("interpreter", "/usr/bin/R")),
            file("/lib/ld.so", MIB, Reason("interpreter", "/bin/sh"), Reason("interpreter", "/usr/lib/R/bin/exec/R")),
            file("/usr/lib/R/bin/exec/R", MIB, Reason("package", "/usr/bin/R", "r-base")),
            file("/usr/lib/R/lib/libR.so", 2 * MIB, *needed("/usr/lib/R/bin/exec/R")),
            file("/usr/lib/libblas.so", 3 * MIB, *needed("/usr/lib/R/lib/libR.so")),
        ],
        {"R": "/usr/bin/R"},
    )
    offers = offers_of(made)
    assert [(name, offer.stops) for name, offer in offers.items()] == [("libblas.so", ("R",))]


def test_a_directory_is_offered_only_where_what_goes_with_it_is_known() -> None:
    made = manifest(
        [
            file("/usr/bin/p", 100 * MIB, *asked("p")),
            file("/etc/certs/one", MIB, Reason("add", None, "certs")),
            file("/etc/certs/two", MIB, Reason("add", None, "certs")),
            link("/etc/certs/three", "../../usr/share/three", Reason("add", None, "certs")),
            file("/usr/share/three", MIB, Reason("add", None, "certs")),
        ],
        {"p": "/usr/bin/p"},
    )
    assert "/etc/certs" not in offers_of(made)


def test_as_few_harmless_drops_as_do_are_proposed() -> None:
    made = player()
    graph = ReasonGraph([made], {entry.path: entry.size for entry in made.entries})
    found = drops(graph)
    chosen, saved = enough(graph, found, 12 * MIB)
    assert (len(chosen), saved >= 12 * MIB) == (2, True)
    assert not any(drop.stops for drop in chosen)
    every, most = enough(graph, found, 1000 * MIB)
    assert most < 1000 * MIB
    assert len(every) == sum(not drop.stops for drop in found)
