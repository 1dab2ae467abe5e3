"""Keras's own networks with random weights: parameters, values, names and texts."""

import numpy as np
import pytest

import cnndsl

NETWORKS = {
    # name: the side of its images, and the most lines of its text
    "VGG16": (32, 15),
    "ResNet50": (32, 40),
    "ResNet50V2": (32, 50),
    "MobileNet": (32, 25),
    "MobileNetV2": (32, 45),
    "MobileNetV3Small": (32, 60),
    "DenseNet121": (32, 35),
    "EfficientNetB0": (32, 55),
    "EfficientNetV2B0": (32, 55),
    "InceptionV3": (75, 110),
    "Xception": (71, 50),
    "ConvNeXtTiny": (32, 35),
}
STATISTICS = {"moving_mean": (-0.2, 0.2), "moving_variance": (0.5, 1.5), "gamma": (0.8, 1.2), "beta": (-0.2, 0.2)}
CONSTANTS = "normalization"
"""How the layers are called whose variables, for preprocessing, are numbers in the text."""


def made(keras, name, side):
    keras.utils.set_random_seed(0)
    model = getattr(keras.applications, name)(weights=None, input_shape=(side, side, 3), classes=10)
    random = np.random.default_rng(0)
    for variable in model.variables:
        bounds = STATISTICS.get(variable.path.rpartition("/")[2])
        if bounds:
            variable.assign(random.uniform(*bounds, variable.shape))
    return model


def parameters(model):
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(keras, name):
    side, lines = NETWORKS[name]
    model = made(keras, name, side)
    network = cnndsl.from_keras(model)
    assert network.imported_by == "keras"
    assert network.params == parameters(model)
    x = np.random.default_rng(1).uniform(0, 255, (2, side, side, 3)).astype("float32")
    wanted = model(x, training=False).detach().numpy()
    found = network.run(np.moveaxis(x, -1, 1))
    np.testing.assert_allclose(found / np.abs(wanted).max(), wanted / np.abs(wanted).max(), atol=1e-4)
    text, again = network.decompiled()
    theirs = {variable.path: variable.value.detach().numpy() for variable in model.weights}
    for one in (network, again):
        unnamed = set(theirs) - set(one.module_names.values())
        assert all(path.startswith(CONSTANTS) for path in unnamed)
        for key, weight in one.weights().items():
            kernel = theirs[one.module_names[key]]
            assert np.array_equal(np.sort(weight, axis=None), np.sort(kernel, axis=None)), key
            assert one.module_names[key].startswith(one.module_names[key.rpartition(".")[0]])
    assert "permute" not in text
    assert len(text.splitlines()) <= lines
    assert cnndsl.loads(text).params == network.params


def test_a_large_network(keras):
    """By its counts."""
    model = made(keras, "InceptionResNetV2", 75)
    network = cnndsl.from_keras(model)
    assert network.params == parameters(model)
    assert {variable.path for variable in model.weights} <= set(network.module_names.values())
