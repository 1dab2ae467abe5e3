"""Gates: nobody passes too early, nobody waits for ever."""

import threading

import pytest

from cnndsl.runtime.parallel.events import SleepEvent, SpinEvent

KINDS = [SleepEvent, SpinEvent]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", ["open", "open_for_waiting"])
def test_a_gate_lets_one_pass(kind, way):
    gate = kind()
    for _ in range(3):
        assert not gate.try_pass()
        getattr(gate, way)()
        getattr(gate, way)()
        assert gate.try_pass()
    assert not gate.try_pass()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", ["open", "open_for_waiting"])
def test_who_waits_passes(kind, way):
    there, back = kind(), kind()
    passed = []

    def answer():
        for _ in range(200):
            while not there.wait_a_while():
                pass
            passed.append(1)
            getattr(back, way)()

    thread = threading.Thread(target=answer)
    thread.start()
    for count in range(1, 201):
        getattr(there, way)()
        while not back.wait_a_while():
            pass
        assert len(passed) == count
    thread.join(10)
    assert not thread.is_alive()


@pytest.mark.parametrize("kind", KINDS)
def test_who_waits_in_vain_gives_up(kind):
    gate = kind()
    assert not gate.wait_a_while()
    gate.open()
    assert gate.wait_a_while() and not gate.wait_a_while()


def test_a_gate_that_looks_open_but_is_not_closes_again():
    """Someone may pass between the two steps in which it is opened."""
    gate = SpinEvent()
    gate._byte[0] = True
    assert not gate.wait_a_while()
    assert not gate._byte[0]
