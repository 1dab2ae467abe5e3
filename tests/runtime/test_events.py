"""Events: no wait succeeds too early, nobody waits for ever."""

import threading

import pytest

from cnndsl.runtime.parallel.events import SleepEvent, SpinEvent

KINDS = [SleepEvent, SpinEvent]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", ["set", "set_for_waiting"])
def test_an_event_that_is_set_ends_one_wait(kind, way):
    event = kind()
    for _ in range(3):
        assert not event.try_wait()
        getattr(event, way)()
        getattr(event, way)()
        assert event.try_wait()
    assert not event.try_wait()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", ["set", "set_for_waiting"])
def test_who_waits_is_let_go(kind, way):
    there, back = kind(), kind()
    waited = []

    def answer():
        for _ in range(200):
            while not there.wait_a_while():
                pass
            waited.append(1)
            getattr(back, way)()

    thread = threading.Thread(target=answer)
    thread.start()
    for count in range(1, 201):
        getattr(there, way)()
        while not back.wait_a_while():
            pass
        assert len(waited) == count
    thread.join(10)
    assert not thread.is_alive()


@pytest.mark.parametrize("kind", KINDS)
def test_who_waits_in_vain_gives_up(kind):
    event = kind()
    assert not event.wait_a_while()
    event.set()
    assert event.wait_a_while() and not event.wait_a_while()


def test_an_event_that_looks_set_but_is_not_is_reset():
    """Another wait may succeed between the two steps in which it is set."""
    event = SpinEvent()
    event._byte[0] = True
    assert not event.wait_a_while()
    assert not event._byte[0]
