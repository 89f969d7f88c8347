"""Libraries that a text preloads."""

from __future__ import annotations

import pytest

from lambundle.discover.preloads import preloaded_libraries

JEMALLOC = "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"export LD_PRELOAD={JEMALLOC}\nexec prog", [JEMALLOC]),
        (f'LD_PRELOAD="{JEMALLOC}:$LD_PRELOAD" prog', [JEMALLOC]),
        (f"LD_PRELOAD={JEMALLOC}:/opt/a b/libx.so prog", [JEMALLOC]),
        (f"lib={JEMALLOC}\nLD_PRELOAD=$lib prog", [JEMALLOC]),
        (f'os.environ["LD_PRELOAD"] = "{JEMALLOC}"', [JEMALLOC]),
        (f"env={{'LD_PRELOAD': '{JEMALLOC}'}}", [JEMALLOC]),
        (f"LD_PRELOAD\0{JEMALLOC}\0", [JEMALLOC]),
        ("LD_PRELOAD=/usr/$LIB/faketime/libfaketime.so.1 date", ["/usr/$LIB/faketime/libfaketime.so.1"]),
        ("LD_PRELOAD=/usr/${LIB}/libx.so date", ["/usr/${LIB}/libx.so"]),
        ("LD_PRELOAD=libeatmydata.so prog", ["libeatmydata.so"]),
        ('setenv("LD_PRELOAD", "libeatmydata.so.1.2")', ["libeatmydata.so.1.2"]),
        ("LD_AUDIT=/opt/libaudit.so prog", ["/opt/libaudit.so"]),
        ("LD_PRELOAD=/usr/lib/lib.software/data prog", []),
        ("LD_PRELOAD=/usr/lib/x.soap prog", []),
        (f"ctypes.CDLL('{JEMALLOC}')", []),
        ("LD_LIBRARY_PATH=/usr/lib prog libz.so", []),
    ],
)
def test_paths_and_names_beside_the_variable(text: str, expected: list[str]) -> None:
    assert list(preloaded_libraries(text.encode())) == expected
