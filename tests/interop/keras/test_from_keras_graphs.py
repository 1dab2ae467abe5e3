"""Keras's models as networks: graphs, models in models, operations, and layers that somebody wrote."""

import numpy as np
import pytest

import cnndsl
from tests.interop.keras.test_from_keras import compare, imported, shuffled

ACTIVATIONS = (
    *("relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "hard_silu", "hard_sigmoid"),
    *("hard_tanh", "sigmoid", "log_sigmoid", "tanh", "softplus", "softsign", "softmax", "log_softmax", "exponential"),
    *("linear", "tanh_shrink", "squareplus", "soft_shrink"),
)


def network(keras, inputs, outputs, **options):
    model = keras.Model(inputs, outputs, **options)
    shuffled(model)
    net = cnndsl.from_keras(model)
    compare(model, net)
    text, small = net.decompiled()
    assert cnndsl.loads(text).params == net.params == small.params
    return net


def operators(net):
    return [node.op.operator for node in net.graph.layers]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(keras, name):
    net = imported(keras, keras.layers.Conv2D(5, 1, activation=name, name="conv"))
    assert "conv.weight" in net.weights()


def test_activations_of_other_kinds(keras):
    layers, ops = keras.layers, keras.ops
    net = imported(
        keras,
        layers.Conv2D(5, 1, activation=layers.LeakyReLU(0.3)),
        layers.Conv2D(5, 1, activation=lambda x: x * ops.sigmoid(1.5 * x)),
        layers.Activation(ops.tanh),
        layers.Activation(layers.ReLU(1.5)),
    )
    assert {"leaky_relu", "sigmoid", "tanh", "clip"} <= set(operators(net))


OPERATIONS = {
    "arithmetic": lambda ops, x: (x + 1.5) * 2.0 - x / 4 + (3 - x) + (1 / (2 + ops.abs(x))),
    "products": lambda ops, x: ops.square(x) + x * x + ops.power(ops.abs(x), 1.5) - ops.sqrt(ops.exp(x)),
    "bounds": lambda ops, x: ops.maximum(ops.minimum(x, 0.5), -0.25) + ops.clip(x, -1, 1) + ops.maximum(x, -x),
    "reductions": lambda ops, x: x * ops.mean(x, axis=[1, 2], keepdims=True) + ops.max(x, axis=-1, keepdims=True),
    "sums": lambda ops, x: ops.concatenate([ops.sum(x, axis=(1, 2)), ops.min(x, axis=(1, 2))], axis=-1),
    "shapes": lambda ops, x: ops.transpose(ops.reshape(x, (-1, 12, 20)), (0, 2, 1)),
    "axes": lambda ops, x: ops.squeeze(ops.expand_dims(x, 1), 1) + ops.stack([x, x], axis=1)[:, 0],
    "parts": lambda ops, x: ops.concatenate(ops.split(x, 2, axis=-1)[::-1], axis=-1) + x[..., ::1],
    "cells": lambda ops, x: ops.concatenate([x[:, 1:4, ::2], x[:, -3:, 1::2]], axis=1),
    "cell": lambda ops, x: x[:, 0] + x[:, :, 2],
    "padding": lambda ops, x: ops.pad(x, ((0, 0), (1, 2), (0, 1), (0, 0))),
    "reflection": lambda ops, x: ops.pad(x, ((0, 0), (1, 2), (0, 1), (0, 0)), mode="reflect"),
    "repeats": lambda ops, x: ops.repeat(ops.repeat(x, 2, axis=1), 3, axis=2),
    "sizes": lambda ops, x: ops.image.resize(x, (10, 7)),
    "hardsigmoid": lambda ops, x: ops.relu6(x + 3.0) * (1.0 / 6.0),
    "activations": lambda ops, x: ops.silu(x) + ops.softmax(x) + ops.leaky_relu(x, 0.2) + ops.hard_sigmoid(x),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations(keras, name):
    x = keras.Input((5, 6, 4)) if name not in ("shapes", "cell") else keras.Input((6, 6, 4))
    x = keras.Input((5, 12, 4)) if name == "shapes" else x
    y = OPERATIONS[name](keras.ops, keras.layers.Conv2D(4, 1)(x))
    net = network(keras, x, y)
    assert ("hardsigmoid" in operators(net)) == (name in ("hardsigmoid", "activations"))


def test_a_flattened_map(keras):
    """The weight of a dense layer gets the language's order, whatever element by element stands between."""
    layers = keras.layers
    net = imported(
        keras,
        layers.Flatten(),
        layers.Dropout(0.3),
        layers.Activation("tanh"),
        layers.Dense(7, activation="relu"),
        layers.Dense(3),
        shape=(3, 4, 5),
    )
    assert operators(net) == ["flatten", "dropout", "tanh", "dense", "relu", "dense"]


def test_a_flattened_map_that_is_read_in_keras_order(keras):
    layers = keras.layers
    imported(keras, layers.Flatten(), layers.ReLU(), shape=(3, 4, 5))
    imported(keras, layers.Flatten(), layers.BatchNormalization(), layers.Dense(3), shape=(3, 4, 5))
    imported(keras, layers.Flatten(), layers.ReLU(), layers.Reshape((4, 15)), layers.Conv1D(2, 3), shape=(3, 4, 5))
    x = keras.Input((3, 4, 5))
    flat, tall = layers.Flatten()(x), layers.Flatten()(layers.Conv2D(2, 1)(x))
    network(keras, x, [layers.Dense(3)(layers.Concatenate()([flat, tall])), tall, layers.Dense(2)(flat)])


def test_a_vector_that_becomes_a_map(keras):
    """The dense layer gives its features in the language's order, whatever stands between and whoever reads it too."""
    layers = keras.layers

    def made(between):
        x = keras.Input((5,))
        vector = between(layers.Dense(24, activation="tanh")(x))
        return x, vector, layers.Conv2DTranspose(2, 3, strides=2, padding="same")(layers.Reshape((2, 3, 4))(vector))

    x, _, image = made(lambda y: layers.LeakyReLU()(layers.BatchNormalization()(y)))
    net = network(keras, x, image)
    assert operators(net) == ["dense", "tanh", "batchnorm", "leaky_relu", "reshape", "conv_transpose"]
    x, vector, image = made(layers.Dropout(0.2))
    network(keras, x, [image, vector, layers.Dense(3)(vector), layers.BatchNormalization()(vector)])
    dense = layers.Dense(12)
    x = keras.Input((12,))
    net = network(keras, x, layers.Reshape((2, 2, 3))(dense(layers.ReLU()(dense(x)))))
    assert net.params == 12 * 12 + 12
    inner = keras.Sequential([keras.Input((12,)), dense])
    x = keras.Input((12,))
    network(keras, x, [layers.Reshape((2, 2, 3))(dense(x)), inner(x)])


def test_squeeze_and_excitation(keras):
    layers = keras.layers
    x = keras.Input((8, 8, 6))
    s = layers.GlobalAveragePooling2D()(x)
    s = layers.Reshape((1, 1, 6))(s)
    s = layers.Conv2D(3, 1, activation="relu")(s)
    s = layers.Conv2D(6, 1, activation="sigmoid")(s)
    net = network(keras, x, layers.Multiply()([x, s]))
    assert operators(net) == ["global_avgpool", "conv", "relu", "conv", "sigmoid", "mul"]


def test_merges(keras):
    layers = keras.layers
    a, b = keras.Input((5, 6, 4), name="left"), keras.Input((5, 6, 4), name="right")
    vector = layers.GlobalMaxPooling2D()(b)
    made = [
        getattr(layers, name)()([a, b]) for name in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")
    ]
    made += [layers.Concatenate()([a, b]), layers.Concatenate(axis=1)([a, b]), layers.Multiply()([a, vector])]
    net = network(keras, [a, b], made)
    assert list(net.inputs) == ["left", "right"] and net.channels_last[:2] == ("left", "right")


def test_models_in_models_are_blocks(keras):
    layers = keras.layers

    def tower(index):
        x = keras.Input((8, 8, 4))
        y = layers.BatchNormalization(name="norm")(layers.Conv2D(4, 3, padding="same", name="conv")(x))
        return keras.Model(x, layers.Add()([x, layers.ReLU()(y)]), name=f"tower{index}")

    x = keras.Input((8, 8, 4))
    net = network(keras, x, tower(2)(tower(1)(x)))
    assert net.module_names["tower1.conv.weight"] == "tower1/conv/kernel" or "tower1.conv.weight" in net.weights()
    assert [instance.block for instance in net.graph.instances] == ["tower", "tower"]
    text, _ = net.decompiled()
    assert text.count("conv ") == 1


def test_one_model_in_a_model_is_no_block(keras):
    layers = keras.layers
    convs = [layers.Conv2D(4, 3, padding="same", activation="relu", name=f"conv{place}") for place in range(4)]
    base = keras.Sequential([keras.Input((8, 8, 4)), *convs], name="base")
    x = keras.Input((8, 8, 4))
    net = network(keras, x, layers.Dense(2)(layers.GlobalAveragePooling2D()(base(x))))
    assert not net.graph.instances
    assert "base.conv1.weight" in net.weights()


def test_shared_layers_and_models(keras):
    layers = keras.layers
    conv = layers.Conv2D(4, 3, padding="same", name="conv")
    inner = keras.Sequential([keras.Input((8, 8, 4)), layers.Conv2D(4, 1, name="deep"), layers.ReLU()], name="inner")
    x = keras.Input((8, 8, 4))
    net = network(keras, x, inner(conv(layers.ReLU()(conv(inner(x))))))
    assert net.params == 4 * 4 * 9 + 4 + 4 * 4 + 4
    assert sum(node.share is not None for node in net.graph.layers) == 2


def test_layers_that_somebody_wrote_are_blocks(keras):
    layers = keras.layers

    class Residual(layers.Layer):
        def __init__(self, filters, **settings):
            super().__init__(**settings)
            self.conv = layers.Conv2D(filters, 3, padding="same", name="conv")
            self.drop = layers.Dropout(0.5)

        def build(self, shape):
            self.conv.build(shape)
            self.gain = self.add_weight(shape=(shape[-1],), name="gain")
            self.built = True

        def call(self, x, training=None):
            y = self.drop(self.conv(x), training=training)
            return x + keras.ops.relu(y) * self.gain

    model = keras.Sequential([keras.Input((8, 8, 4)), Residual(4, name="first"), Residual(4, name="second")])
    shuffled(model)
    calls = [len(layer._inbound_nodes) for layer in model._flatten_layers()]
    net = cnndsl.from_keras(model)
    assert [len(layer._inbound_nodes) for layer in model._flatten_layers()] == calls
    compare(model, net)
    assert [instance.block for instance in net.graph.instances] == ["Residual", "Residual"]
    paths = {variable.path for variable in model.trainable_variables}
    assert paths <= set(net.module_names.values())
    assert "repeat 2" in net.decompiled()[0]


def test_a_lambda_of_code_that_runs_here(keras):
    layers = keras.layers
    net = imported(keras, layers.Lambda(lambda x: keras.ops.relu(x) * 2.0), layers.Conv2D(3, 1))
    assert operators(net) == ["relu", "normalize", "conv"]


def test_a_model_that_is_code(keras):
    layers = keras.layers

    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.one, self.two = layers.Conv2D(4, 3, strides=2, padding="same"), layers.Dense(3)

        def call(self, x):
            return self.two(keras.ops.mean(keras.ops.relu(self.one(x)), axis=(1, 2)))

    model = Net()
    with pytest.raises(cnndsl.CnnError, match="does not know the shapes of its inputs"):
        cnndsl.from_keras(model)
    model(np.zeros((1, 8, 8, 3), np.float32))
    shuffled(model)
    net = cnndsl.from_keras(model)
    compare_code(model, net, (8, 8, 3))


def test_a_model_that_calls_what_is_below_keras(keras):
    """It comes by way of ONNX."""
    import torch

    layers = keras.layers

    class Net(keras.Model):
        def __init__(self, after):
            super().__init__()
            self.one, self.two, self.after = layers.Conv2D(4, 3, padding="same"), layers.Dense(3), after

        def call(self, x):
            return self.after(self.two(torch.relu(self.one(x)).mean((1, 2))))

    model = Net(lambda y: y)
    model(np.zeros((1, 8, 8, 3), np.float32))
    shuffled(model)
    net = cnndsl.from_keras(model)
    assert net.imported_by == "onnx"
    compare_code(model, net, (8, 8, 3))
    assert {variable.path for variable in model.weights} <= set(net.module_names.values())

    model = Net(lambda y: torch.from_numpy(y.detach().numpy()[::-1].copy()))
    model(np.zeros((1, 8, 8, 3), np.float32))
    with pytest.raises(cnndsl.CnnError) as caught:
        cnndsl.from_keras(model)
    assert caught.value.diagnostics[0].code == "import-unsupported"


def compare_code(model, net, shape):
    x = np.random.default_rng(0).normal(size=(2, *shape)).astype("float32")
    assert np.abs(net.run(np.moveaxis(x, -1, 1)) - model(x).detach().numpy()).max() < 1e-4


def test_words(keras):
    layers = keras.layers
    x = keras.Input((7,), dtype="int32")
    y = layers.Conv1D(4, 3)(layers.Embedding(10, 6, name="table")(x))
    net = network(keras, x, layers.Dense(2)(layers.GlobalMaxPooling1D()(y)))
    assert net.module_names["table.weight"].endswith("table/embeddings")


def test_channels_first(keras):
    layers = keras.layers
    x = keras.Input((3, 8, 9))
    y = layers.Conv2D(4, 3, strides=2, padding="same", data_format="channels_first")(x)
    y = layers.BatchNormalization(axis=1)(layers.MaxPooling2D(data_format="channels_first")(y))
    net = network(keras, x, layers.Dense(3)(layers.Flatten(data_format="channels_first")(y)))
    assert net.channels_last == () and "permute" not in net.decompiled()[0]


def test_the_mean_leaves_the_padding_out(keras):
    """As with TensorFlow and JAX; on PyTorch, Keras counts the last cell twice where the padding is on one side."""
    layer = keras.layers.AveragePooling1D(2, strides=1, padding="same")
    net = cnndsl.from_keras(keras.Sequential([keras.Input((4, 1)), layer]))
    assert net.run(np.array([[[1, 2, 4, 8]]], np.float32)).ravel().tolist() == [1.5, 3, 6, 8]


def test_the_weights_are_copies(keras):
    layers = keras.layers
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="dense")])
    net = cnndsl.from_keras(model)
    before = net.weights()["dense.weight"].copy()
    model.layers[0].kernel.assign(np.ones((4, 3)))
    assert np.array_equal(net.weights()["dense.weight"], before)
