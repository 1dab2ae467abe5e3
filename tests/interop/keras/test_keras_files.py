"""Files that Keras saved, and files that say so: `cnndsl import` reads them, and one diagnostic says what is wrong."""

import io
import json
import sys
import zipfile

import numpy as np
import pytest

import cnndsl
from cnndsl.cli import main
from cnndsl.interop.keras.importer.load import EXPANSION, read_model

h5py = pytest.importorskip("h5py")
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's, as it saves

SOURCE = """
import keras
from keras import layers


def make():
    return keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3, name="conv"), layers.ReLU()], name="made")


def words():
    return "no network"
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def saved(keras, folder):
    """A model as Keras saves it."""
    layers = keras.layers
    made = [layers.Conv2D(4, 3, name="conv"), layers.BatchNormalization(), layers.Flatten(), layers.Dense(5)]
    model = keras.Sequential([keras.Input((8, 8, 3)), *made], name="small")
    model.save("net.keras")
    return model


def members(path="net.keras"):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(parts, path="net.keras", **options):
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def changed(change, path="net.keras"):
    parts = members(path)
    config = json.loads(parts["config.json"])
    change(config)
    write({**parts, "config.json": json.dumps(config)}, path)


def refused(capsys, name="net.keras", *more):
    """What is said about a file that cannot be imported: one diagnostic, and nothing is written."""
    capsys.readouterr()
    assert main(["import", name, "-o", "out.cnn", *more]) in (1, 2)
    said = capsys.readouterr().err
    assert said.count("error[") == 1
    return said


def test_a_file_becomes_text_and_weights(keras, saved, folder, capsys):
    assert main(["import", "net.keras"]) == 0
    assert "note[channels-last]" in capsys.readouterr().err
    net = cnndsl.load("net.cnn")
    assert "is 3@8x8 for 8x8x3" in (folder / "net.cnn").read_text(encoding="utf-8").splitlines()[1]
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    found = net.run(np.moveaxis(x, -1, 1), weights="net.safetensors")
    assert np.abs(found - saved(x).detach().numpy()).max() < 1e-5


def test_keras_works_on(keras, saved):
    """A layer whose shapes Keras has to find out by calling it, behind a file that was read."""
    assert main(["import", "net.keras"]) == 0

    class Doubled(keras.layers.Layer):
        def call(self, x):
            return x + x

    outputs = Doubled()(keras.Input((8, 8, 3)))
    assert outputs.shape == (None, 8, 8, 3)


def test_an_object_of_python(keras, folder, capsys):
    (folder / "made_by.py").write_text(SOURCE, encoding="utf-8")
    try:
        assert main(["import", "made_by:make", "-o", "net.cnn"]) == 0
        assert cnndsl.load("net.cnn").params == 3 * 4 * 9 + 4
        assert "knows the shapes of its inputs" in refused(capsys, "made_by:make", "--input", "3@8x8")
        said = refused(capsys, "made_by:words")
        assert "`made_by:words` gives `str`, no torch.nn.Module and no keras.Model" in said
    finally:
        sys.modules.pop("made_by", None)


def test_options_of_other_models(saved, capsys):
    assert "--input: a Keras model knows the shapes of its inputs" in refused(capsys, "net.keras", "--input", "3@8x8")
    assert "--partial is for ONNX models" in refused(capsys, "net.keras", "--partial")


@pytest.mark.parametrize("size", [0, 4, 100, 3000])
def test_a_file_that_was_cut_short(saved, folder, capsys, size):
    (folder / "net.keras").write_bytes((folder / "net.keras").read_bytes()[:size])
    said = refused(capsys)
    assert "error[keras-file]: `net.keras`: this is no file of Keras, or damaged" in said


def test_bytes_that_were_changed(saved, folder, capsys):
    content = bytearray((folder / "net.keras").read_bytes())
    place = content.index(b"conv")
    content[place : place + 40] = bytes(40)
    (folder / "net.keras").write_bytes(content)
    assert "error[keras-file]" in refused(capsys)


def test_a_missing_file(folder, capsys):
    assert "error[file-unreadable]" in refused(capsys)


def test_another_archive(folder, capsys):
    write({"readme.txt": "hello"})
    assert "this is an archive without config.json" in refused(capsys)


@pytest.mark.parametrize("config", ["", "{", "[" * 100_000, "nul"])
def test_a_config_that_is_no_json(saved, capsys, config):
    write({**members(), "config.json": config})
    assert "its config.json is no JSON" in refused(capsys)


@pytest.mark.parametrize("config", ["{}", "[]", "1", '{"class_name": "Dense", "config": 7}', '{"class_name": []}'])
def test_a_config_of_no_model(saved, capsys, config):
    write({**members(), "config.json": config})
    said = refused(capsys)
    assert "error[keras-file]" in said and "= help: save it again by model.save" in said


def test_weights_that_are_no_hdf5(saved, capsys):
    write({**members(), "model.weights.h5": "junk"})
    said = refused(capsys)
    assert "its weights are no HDF5" in said and "= help: save it again by model.save" in said


@pytest.mark.parametrize("name", ["net.h5", "net.hdf5", "renamed.keras"])
def test_the_older_format(folder, capsys, name):
    with h5py.File(name, "w") as file:
        file.attrs["model_config"] = "{}"
    said = refused(capsys, name)
    assert "error[keras-file]" in said and "format until version 3" in said
    assert f'keras.saving.load_model("{name}", compile=False).save(' in said


def test_layers_of_code_are_listed_and_not_run(keras, folder, capsys):
    layers = keras.layers

    @keras.saving.register_keras_serializable(package="ours")
    class Twice(layers.Layer):
        def call(self, x):
            return 2 * x

    x = keras.Input((8, 8, 3))
    y = Twice(name="double")(layers.Lambda(lambda x: x + 1, name="one_more")(x))
    keras.Model(x, y).save("net.keras")
    keras.saving.get_custom_objects().clear()
    assert main(["import", "net.keras"]) == 1
    said = capsys.readouterr().err
    assert said.count("error[import-unsupported]") == 2
    assert "`one_more` (`Lambda`): what it computes is Python code in the file, which is never run" in said
    assert "`double` (`ours>Twice`): it is somebody's own class or function" in said
    assert "cnndsl import package.module:callable" in said


@pytest.mark.parametrize(
    ("module", "name"),
    [("os", "system"), ("builtins", "function"), ("keras.utils", "get_file"), ("kerasevil.layers", "Dense")],
)
def test_modules_that_are_not_keras_are_never_imported(saved, capsys, module, name):
    def change(config):
        config["config"]["layers"][1] |= {"module": module, "class_name": name}

    changed(change)
    assert "whose code is never looked for" in refused(capsys)


def test_what_the_language_has_not_is_listed_at_once(keras, folder, capsys):
    layers = keras.layers
    x = keras.Input((7, 4))
    y = layers.LSTM(4, return_sequences=True, name="memory")(x)
    y = layers.RepeatVector(3, name="again")(layers.Flatten()(layers.UnitNormalization(name="unit")(y)))
    keras.Model(x, y).save("net.keras")
    assert main(["import", "net.keras"]) == 1
    said = capsys.readouterr().err
    for name, kind in (("memory", "LSTM"), ("unit", "UnitNormalization"), ("again", "RepeatVector")):
        assert f"`{name}` ({kind}): the language has nothing for `keras.layers.{kind}`" in said
    assert said.count("error[") == 3


def test_an_input_of_any_size(keras, folder, capsys):
    keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(4, 3)]).save("net.keras")
    assert "has the extents ?x?x3, but all after the batch must be fixed" in refused(capsys)


# --- files that ask for more than they hold ---
def test_weights_that_a_config_only_declares(saved, capsys):
    """2^50 units: nothing is taken for them."""

    def change(config):
        config["config"]["layers"][-1]["config"]["units"] = 1 << 50

    changed(change)
    assert "error[keras-file]" in refused(capsys)


def test_an_archive_of_zeros(saved, capsys):
    write({**members(), "assets/zeros": bytes(1 << 24)}, compression=zipfile.ZIP_DEFLATED)
    assert "its members declare 16," in refused(capsys)


def test_a_dataset_that_is_declared_alone(saved, capsys):
    parts = members()
    weights = io.BytesIO(parts["model.weights.h5"])
    with h5py.File(weights, "r+") as file:
        file.create_dataset("layers/more", shape=(1 << 40,), dtype="float32", chunks=(1024,))
    write({**parts, "model.weights.h5": weights.getvalue()})
    assert "its weights declare 4,398,0" in refused(capsys)


def test_weights_in_another_file(saved, folder, capsys):
    parts = members()
    (folder / "secret").write_bytes(bytes(4000))
    weights = io.BytesIO(parts["model.weights.h5"])
    with h5py.File(weights, "r+") as file:
        name = next(iter(file["layers/conv2d/vars"]))
        del file[f"layers/conv2d/vars/{name}"]
        file.create_dataset(
            f"layers/conv2d/vars/{name}",
            shape=(3, 3, 3, 4),
            dtype="float32",
            external=[(str(folder / "secret"), 0, 432)],
        )
    write({**parts, "model.weights.h5": weights.getvalue()})
    assert "are in another file" in refused(capsys)


def test_links_out_of_the_weights(saved, folder, capsys):
    parts = members()
    weights = io.BytesIO(parts["model.weights.h5"])
    with h5py.File(folder / "secret.h5", "w") as file:
        file["x"] = np.ones((3, 3, 3, 4), np.float32)
    with h5py.File(weights, "r+") as file:
        del file["layers/conv2d/vars/0"]
        file["layers/conv2d/vars/0"] = h5py.ExternalLink(str(folder / "secret.h5"), "x")
    write({**parts, "model.weights.h5": weights.getvalue()})
    assert "error[keras-file]" in refused(capsys)


def test_a_member_may_be_compressed(saved, folder):
    write(members(), compression=zipfile.ZIP_DEFLATED)
    with read_model(folder / "net.keras") as model:
        assert cnndsl.from_keras(model).params > 0
    assert EXPANSION > 8


def test_not_a_model(keras):
    with pytest.raises(cnndsl.CnnError, match=r"must be a keras.Model, not `int`"):
        cnndsl.from_keras(3)
    with pytest.raises(cnndsl.CnnError, match="does not know the shapes"):
        cnndsl.from_keras(keras.Sequential([keras.layers.Dense(3)]))
