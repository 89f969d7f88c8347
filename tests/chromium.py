"""A real headless Chromium, told what to do over a pipe (DevTools protocol, ``--remote-debugging-pipe``)."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bareroot import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECONDS = 60
"""How long one answer may take: the machine may be busy."""
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OPTIONS = (
    "--headless",
    "--no-sandbox",  # it starts as root in a container, and is shown nothing but our own page
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-extensions",
    "--disable-background-networking",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)


class ChromiumError(Exception):
    """Chromium did not do what it was told, or a script in the page failed."""


class Page:
    """A tab. ``requests`` are the addresses that it asked for, ``errors`` what its scripts complained of."""

    def __init__(self, browser: _Pipe) -> None:
        self._browser = browser
        target = browser.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        self._session = browser.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        self.requests: list[str] = []
        self.errors: list[str] = []
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, parameters: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call a method of the protocol and return its result."""
        answer = self._browser.call(method, parameters or {}, self._session)
        self._note()
        return answer

    def open(self, path: Path, *, width: int = 1280, height: int = 900, dark: bool = False, scale: float = 1) -> None:
        """Show a file in a window of this size, and wait until it is loaded."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", {"features": [scheme]})
        self.size(width, height, scale)
        self._browser.events.clear()
        self.call("Page.navigate", {"url": path.resolve().as_uri()})
        self._browser.until(lambda event: event["method"] == "Page.loadEventFired")
        self._note()

    def size(self, width: int, height: int, scale: float = 1) -> None:
        """Give the window another size."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", metrics)

    def run(self, script: str) -> Any:
        """Evaluate a script in the page; a promise is waited for."""
        asked = {"expression": script, "returnByValue": True, "awaitPromise": True}
        answer = self.call("Runtime.evaluate", asked)
        if "exceptionDetails" in answer:
            raise ChromiumError(json.dumps(answer["exceptionDetails"])[:500])
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        """Press and release a key, as a person does."""
        code, text = _KEYS.get(key, (0, ""))
        common = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", {"type": "keyDown", **common, **({"text": text} if text else {})})
        self.call("Input.dispatchKeyEvent", {"type": "keyUp", **common})

    def picture(self, selector: str | None = None) -> bytes:
        """Take a PNG of what is in the window, or of the box around an element."""
        asked: dict[str, Any] = {"format": "png"}
        if selector is not None:
            box = self.run(
                f"(() => {{ const box = document.querySelector({json.dumps(selector)})"
                ".getBoundingClientRect(); return [box.x, box.y, box.width, box.height]; })()"
            )
            asked |= {"clip": dict(zip(("x", "y", "width", "height"), box, strict=True)) | {"scale": 1}}
        return base64.b64decode(self.call("Page.captureScreenshot", asked)["data"])

    def _note(self) -> None:
        for event in self._browser.events:
            if event["method"] == "Network.requestWillBeSent":
                self.requests.append(event["params"]["request"]["url"])
            elif event["method"] in {"Runtime.exceptionThrown", "Log.entryAdded"}:
                self.errors.append(json.dumps(event["params"])[:500])
        self._browser.events.clear()


_KEYS = {
    "Enter": (13, "\r"),
    "Escape": (27, ""),
    "Tab": (9, ""),
    "Home": (36, ""),
    "End": (35, ""),
    "ArrowLeft": (37, ""),
    "ArrowUp": (38, ""),
    "ArrowRight": (39, ""),
    "ArrowDown": (40, ""),
}


@contextmanager
def chromium() -> Iterator[Page]:
    """Start Chromium; UnavailableError where it is not installed."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        raise UnavailableError("chromium is not installed: apt-get install chromium")
    with tempfile.TemporaryDirectory(prefix="lambundle-chromium-", ignore_cleanup_errors=True) as profile:
        child, browser = _start(program, profile)
        try:
            yield Page(browser)
            browser.call("Browser.close", {})
            os.waitpid(child, 0)
        except BaseException:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise
        finally:
            browser.close()


def _start(program: str, profile: str) -> tuple[int, _Pipe]:
    """Start Chromium, which reads at descriptor 3 and writes at 4."""
    to_read, to_browser = os.pipe()
    from_browser, to_write = os.pipe()
    # Out of the way of 3 and 4 themselves.
    reads, writes = (fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, 10) for each in (to_read, to_write))
    with Path(os.devnull).open("r+b") as nothing:
        actions = [
            *((os.POSIX_SPAWN_DUP2, nothing.fileno(), number) for number in (0, 1, 2)),
            (os.POSIX_SPAWN_DUP2, reads, 3),
            (os.POSIX_SPAWN_DUP2, writes, 4),
        ]
        command = [program, *OPTIONS, f"--user-data-dir={profile}", "about:blank"]
        child = os.posix_spawn(program, command, os.environ, file_actions=actions)
    for each in (to_read, to_write, reads, writes):
        os.close(each)
    return child, _Pipe(from_browser, to_browser)


class _Pipe:
    """Messages of JSON that end with a zero byte, both ways."""

    def __init__(self, read: int, write: int) -> None:
        self._read, self._write = read, write
        self._number = 0
        self._rest = b""
        self.events: list[dict[str, Any]] = []

    def close(self) -> None:
        os.close(self._read)
        os.close(self._write)

    def call(self, method: str, parameters: dict[str, Any], session: str | None = None) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._write, data) :]
        while True:
            answer = self._message()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise ChromiumError(f"{method}: {answer['error']}")
                return dict(answer["result"])
            if "method" in answer:
                self.events.append(answer)

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> None:
        while not any(map(wanted, self.events)):
            self.events.append(self._message())

    def _message(self) -> dict[str, Any]:
        end = time.monotonic() + SECONDS
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._read], [], [], max(0, end - time.monotonic()))
            block = os.read(self._read, 1 << 16) if ready else b""
            if not block:
                raise ChromiumError("Chromium is gone" if ready else f"no answer in {SECONDS} seconds")
            self._rest += block
        message, _, self._rest = self._rest.partition(b"\0")
        return dict(json.loads(message))
