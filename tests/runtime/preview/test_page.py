"""The preview in a real browser: what people see, and that it is never old."""

from __future__ import annotations

import contextlib
import threading
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from edgecls.devices.health import Health
from edgecls.files import utc_now
from edgecls.prediction import Prediction
from edgecls.runtime.preview import app
from edgecls.runtime.preview.sink import PreviewSink
from edgecls.runtime.sinks.sink import Losses, Result, StagesMs, Start, Summary
from edgecls.runtime.sources.source import Fault, Frame
from edgecls.runtime.watcher import Event, Seen

for needed in ("starlette", "uvicorn"):
    pytest.importorskip(needed, reason="needs the extra 'preview'")

SUMMARY = Summary(1234, Losses(), 0, 0, {}, 61.0, {})
# One worker starts a browser; it takes a core.
pytestmark = pytest.mark.xdist_group("chromium")


class Camera(threading.Thread):
    """Feeds the sink red frames, 30 a second, until it is stopped."""

    def __init__(self, sink: PreviewSink, label: str = "pink_lady") -> None:
        super().__init__(daemon=True)
        self.sink, self.label, self.off = sink, label, threading.Event()

    def run(self) -> None:
        index = 0
        while not self.off.wait(1 / 30):
            pixels = np.full((60, 80, 3), (0, 0, 200), np.uint8)
            frame = Frame(pixels, index, time.monotonic_ns())
            found = Prediction(0, self.label, 0.75, False, ((self.label, 0.75), ("orange", 0.2)))
            seen = Seen(0, self.label, 0.92, frame.captured_ns - 42_000_000_000)
            stages = StagesMs(33, 2.1, 8.6, 0.3)
            self.sink.result(Result(frame, time.time_ns(), 21.0, found, stages, Losses(1234), seen, True))
            index += 1

    def stop(self) -> None:
        self.off.set()
        self.join()


@pytest.fixture
def sink(start: Start) -> Iterator[PreviewSink]:
    sink = PreviewSink(port=0, health=lambda: Health(61.4, None, False, None))
    sink.start(start)
    yield sink
    sink.close(SUMMARY)


@pytest.fixture
def camera(sink: PreviewSink) -> Iterator[Camera]:
    camera = Camera(sink)
    camera.start()
    yield camera
    camera.stop()


def shows(name: str, text: str) -> str:
    return f"document.getElementById({name!r})?.innerText === {text!r}"


def test_the_page_shows_label_bars_figures_events_and_the_picture(
    sink: PreviewSink, camera: Camera, browser: Any
) -> None:
    sink.event(Event("enter", 0, "pink_lady", 0.92, 1, utc_now()))
    sink.event(Event("leave", 1, "<b>orange</b>", 0.3, 1, utc_now(), 12.34))
    browser.open(sink.address)
    browser.wait_for(shows("label", "pink lady"))
    browser.wait_for(shows("temperature", "61 °C"))
    assert browser.text("confidence") == "92 %"
    assert browser.text("detail") == "seen for 42 s"
    assert browser.text("bars").split("\n") == ["pink lady", "75 %", "orange", "20 %"]
    assert (browser.text("age"), browser.text("drops")) == ("21 ms", "1,234")
    assert "<b>orange</b> went after 12 s" in browser.text("entries")
    assert "pink lady came, 92 %" in browser.text("entries")
    assert "invoke 8.6" in browser.text("legend")
    assert browser.text("runs") == "m.tflite · tiny · int8 · fake 1.0 · 1 thread"
    red = "[...document.getElementById('picture').getContext('2d').getImageData(40, 30, 1, 1).data]"
    browser.wait_for(f"{red}[0] > 180 && {red}[1] < 20")
    drawn = (
        "document.getElementById('stages').getContext('2d').getImageData(40, 0, 900, 100).data.some((x) => x)"
    )
    browser.wait_for(drawn)


def test_what_is_seen_is_spoken_and_everything_comes_from_this_server(
    sink: PreviewSink, camera: Camera, browser: Any
) -> None:
    browser.open(sink.address)
    browser.wait_for(shows("spoken", "pink lady"))
    camera.label = "orange"
    browser.wait_for(shows("spoken", "orange"))
    assert browser.ask("document.getElementById('spoken').getAttribute('aria-live')") == "polite"
    assert [address for address in browser.requests if not address.startswith(sink.address)] == [
        "about:blank"
    ][:0]
    assert not browser.errors


def test_when_frames_stop_no_label_stays(sink: PreviewSink, camera: Camera, browser: Any) -> None:
    browser.open(sink.address)
    browser.wait_for(shows("label", "pink lady"))
    camera.stop()
    sink.fault(Fault("/dev/video0: unplugged"))
    browser.wait_for("document.getElementById('label').innerText === 'No frames for 2 s'")
    assert "pink lady" not in browser.ask("document.querySelector('main').innerText")
    assert browser.text("detail") == "/dev/video0: unplugged"
    assert browser.ask("document.title") == "No frames for 2 s · edgecls"
    browser.wait_for("getComputedStyle(document.getElementById('picture')).opacity < 0.3")
    browser.wait_for(shows("label", "No frames for 5 s"))
    again = Camera(sink, "orange")
    again.start()
    browser.wait_for(shows("label", "orange"))
    again.stop()


