"""Gates and meetings: nobody passes too early, nobody waits for ever."""

import threading

import pytest

from cnndsl.runtime.gates import CAN_SPIN, Meeting, SleepGate, SpinGate

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


@pytest.mark.parametrize("size", [2, 3, 5])
@pytest.mark.parametrize("spin", sorted({False, CAN_SPIN}))
def test_a_meeting_begins_when_all_are_there(size, spin):
    meeting = Meeting(size, spin)
    arrived = [0] * size
    early = []

    def attend(thread):
        for count in range(1, 40):
            arrived[thread] = count
            meeting.meet(thread)
            early.extend(other for other in arrived if other < count)

    others = [threading.Thread(target=attend, args=(thread,)) for thread in range(1, size)]
    for other in others:
        other.start()
    attend(0)
    for other in others:
        other.join(30)
        assert not other.is_alive()
    assert not early
