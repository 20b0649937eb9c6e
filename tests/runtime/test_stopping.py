"""Stopping: the first signal is a request, the second one an order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from edgecls.runtime.stopping import stop_on_signals

DEAF = """
import time
from edgecls.runtime.stopping import stop_on_signals
with stop_on_signals() as stop:
    print("ready", flush=True)
    while not stop.is_set():
        time.sleep(0.01)
    print("asked", flush=True)
    time.sleep(30)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_asks_for_a_stop_and_the_old_handling_comes_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stop_on_signals() as stop:
        assert not stop.is_set()
        os.kill(os.getpid(), number)
        assert stop.wait(2)
    assert signal.getsignal(number) is before


def start_deaf() -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", DEAF], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "asked\n"
    return process


def test_a_second_ctrl_c_quits() -> None:
    with start_deaf() as process:
        time.sleep(0.6)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=5) == 130


def test_the_same_signal_twice_at_once_is_one_wish() -> None:
    with start_deaf() as process:
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=1)
        process.kill()
