"""Arrays written batch by batch."""

from contextlib import closing

import numpy as np
import pytest

from cnndsl.errors import CnnError
from cnndsl.runtime.data.npz_stream import NpzStream


def test_batches_become_one_array_each(tmp_path):
    random = np.random.default_rng(0)
    scores, maps = random.standard_normal((7, 3)).astype(np.float32), random.integers(0, 9, (7, 2, 4, 1))
    spool = NpzStream()
    for part in (slice(0, 3), slice(3, 6), slice(6, 7)):
        spool.add("scores", scores[part])
        spool.add("block.maps", np.asfortranarray(maps[part]))
    spool.write(tmp_path / "all.npz")
    spool.close()
    with np.load(tmp_path / "all.npz") as archive:
        assert archive.files == ["scores", "block.maps"]
        np.testing.assert_array_equal(archive["scores"], scores)
        np.testing.assert_array_equal(archive["block.maps"], maps)
        assert archive["scores"].dtype == np.float32 and archive["block.maps"].dtype == np.int64


def test_nothing_is_left_where_writing_fails(tmp_path):
    with closing(NpzStream()) as spool:
        spool.add("x", np.zeros((1, 2), np.float32))
        with pytest.raises(CnnError, match="there is no folder"):
            spool.write(tmp_path / "missing" / "all.npz")
    assert list(tmp_path.iterdir()) == []
