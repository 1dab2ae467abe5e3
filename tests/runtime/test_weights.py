"""Weights on disk and in memory: what is written comes back, and what does not fit is named."""

import os
import random
import zipfile

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import cnndsl
from cnndsl.errors import CnnError
from cnndsl.runtime.data.weights import given_weights, load_weights, save_arrays, save_weights

TEXT = """input 3@8x8
conv 4 3x3 as a
batchnorm as n -> relu
conv 2 1x1 connect=[[0], [1, 3]] as b
conv 1 2x2 weight=[[[1, 2], [3, 4]], [[5, 6], [7, 8]]] bias=[9] as c
"""
SUFFIXES = [".npz", ".safetensors"]


@pytest.fixture
def network():
    return cnndsl.loads(TEXT)


@pytest.fixture
def weights(network):
    return network.weights(seed=4)


def problem(error, code):
    (diagnostic,) = error.value.diagnostics
    assert diagnostic.code == code
    return diagnostic.message


def assert_equal(actual, expected):
    assert actual.keys() == expected.keys()
    for key, value in expected.items():
        assert actual[key].dtype == np.float32
        np.testing.assert_array_equal(actual[key], value, err_msg=key)


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".NPZ"])
def test_there_and_back(network, weights, tmp_path, suffix):
    path = tmp_path / f"net{suffix}"
    save_weights(weights, tmp_path / f"net{suffix.lower()}")
    (tmp_path / f"net{suffix.lower()}").rename(path)
    assert_equal(load_weights(network.graph, path), weights)
    assert_equal(load_weights(network.graph, str(path)), weights)


@pytest.mark.parametrize("name", ["file", "args", "allow_pickle", "a/b", "größe"])
def test_arrays_of_any_name_are_written(tmp_path, name):
    """As a keyword of ``np.savez`` some would be its parameters."""
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    save_arrays({name: array, "other": array[:, ::-1]}, tmp_path / "values.npz")
    with np.load(tmp_path / "values.npz", allow_pickle=False) as archive:
        assert sorted(archive) == sorted([name, "other"])
        np.testing.assert_array_equal(archive[name], array)
        np.testing.assert_array_equal(archive["other"], array[:, ::-1])


def test_others_read_what_is_written(weights, tmp_path):
    save_weights(weights, tmp_path / "net.npz")
    save_weights(weights, tmp_path / "net.safetensors")
    with np.load(tmp_path / "net.npz") as archive:
        assert_equal({key: archive[key] for key in archive.files}, weights)
    assert_equal(load_file(tmp_path / "net.safetensors"), weights)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_weights_give_the_same_bytes(weights, tmp_path, suffix):
    for name in ("one", "two"):
        save_weights(weights, tmp_path / f"{name}{suffix}")
    assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"two{suffix}").read_bytes()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_arrays_of_any_layout_are_written(weights, tmp_path, suffix):
    weights["a.weight"] = np.asfortranarray(weights["a.weight"])
    weights["n.bias"] = np.arange(8, dtype=np.float32)[::2]
    save_weights(weights, tmp_path / f"net{suffix}")
    assert_equal(load_weights(cnndsl.loads(TEXT).graph, tmp_path / f"net{suffix}"), weights)


