"""Keras's models as networks: layer by layer, against Keras's own predictions."""

import numpy as np

import cnndsl


def shuffled(model, seed=0):
    """Random numbers in all variables, so that nothing is a one or a zero."""
    random = np.random.default_rng(seed)
    for variable in model.variables:
        low, high = (0.5, 1.5) if "variance" in variable.path else (-0.5, 0.5)
        if variable.dtype == "float32":
            variable.assign(random.uniform(low, high, variable.shape))


def inputs_of(model, batch=2, seed=1):
    random = np.random.default_rng(seed)
    found = []
    for tensor in model.inputs:
        shape = (batch, *tensor.shape[1:])
        words = tensor.dtype.startswith("int")
        found.append(random.integers(0, 5, shape) if words else random.normal(size=shape).astype("float32"))
    return found


def compare(model, net, tolerance=1e-4):
    """Raises where the network gives other values than the model, in the model's layout."""
    given = inputs_of(model)
    wanted = model(given if len(given) > 1 else given[0], training=False)
    wanted = [one.detach().numpy() for one in (wanted if isinstance(wanted, list | tuple) else [wanted])]
    first = {
        name: np.moveaxis(x, -1, 1) if name in net.channels_last else x
        for name, x in zip(net.inputs, given, strict=True)
    }
    found = net.run(first)
    found = list(found.values()) if isinstance(found, dict) else [found]
    for name, theirs, ours in zip(net.outputs, wanted, found, strict=True):
        ours = np.moveaxis(ours, 1, -1) if name in net.channels_last else ours
        assert ours.shape == theirs.shape
        assert np.abs(ours - theirs).max() <= tolerance * max(1, np.abs(theirs).max())


def imported(keras, *layers, shape=(9, 10, 4), **options):
    """The network of layers behind each other, with what Keras computes."""
    model = keras.Sequential([keras.Input(shape, **options), *layers])
    shuffled(model)
    net = cnndsl.from_keras(model)
    compare(model, net)
    assert net.params == sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    return net


def test_three_layers(keras):
    layers = keras.layers
    net = imported(
        keras,
        layers.Conv2D(8, 3, strides=2, padding="same", activation="relu", name="conv"),
        layers.MaxPooling2D(),
        layers.BatchNormalization(momentum=0.9, name="norm"),
        layers.Flatten(),
        layers.Dense(10, activation="softmax", name="head"),
        shape=(28, 28, 1),
    )
    assert net.imported_by == "keras"
    assert net.channels_last == ("input",)
    assert net.module_names["conv.weight"].endswith("/conv/kernel")
    text, _ = net.decompiled()
    assert "batchnorm eps=0.001 -> flatten" in text and "permute" not in text
