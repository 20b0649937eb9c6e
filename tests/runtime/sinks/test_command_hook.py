"""CommandSink: real programs that work, fail, hang, flood and outlast their parent."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edgecls.errors import UsageError
from edgecls.runtime.sinks.command_hook import CommandSink
from edgecls.runtime.sinks.sink import Losses, Start, Summary
from edgecls.runtime.watcher import Event
from tests.servers.waiting import eventually

SUMMARY = Summary(0, Losses(), 0, 0, {}, 1.0, {})


def make_event(index: int, label: str = "red", kind: str = "enter") -> Event:
    return Event(kind, 0, label, 0.75, index, "2026-11-22T10:00:00+00:00")


def gone(pid: int) -> bool:
    """Whether a process runs no more; a zombie does not."""
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True


@pytest.fixture
def run(start: Start) -> Iterator[Callable[..., CommandSink]]:
    """Makes a started sink that runs a shell script; its end is that of the test."""
    made: list[CommandSink] = []

    def make(script: str, **options: Any) -> CommandSink:
        sink = CommandSink(f"sh -c {shlex.quote(script)}", **options)
        sink.start(start)
        made.append(sink)
        return sink

    yield make
    for sink in made:
        sink.close(SUMMARY)


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def test_each_event_comes_on_stdin_and_in_the_environment_one_after_the_other(
    run: Any, tmp_path: Path
) -> None:
    told, seen = tmp_path / "told", tmp_path / "seen"
    sink = run(
        f"cat >> {told}; sleep 0.01; echo $EDGECLS_EVENT $EDGECLS_LABEL $EDGECLS_CONFIDENCE $HOME >> {seen}"
    )
    for index in range(10):
        sink.event(make_event(index, "grün", "leave"))
    eventually(lambda: len(lines(seen)) == 10)
    events = [json.loads(line) for line in lines(told)]
    assert [event["frame"] for event in events] == list(range(10))
    assert {(event["type"], event["event"], event["label"]) for event in events} == {
        ("event", "leave", "grün")
    }
    assert lines(seen)[0] == f"leave grün 0.750000 {os.environ.get('HOME', '')}".rstrip()
    assert not sink.faults


def test_no_shell_reads_the_command_or_the_label(tmp_path: Path, start: Start) -> None:
    told = tmp_path / "told"
    script = "import os, sys, pathlib; pathlib.Path(sys.argv[1]).write_text(sys.argv[2] + os.environ['EDGECLS_LABEL'])"
    sink = CommandSink(shlex.join([sys.executable, "-c", script, str(told), "$(id); *"]))
    sink.start(start)
    sink.event(make_event(0, "$(touch x)\0`\n"))
    eventually(lambda: lines(told))
    sink.close(SUMMARY)
    assert told.read_text() == "$(id); *$(touch x)`\n"


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("", "found none; name a program"),
        ("  ", "found none; name a program"),
        ("sh -c 'x", "No closing quotation"),
        ("/nowhere/notify --token key1", "none called '/nowhere/notify'"),
        ("edgecls-no-such-program", "none called 'edgecls-no-such-program'"),
    ],
)
def test_a_command_that_can_never_run_is_refused(command: str, told: str) -> None:
    with pytest.raises(UsageError) as refused:
        CommandSink(command)
    assert told in str(refused.value)
    assert "key1" not in str(refused.value)


def test_a_file_without_the_right_to_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "script").write_text("#!/bin/sh\n")
    with pytest.raises(UsageError, match="check its path and rights"):
        CommandSink(str(tmp_path / "script"))


def test_a_command_that_always_fails_is_told_once_and_again_when_it_works(run: Any, tmp_path: Path) -> None:
    works, count = tmp_path / "works", tmp_path / "count"
    sink = run(f"echo x >> {count}; test -e {works} && exit 0; echo first >&2; echo no luck >&2; exit 3")
    for index in range(5):
        sink.event(make_event(index))
    eventually(lambda: len(lines(count)) == 5)
    works.touch()
    sink.event(make_event(5))
    eventually(lambda: len(sink.faults) == 2)
    failed, back = sink.faults
    assert failed.message == "command sh: ended with exit code 3: no luck; going on with the next event"
    assert back.recovered_s is not None


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("kill -TERM $$", "ended by signal 15"),
        ("exit 1", "exit code 1;"),
        ("printf 'no ' >&2; sleep 0.2; echo luck >&2; exit 1", "exit code 1: no luck;"),
        (f"{sys.executable} -c 'raise SystemExit(\"x\" * 5000)'", "exit code 1: " + "x" * 200 + ";"),
        ("printf '\\033[2Jred' >&2; exit 1", "exit code 1: ?[2Jred"),
        ("head -c 3000000 /dev/zero >&2; echo >&2; echo last >&2; exit 1", "exit code 1: last"),
        ("head -c 3000000 /dev/zero; exit 1", "exit code 1;"),
    ],
)
def test_the_fault_ends_with_the_last_line_of_stderr_bounded_and_printable(
    run: Any, script: str, told: str
) -> None:
    sink = run(script)
    sink.event(make_event(0))
    eventually(lambda: sink.faults)
    assert told in sink.faults[0].message


def test_a_command_that_hangs_is_killed_with_all_it_started_and_the_next_one_runs(
    run: Any, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    sink = run(f"sleep 60 & echo $$ $! >> {pids}; echo stuck >&2; wait", limit_s=0.5)
    sink.event(make_event(0))
    sink.event(make_event(1))
    eventually(lambda: len(lines(pids)) == 2)
    first = [int(pid) for pid in lines(pids)[0].split()]
    eventually(lambda: all(gone(pid) for pid in first))
    assert "was killed" in sink.faults[0].message
    assert ": stuck;" in sink.faults[0].message


OTHER_USER = """
import os, sys, time
from edgecls.runtime.sinks.command_hook import CommandSink
from edgecls.runtime.sinks.sink import Start
from edgecls.runtime.watcher import Event
from tests.servers.waiting import eventually
sink = CommandSink(sys.argv[1], limit_s=0.2)
sink.start(Start("s", True, None, "m", "n", "int8", "e", "native", 1, ("red",)))
sink.event(Event("enter", 0, "red", 0.9, 0, "t"))
sys.stdin.readline()
os.setuid(65534)
for _ in range(2):
    while not sink.faults:
        sink._thread.check()
        time.sleep(0.005)
    print(sink.faults.popleft().message, flush=True)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to start a program and become another user")
