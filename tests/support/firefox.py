"""Firefox by WebDriver BiDi, which it speaks itself: a page opened as people open it, and what it complained of."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import signal
import subprocess
from contextlib import ExitStack, suppress
from itertools import count
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

LISTENS = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
PREFERENCES = """
user_pref("webgl.force-enabled", true);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("toolkit.telemetry.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.startup.page", 0);
"""
TIMEOUT = 180.0  # seconds; without a GPU, on a busy machine, a scene takes its time


class Firefox:
    """A running Firefox with one page."""

    def __init__(self, program: str, profile: Path) -> None:
        (profile / "user.js").write_text(PREFERENCES, encoding="utf-8")
        # WebGL needs a screen, which may be one that nobody sees. Its key lies in the profile: killed, ``xvfb-run``
        # leaves the folder behind that it makes for a key of its own.
        runner = shutil.which("xvfb-run")
        screen = [runner, "--auto-servernum", "--auth-file", str(profile / "Xauthority")] if runner else []
        command = [*screen, program, *([] if screen else ["--headless"]), "--no-remote", "--profile", str(profile)]
        self._process = subprocess.Popen(
            [*command, "--remote-debugging-port", "0"],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            start_new_session=True,  # the screen, the browser and its children end together
        )
        self._open = ExitStack()
        self._open.callback(self._end)
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self._numbers = count(1)
        try:
            self._connect()
        except BaseException:
            self.close()
            raise

    def _connect(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if found := LISTENS.search(line):
                break
        else:
            raise RuntimeError("Firefox ended before it listened")
        self._socket = self._open.enter_context(connect(f"{found[1]}/session", max_size=None, open_timeout=TIMEOUT))
        self._send("session.new", capabilities={})
        self._send("session.subscribe", events=["log.entryAdded", "network.beforeRequestSent"])
        self._page = self._send("browsingContext.getTree")["contexts"][0]["context"]

    def open(self, file: Path, width: int, height: int) -> None:
        """Open a page that has ``data-ready`` once it has drawn."""
        self._send("browsingContext.setViewport", context=self._page, viewport={"width": width, "height": height})
        self._send("browsingContext.navigate", context=self._page, url=file.as_uri(), wait="complete")
        ready = "new Promise((done) => { const look = () => document.documentElement.dataset.ready ? done(true) : "
        assert self.evaluate(ready + "setTimeout(look, 50); look(); })")

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression that JSON can say; a promise is waited for."""
        answer = self._send(
            "script.evaluate",
            expression=f"(async () => JSON.stringify(await ({expression})))()",
            target={"context": self._page},
            awaitPromise=True,
        )
        if answer["type"] != "success":
            raise RuntimeError(answer["exceptionDetails"]["text"])
        value = answer["result"].get("value")
        return None if value is None else json.loads(value)

    def screenshot(self) -> bytes:
        """Return what is seen, as PNG."""
        return base64.b64decode(self._send("browsingContext.captureScreenshot", context=self._page)["data"])

    def close(self) -> None:
        """End the browser."""
        self._open.close()

    def _end(self) -> None:
        os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(20)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _send(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv(timeout=TIMEOUT))
            if answer.get("method") == "log.entryAdded" and answer["params"]["level"] == "error":
                self.complaints.append(answer["params"]["text"])
            elif answer.get("method") == "network.beforeRequestSent":
                self.requests.append(answer["params"]["request"]["url"])
            elif answer.get("id") == number:
                if answer["type"] == "error":
                    raise RuntimeError(f"{method}: {answer['message']}")
                result: dict[str, Any] = answer["result"]
                return result