def test_files_of_a_torch_state_dict(network, tmp_path):
    """PyTorch's layers under the layers' names; their counters of batches have no meaning here."""
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file as save_torch

    model = torch.nn.ModuleDict(
        {"a": torch.nn.Conv2d(3, 4, 3), "n": torch.nn.BatchNorm2d(4), "b": torch.nn.Conv2d(4, 2, 1)}
    )
    state = model.state_dict()
    assert "n.num_batches_tracked" in state
    mask = torch.tensor([[1, 0, 0, 0], [0, 1, 0, 1]])[:, :, None, None]
    state["b.weight"] *= mask
    save_torch(state, tmp_path / "net.safetensors")
    loaded = load_weights(network.graph, tmp_path / "net.safetensors")
    for key in loaded.keys() - {"c.weight", "c.bias"}:
        np.testing.assert_array_equal(loaded[key], state[key].numpy())
    in_memory = given_weights(network.graph, state)
    assert all(type(value) is np.ndarray for value in in_memory.values())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_literals_may_be_missing_and_may_be_overruled(network, weights, tmp_path, suffix):
    path = tmp_path / f"net{suffix}"
    save_weights({key: value for key, value in weights.items() if not key.startswith("c.")}, path)
    loaded = load_weights(network.graph, path)
    assert loaded["c.weight"].ravel().tolist() == [1, 2, 3, 4, 5, 6, 7, 8] and loaded["c.bias"].tolist() == [9]
    save_weights({**weights, "c.bias": np.float32([7])}, path)
    assert load_weights(network.graph, path)["c.bias"].tolist() == [7]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_misfit_is_named_at_once(network, weights, tmp_path, suffix):
    del weights["a.bias"], weights["n.running_var"]
    weights["a.weight"] = weights["a.weight"].transpose(1, 0, 2, 3).copy()
    weights["n.weight"] = weights["n.weight"].astype(np.float64)
    weights["old\x1b[31m"] = np.zeros(2, np.float32)
    path = tmp_path / f"net{suffix}"
    save_weights(weights, path)
    with pytest.raises(CnnError) as error:
        load_weights(network.graph, path)
    lines = problem(error, "weights-mismatch").splitlines()
    assert str(path) in lines[0] and len(lines) == 6
    assert {line.strip() for line in lines[1:]} == {
        "a.weight is 3x4x3x3, but the network needs 4x3x3x3",
        "a.bias (4) is missing",
        "n.weight is float64, but must be float32",
        "n.running_var (4) is missing",
        "`old\\x1b[31m` is not in the network",
    }


def test_many_misfits_are_counted():
    network = cnndsl.loads("input 8\nrepeat 30 { dense 8 }")
    with pytest.raises(CnnError) as error:
        given_weights(network.graph, {})
    lines = problem(error, "weights-mismatch").splitlines()
    assert len(lines) == 22 and lines[-1].strip() == "and 40 more"


def test_links_that_the_table_leaves_out_stay_zero(network, weights):
    weights["b.weight"][0, 3] = 0.1
    with pytest.raises(CnnError) as error:
        given_weights(network.graph, weights)
    assert "b.weight" in problem(error, "weights-mismatch")
    weights["b.weight"][0, 3] = 0
    assert_equal(given_weights(network.graph, weights), weights)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_in_files_are_finite(network, weights, tmp_path, suffix, value):
    weights["n.running_mean"][2] = value
    save_weights(weights, tmp_path / f"net{suffix}")
    with pytest.raises(CnnError) as error:
        load_weights(network.graph, tmp_path / f"net{suffix}")
    assert "n.running_mean" in problem(error, "weights-file")


def test_big_endian_numbers_are_another_type(network, weights, tmp_path):
    np.savez(tmp_path / "net.npz", **{**weights, "a.bias": weights["a.bias"].astype(">f4")})
    with pytest.raises(CnnError) as error:
        load_weights(network.graph, tmp_path / "net.npz")
    assert "a.bias is >f4" in problem(error, "weights-mismatch")


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".onnx", "", ".npy"])
def test_other_formats_are_refused_unread(network, tmp_path, suffix):
    (tmp_path / f"net{suffix}").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    with pytest.raises(CnnError) as error:
        load_weights(network.graph, tmp_path / f"net{suffix}")
    assert ".safetensors or .npz" in problem(error, "weights-file")
    with pytest.raises(CnnError) as error:
        save_weights({}, tmp_path / f"net{suffix}")
    assert ".safetensors or .npz" in problem(error, "weights-file")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_files_that_cannot_be_read(network, tmp_path, suffix):
    path = tmp_path / f"net{suffix}"
    with pytest.raises(CnnError) as error:
        load_weights(network.graph, path)
    assert "No such file" in problem(error, "weights-file")
    path.mkdir()
    with pytest.raises(CnnError) as error:
        load_weights(network.graph, path)
    problem(error, "weights-file")


