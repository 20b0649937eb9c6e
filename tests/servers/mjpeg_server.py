"""A camera with MJPEG over HTTP: python mjpeg_server.py PORT [WxH] [FPS] [--garbage-after N] ...

After N pictures it sends bytes that are none, ends the stream, or sends pictures twice as large. Prints "ready" when it
listens.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("port", type=int)
parser.add_argument("size", nargs="?", default="320x240")
parser.add_argument("fps", nargs="?", type=float, default=30.0)
parser.add_argument("--garbage-after", type=int)
parser.add_argument("--end-after", type=int)
parser.add_argument("--double-after", type=int)
asked = parser.parse_args()
width, height = (int(side) for side in asked.size.split("x"))


def picture(index: int) -> bytes:
    times = 2 if asked.double_after is not None and index >= asked.double_after else 1
    pixels = np.full((times * height, times * width, 3), index % 200, np.uint8)
    return cv2.imencode(".jpg", pixels)[1].tobytes()


class Camera(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        with contextlib.suppress(ConnectionError):
            self.answer()

    def answer(self) -> None:
        if self.path != "/live":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        index = 0
        while asked.end_after is None or index < asked.end_after:
            garbled = asked.garbage_after is not None and index >= asked.garbage_after
            data = os.urandom(2000) if garbled else picture(index)
            self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\n")
            self.wfile.write(f"Content-Length: {len(data)}\r\n\r\n".encode() + data + b"\r\n")
            index += 1
            time.sleep(1 / asked.fps)

    def log_message(self, format: str, *args: object) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", asked.port), Camera)
server.daemon_threads = True
print("ready", flush=True)
server.serve_forever()
