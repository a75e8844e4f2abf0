"""Headless Chromium over its debugging pipe, with the standard library only."""
import base64
import json
import os
import pathlib
import select
import shutil
import struct
import subprocess
import tempfile
import time
import zlib

import numpy as np

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def program():
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


class Page:
    """One page. Messages of its console, failed loads and uncaught exceptions are kept in .errors."""

    def __init__(self, path, width=1100, height=900, dark=False):
        self.profile = tempfile.mkdtemp(prefix="page-")
        to_child, self.out = os.pipe()
        self.inp, from_child = os.pipe()

        def pipes():  # the browser reads from descriptor 3 and writes to 4
            a, b = os.dup(to_child), os.dup(from_child)
            os.dup2(a, 3)
            os.dup2(b, 4)

        self.process = subprocess.Popen(
            [program(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe",
             "--hide-scrollbars", "--mute-audio", f"--user-data-dir={self.profile}", f"--window-size={width},{height}", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=pipes, close_fds=False)
        os.close(to_child)
        os.close(from_child)
        self.number, self.buffer, self.events, self.errors, self.session = 0, b"", [], [], None
        target = next(t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.call("Page.navigate", url=pathlib.Path(path).resolve().as_uri())
        self.wait("document.readyState === 'complete'")

    def close(self):
        try:
            os.write(self.out, b'{"id":0,"method":"Browser.close"}\0')
            self.process.wait(10)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        os.close(self.out)
        os.close(self.inp)
        shutil.rmtree(self.profile, ignore_errors=True)

    def message(self, until):
        while b"\0" not in self.buffer:
            if not select.select([self.inp], [], [], max(0, until - time.monotonic()))[0]:
                raise TimeoutError("the browser does not answer")
            more = os.read(self.inp, 1 << 16)
            if not more:
                raise EOFError("the browser has gone")
            self.buffer += more
        text, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(text)

    def note(self, event):
        kind, what = event.get("method"), event.get("params", {})
        if kind == "Runtime.exceptionThrown" or (kind == "Log.entryAdded" and what["entry"]["level"] == "error") or (
                kind == "Runtime.consoleAPICalled" and what["type"] in ("error", "warning")):
            self.errors.append(json.dumps(what)[:500])
        if kind == "Network.requestWillBeSent":
            self.events.append(what["request"]["url"])

    def call(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + 60
        while True:
            answer = self.message(until)
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer.get("result", {})
            self.note(answer)

    def value(self, script):
        """What a JavaScript expression gives."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(json.dumps(result["exceptionDetails"])[:500])
        return result["result"].get("value")

    def wait(self, script, seconds=20):
        until = time.monotonic() + seconds
        while not self.value(script):
            if time.monotonic() > until:
                raise TimeoutError(script)
            time.sleep(0.05)

    def mouse(self, kind, x, y):
        click = {} if kind == "mouseMoved" else {"button": "left", "clickCount": 1}
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **click)

    def click(self, x, y):
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.mouse(kind, x, y)

    def pixels(self, x, y, width=1, height=1):
        """[height, width, 3] of what is shown at a place of the window."""
        left, top = self.value("[scrollX, scrollY]")
        clip = {"x": left + int(x), "y": top + int(y), "width": int(width), "height": int(height), "scale": 1}
        shot = self.call("Page.captureScreenshot", format="png", clip=clip)
        return decode_any_png(base64.b64decode(shot["data"]))


def decode_any_png(data):
    """[height, width, 3] of a browser's PNG: RGB or RGBA, any filter."""
    width, height, _, colour = struct.unpack(">IIBB", data[16:26])
    packed, at = b"", 8
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        packed += data[at + 8:at + 8 + length] if kind == b"IDAT" else b""
        at += 12 + length
    depth = {2: 3, 6: 4}[colour]
    rows = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, 1 + depth * width).astype(np.int32)
    out = np.zeros((height + 1, width + 1, depth), np.int32)  # a border of zeros above and left
    for y in range(height):
        line, above = rows[y, 1:].reshape(width, depth), out[y]
        kind, here = rows[y, 0], out[y + 1]
        if kind in (0, 2):
            here[1:] = (line + (above[1:] if kind == 2 else 0)) & 255
            continue
        if kind == 1:
            here[1:] = np.cumsum(line, axis=0) & 255
            continue
        for x in range(1, width + 1):
            a, b, c = here[x - 1], above[x], above[x - 1]
            if kind == 3:
                guess = (a + b) >> 1
            else:
                p = a + b - c
                pa, pb, pc = abs(p - a), abs(p - b), abs(p - c)
                guess = np.where((pa <= pb) & (pa <= pc), a, np.where(pb <= pc, b, c))
            here[x] = (line[x - 1] + guess) & 255
    return out[1:, 1:, :3].astype(np.uint8)
