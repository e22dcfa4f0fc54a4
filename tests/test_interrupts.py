"""What is open is closed when the process is asked to end."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

from p4verify.interrupts import TERMINATED, unwound_when_terminated

PROGRAM = """
import time
from p4verify.interrupts import unwound_when_terminated
with unwound_when_terminated():
    try:
        print("open", flush=True)
        time.sleep(60)
    finally:
        print("closed", flush=True)
"""


def test_what_is_open_is_closed_on_termination() -> None:
    child = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True)
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "open\n"
        child.terminate()
        assert child.stdout.read() == "closed\n"
    assert child.returncode == TERMINATED


def test_the_handler_before_comes_back_and_other_threads_change_none() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with unwound_when_terminated():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before
    seen = []

    def elsewhere() -> None:
        with unwound_when_terminated():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert seen == [before]