def test_encrypted_archives(network, weights, tmp_path):
    path = tmp_path / "net.npz"
    save_weights(weights, path)
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = content.find(signature)
        while start >= 0:
            content[start + offset] |= 1
            start = content.find(signature, start + 1)
    path.write_bytes(content)
    with pytest.raises(CnnError) as error:
        load_weights(network.graph, path)
    assert "encrypted" in problem(error, "weights-file")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.filterwarnings("ignore")  # NumPy's, about the damaged headers
def test_damaged_files_never_do_worse_than_a_diagnostic(network, weights, tmp_path, suffix):
    path = tmp_path / f"net{suffix}"
    save_weights(weights, path)
    original = path.read_bytes()
    draw = random.Random(suffix)
    outcomes = set()
    for _ in range(400 * int(os.environ.get("CNNDSL_FUZZ", "1"))):
        content = bytearray(original[: draw.randrange(len(original))] if draw.random() < 0.2 else original)
        for _ in range(draw.randint(1, 4)):
            if content:
                content[draw.randrange(len(content))] = draw.choice([0, 255, 128, draw.randrange(256)])
        path.write_bytes(content)
        try:
            loaded = load_weights(network.graph, path)
        except CnnError as error:
            outcomes.add(error.diagnostics[0].code)
        else:
            outcomes.add("loaded")
            assert loaded.keys() == weights.keys()
    assert outcomes >= {"weights-file", "weights-mismatch", "loaded"} or suffix == ".npz"
    assert outcomes <= {"weights-file", "weights-mismatch", "loaded"}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_failed_write_keeps_the_old_file(weights, tmp_path, monkeypatch, suffix):
    path = tmp_path / f"net{suffix}"
    path.write_bytes(b"precious")

    def fail(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        save_weights(weights, path)
    assert path.read_bytes() == b"precious" and os.listdir(tmp_path) == [path.name]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.filterwarnings("ignore:Exception ignored")  # zipfile's, when it gives up
def test_a_full_disk(weights, tmp_path, suffix):
    (tmp_path / f"net{suffix}").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        save_weights(weights, tmp_path / f"net{suffix}")


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX modes")
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_files_have_the_modes_of_other_files(weights, tmp_path, suffix):
    (tmp_path / "plain").write_bytes(b"")
    save_weights(weights, tmp_path / f"net{suffix}")
    assert (tmp_path / f"net{suffix}").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_an_array_hidden_behind_a_directory_is_found(network, weights, tmp_path):
    """Names in archives are names of tensors, never paths."""
    path = tmp_path / "net.npz"
    save_weights(weights, path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../outside.txt", "text")
    assert_equal(load_weights(network.graph, path), weights)
    assert os.listdir(tmp_path) == ["net.npz"]


def test_file_of_one_tensor_by_safetensors_itself(tmp_path):
    network = cnndsl.loads("input 3; dense 2 bias=false")
    save_file({"dense1.weight": np.float32([[1, 2, 3], [4, 5, 6]])}, tmp_path / "net.safetensors")
    y = network.run([[1, 1, 1]], weights=tmp_path / "net.safetensors")
    assert y.tolist() == [[6, 15]]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_in_mappings_are_finite_too(network, weights, value):
    weights["b.weight"][0, 0] = value
    with pytest.raises(CnnError) as error:
        given_weights(network.graph, weights)
    assert "b.weight" in problem(error, "weights-mismatch")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs POSIX pipes and devices")
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_pipes_and_devices_hold_no_weights(network, tmp_path, suffix):
    os.mkfifo(tmp_path / f"pipe{suffix}")
    (tmp_path / f"zero{suffix}").symlink_to("/dev/zero")
    for name in ("pipe", "zero"):
        with pytest.raises(CnnError) as error:
            load_weights(network.graph, tmp_path / f"{name}{suffix}")
        assert "no regular file" in problem(error, "weights-file")