def test_when_the_server_goes_the_page_says_so_and_finds_the_next(
    sink: PreviewSink, camera: Camera, browser: Any
) -> None:
    browser.open(sink.address)
    browser.wait_for(shows("label", "pink lady"))
    camera.stop()
    sink.close(SUMMARY)
    browser.wait_for(shows("label", "The run has ended"))
    assert browser.text("detail").startswith("1,234 frames in 61 s")
    following = PreviewSink(port=sink.port)
    again = Camera(following, "orange")
    again.start()
    browser.wait_for(shows("label", "orange"))
    again.stop()
    following.close(SUMMARY)


def test_a_server_that_refuses_and_goes_is_gone(sink: PreviewSink, browser: Any) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(app.VIEWERS):
            stack.enter_context(urllib.request.urlopen(sink.address + "events.sse")).readline()
        browser.open(sink.address)
        browser.wait_for(shows("status-text", "Refused"))
        assert "16 viewers are looking already" in browser.text("detail")
    sink.close(SUMMARY)
    browser.wait_for(shows("label", "Connection lost"))


def test_a_hidden_page_pauses_and_goes_on(sink: PreviewSink, camera: Camera, browser: Any) -> None:
    browser.open(sink.address)
    browser.wait_for(shows("label", "pink lady"))
    for hidden, label in ((True, "Paused while hidden"), (False, "pink lady")):
        browser.ask(
            f"Object.defineProperty(document, 'hidden', {{value: {str(hidden).lower()}, configurable: true}})"
        )
        browser.ask("document.dispatchEvent(new Event('visibilitychange'))")
        browser.wait_for(shows("label", label))


def switch_network(browser: Any, *, offline: bool) -> None:
    browser.send(
        "Network.emulateNetworkConditions",
        offline=offline, latency=0, downloadThroughput=-1, uploadThroughput=-1,
    )  # fmt: skip


def test_a_connection_that_breaks_is_told(sink: PreviewSink, camera: Camera, browser: Any) -> None:
    browser.open(sink.address)
    browser.wait_for(shows("label", "pink lady"))
    switch_network(browser, offline=True)
    assert sink._server._loop is not None
    for connection in list(sink._server._uvicorn.server_state.connections):
        sink._server._loop.call_soon_threadsafe(connection.transport.abort)
    browser.wait_for(shows("label", "Connection lost"))
    switch_network(browser, offline=False)
    browser.wait_for(shows("label", "pink lady"))


@pytest.mark.parametrize(("width", "height"), [(390, 844), (320, 568), (1280, 800), (1920, 1080)])
def test_nothing_runs_out_of_the_screen(
    sink: PreviewSink, camera: Camera, browser: Any, width: int, height: int
) -> None:
    camera.label = "a_rather_long_label_of_some_product_" * 3
    browser.resize(width, height)
    browser.open(sink.address)
    browser.wait_for("document.getElementById('label')?.innerText.startsWith('a rather')")
    assert browser.ask("document.documentElement.scrollWidth") <= width
    if width >= 1280:
        assert browser.ask("document.documentElement.scrollHeight") <= height


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(
    sink: PreviewSink, camera: Camera, browser: Any, scheme: str
) -> None:
    browser.prefer(color_scheme=scheme)
    browser.open(sink.address)
    browser.wait_for(shows("label", "pink lady"))
    worst = browser.ask(f"({CONTRAST})()")
    assert worst >= 4.5  # WCAG 2.2, 1.4.3


# The least contrast (WCAG 2.2) of the colours of text on those of grounds.
CONTRAST = """() => {
  const style = getComputedStyle(document.documentElement);
  const light = (name) => {
    const hex = style.getPropertyValue(name).trim();
    const [r, g, b] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const grounds = ["--ground", "--card"].map(light);
  return Math.min(...["--text", "--muted", "--good", "--warn", "--bad"].map(light)
    .flatMap((text) => grounds.map((ground) => ratio(text, ground))));
}"""


def test_who_asks_for_no_motion_gets_none(sink: PreviewSink, camera: Camera, browser: Any) -> None:
    browser.prefer(reduced_motion="reduce")
    browser.open(sink.address)
    browser.wait_for("document.querySelector('.fill')")
    assert browser.ask("getComputedStyle(document.querySelector('.fill')).transitionDuration") == "0s"


def test_the_token_is_asked_for_and_lets_in(start: Start, browser: Any) -> None:
    sink = PreviewSink("0.0.0.0", 0, token="correct-horse")
    camera = Camera(sink)
    camera.start()
    address = f"http://127.0.0.1:{sink.port}/"
    browser.open(address)
    browser.wait_for("document.getElementById('token')")
    browser.ask("document.getElementById('token').value = 'correct-horse'; document.forms[0].submit()")
    browser.wait_for(shows("label", "pink lady"))
    assert browser.ask("location.href") == address
    camera.stop()
    sink.close(SUMMARY)
