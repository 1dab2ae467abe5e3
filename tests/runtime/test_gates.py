"""Gates: nobody passes too early, nobody waits for ever."""

import threading

import pytest

from cnndsl.runtime.gates import CAN_SPIN, SleepGate, SpinGate

KINDS = [SleepGate, SpinGate] if CAN_SPIN else [SleepGate]


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
            there.pass_()
            passed.append(1)
            getattr(back, way)()

    thread = threading.Thread(target=answer)
    thread.start()
    for count in range(1, 201):
        getattr(there, way)()
        back.pass_()
        assert len(passed) == count
    thread.join(10)
    assert not thread.is_alive()
