"""BLAS held to one thread."""

import threading

from cnndsl.runtime.parallel.blas import blas_libraries, single_threaded_blas


def test_blas_gets_its_threads_back_after_the_last_run():
    before = [library.get_num_threads() for library in blas_libraries()]
    assert before, "NumPy comes with a BLAS that threadpoolctl knows"
    try:
        for library in blas_libraries():
            library.set_num_threads(2)
        with single_threaded_blas():
            with single_threaded_blas():
                assert {library.get_num_threads() for library in blas_libraries()} == {1}
            assert {library.get_num_threads() for library in blas_libraries()} == {1}
        assert {library.get_num_threads() for library in blas_libraries()} == {2}
    finally:
        for library, count in zip(blas_libraries(), before, strict=True):
            library.set_num_threads(count)


def test_blas_is_held_whatever_thread_the_run_is_in():
    found = []

    def look(inside, done):
        with single_threaded_blas():
            found.append([library.get_num_threads() for library in blas_libraries()])
            inside.set()
            done.wait(10)

    before = [library.get_num_threads() for library in blas_libraries()]
    try:
        for library in blas_libraries():
            library.set_num_threads(2)  # from this thread, which makes threadpoolctl ignore others
        first, second = ((threading.Event(), threading.Event()) for _ in range(2))
        runs = [threading.Thread(target=look, args=events) for events in (first, second)]
        for run, (inside, _) in zip(runs, (first, second), strict=True):
            run.start()
            assert inside.wait(10)
        for run, (_, done) in zip(runs, (first, second), strict=True):
            done.set()
            run.join(10)
        assert found == [[1] * len(before)] * 2
        assert {library.get_num_threads() for library in blas_libraries()} == {2}
    finally:
        with single_threaded_blas():  # whoever was in control no longer is
            pass
        for library, count in zip(blas_libraries(), before, strict=True):
            library.set_num_threads(count)