def test_a_command_that_may_not_be_killed_is_told_waited_for_and_ends_nothing(tmp_path: Path) -> None:
    pid, go = tmp_path / "pid", tmp_path / "go"
    hook = f"echo $$ > {pid}; i=0; while ! test -e {go} && test $i -lt 500; do i=$((i+1)); sleep 0.02; done"
    command = [sys.executable, "-c", OTHER_USER, f"sh -c {shlex.quote(hook)}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        eventually(lambda: lines(pid))
        process.stdin.write("become another\n")
        process.stdin.flush()
        assert "may not be killed" in process.stdout.readline()
        assert not gone(int(lines(pid)[0]))
        go.touch()
        assert "back after" in process.stdout.readline()


def test_what_a_command_leaves_in_the_background_holds_up_nothing(run: Any, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    sink = run(f"sleep 60 & echo $! >> {pids}")
    began = time.monotonic()
    for index in range(3):
        sink.event(make_event(index))
    eventually(lambda: len(lines(pids)) == 3)
    assert time.monotonic() - began < 5
    assert not sink.faults
    for line in lines(pids):
        assert not gone(int(line))
        os.kill(int(line), 9)


def test_a_command_that_reads_nothing_is_fine(run: Any, tmp_path: Path) -> None:
    count = tmp_path / "count"
    sink = run(f"exec 0<&-; echo x >> {count}")
    for index in range(20):
        sink.event(make_event(index))
    eventually(lambda: len(lines(count)) == 20)
    assert not sink.faults


def test_at_the_end_a_running_command_gets_a_while_and_is_killed_then(
    run: Any, tmp_path: Path, start: Start
) -> None:
    pids = tmp_path / "pids"
    sink = run(f"echo $$ >> {pids}; exec sleep 60", close_s=0.4)
    sink.event(make_event(0))
    sink.event(make_event(1))
    eventually(lambda: lines(pids))
    began = time.monotonic()
    sink.close(SUMMARY)
    assert 0.35 < time.monotonic() - began < 5
    eventually(lambda: gone(int(lines(pids)[0])))
    assert len(lines(pids)) == 1
    assert sink.faults[-1].message.endswith("1 events are lost at the end")


def test_at_the_end_what_waits_still_runs(run: Any, tmp_path: Path) -> None:
    count = tmp_path / "count"
    sink = run(f"sleep 0.05; echo x >> {count}", close_s=10)
    for index in range(5):
        sink.event(make_event(index))
    sink.close(SUMMARY)
    assert len(lines(count)) == 5


def test_events_never_hold_up_the_caller_and_the_oldest_that_wait_are_lost_and_told(
    run: Any, tmp_path: Path
) -> None:
    go, told = tmp_path / "go", tmp_path / "told"
    sink = run(f"cat >> {told}; while ! test -e {go}; do sleep 0.02; done", kept=3)
    sink.event(make_event(0))
    eventually(lambda: lines(told))
    began = time.monotonic()
    for index in range(1, 101):
        sink.event(make_event(index))
    assert time.monotonic() - began < 2
    go.touch()
    eventually(lambda: len(lines(told)) == 4 and len(sink.faults) == 2)
    assert [json.loads(line)["frame"] for line in lines(told)] == [0, 98, 99, 100]
    assert "3 events wait and the oldest are lost" in sink.faults[0].message


def test_a_program_that_goes_away_meanwhile_is_told_and_the_run_goes_on(tmp_path: Path, start: Start) -> None:
    script = tmp_path / "hook"
    script.write_text("#!/bin/sh\nexit 0\n")
    script.chmod(0o755)
    sink = CommandSink(str(script))
    sink.start(start)
    script.unlink()
    sink.event(make_event(0))
    eventually(lambda: sink.faults)
    assert "command hook: cannot be started (No such file or directory)" in sink.faults[0].message
    sink.event(make_event(1))
    sink.close(SUMMARY)


def test_a_thread_that_dies_is_told_by_the_next_call(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = CommandSink("true")
    sink.start(start)

    def execute(event: Event) -> str:
        raise ValueError("a bug")

    monkeypatch.setattr(sink, "_execute", execute)
    sink.event(make_event(0))
    eventually(lambda: not sink._thread.is_alive())
    with pytest.raises(ValueError, match="a bug"):
        sink.event(make_event(1))


def test_nothing_is_left_open_or_running_after_many_events(run: Any, tmp_path: Path) -> None:
    count = tmp_path / "count"
    sink = run(f"echo x >> {count}")
    sink.event(make_event(0))
    eventually(lambda: lines(count))
    before = len(list(Path("/proc/self/fd").iterdir())), threading.active_count()
    for index in range(30):
        sink.event(make_event(index))
    eventually(lambda: len(lines(count)) == 31)
    eventually(lambda: (len(list(Path("/proc/self/fd").iterdir())), threading.active_count()) <= before)


def test_options_of_the_run_which_may_be_passwords_are_not_handed_on(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGECLS_RUN_WEBHOOK_TOKEN", "secret")
    seen = tmp_path / "seen"
    sink = run(f"env > {seen}.part; mv {seen}.part {seen}")
    sink.event(make_event(0))
    eventually(seen.exists)
    assert "secret" not in seen.read_text()
    assert "EDGECLS_LABEL=red" in seen.read_text()
