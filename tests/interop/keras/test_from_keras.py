"""Keras's models as networks: layer by layer, against Keras's own predictions."""

import numpy as np
import pytest

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


WINDOWS = [
    ("Conv1D", (9, 4), {"filters": 5, "kernel_size": 3}, ({}, {"padding": "causal", "dilation_rate": 2})),
    ("Conv1D", (10, 4), {"filters": 6, "kernel_size": 4, "groups": 2}, ({"strides": 2, "padding": "same"},)),
    ("Conv2D", (9, 10, 4), {"filters": 6, "kernel_size": (3, 2)}, ({}, {"strides": 2}, {"use_bias": False})),
    ("Conv2D", (9, 10, 4), {"filters": 8, "kernel_size": 3, "groups": 4}, ({"padding": "same"}, {"strides": (3, 2)})),
    ("Conv3D", (5, 6, 7, 2), {"filters": 3, "kernel_size": 2}, ({"padding": "same"}, {"strides": 2})),
    ("DepthwiseConv1D", (9, 4), {"kernel_size": 3}, ({"depth_multiplier": 2}, {"strides": 2, "padding": "same"})),
    ("DepthwiseConv2D", (9, 10, 4), {"kernel_size": 3}, ({"depth_multiplier": 3}, {"strides": 2, "padding": "same"})),
    ("SeparableConv1D", (9, 4), {"filters": 5, "kernel_size": 3}, ({"padding": "same"},)),
    ("SeparableConv2D", (9, 10, 4), {"filters": 5, "kernel_size": 3}, ({}, {"depth_multiplier": 2, "strides": 2})),
    ("Conv1DTranspose", (5, 3), {"filters": 4, "kernel_size": 4}, ({"strides": 2, "padding": "same"},)),
    ("Conv2DTranspose", (4, 5, 3), {"filters": 2, "kernel_size": (2, 3)}, ({}, {"strides": 3}, {"dilation_rate": 2})),
    ("Conv2DTranspose", (4, 5, 2), {"filters": 2, "kernel_size": 3, "strides": 2}, ({"padding": "same"},)),
    ("Conv2DTranspose", (4, 5, 2), {"filters": 2, "kernel_size": (5, 2), "padding": "same"}, ({"strides": (2, 3)},)),
    ("Conv1DTranspose", (5, 3), {"filters": 4, "kernel_size": 3, "strides": 2}, ({"output_padding": 1},)),
    (
        *("Conv1DTranspose", (5, 3), {"filters": 4, "kernel_size": 5, "strides": 3, "padding": "same"}),
        ({"output_padding": 0}, {"output_padding": 1}, {"output_padding": 2}),
    ),
    ("Conv3DTranspose", (3, 4, 2, 3), {"filters": 2, "kernel_size": 2}, ({"strides": 2},)),
    ("MaxPooling1D", (9, 4), {}, ({}, {"pool_size": 3, "strides": 2, "padding": "same"})),
    ("MaxPooling2D", (9, 10, 4), {}, ({}, {"pool_size": (2, 3), "strides": 2, "padding": "same"})),
    ("MaxPooling3D", (5, 6, 7, 2), {}, ({}, {"strides": 1})),
    ("AveragePooling1D", (9, 4), {"pool_size": 3}, ({}, {"padding": "same"})),
    ("AveragePooling2D", (9, 10, 4), {"pool_size": 3}, ({}, {"strides": 2})),
    ("AveragePooling3D", (5, 6, 7, 2), {"pool_size": 2}, ({},)),
    ("AdaptiveAveragePooling2D", (9, 10, 4), {"output_size": (3, 4)}, ({},)),
    ("AdaptiveMaxPooling2D", (9, 10, 4), {"output_size": 2}, ({},)),
    ("Dense", (7,), {"units": 3}, ({}, {"use_bias": False, "activation": "gelu"})),
    ("Dense", (6, 5, 7), {"units": 3}, ({},)),
]
OTHERS = [
    *(
        (f"Global{kind}Pooling{len(shape) - 1}D", shape, {}, ({}, {"keepdims": True}))
        for kind in ("Average", "Max")
        for shape in ((9, 4), (5, 6, 4), (3, 4, 5, 2))
    ),
    ("BatchNormalization", (5, 6, 4), {}, ({}, {"center": False}, {"scale": False}, {"axis": 1, "epsilon": 0.1})),
    ("LayerNormalization", (5, 6, 4), {}, ({}, {"center": False}, {"scale": False}, {"axis": [1, 2, 3]})),
    ("LayerNormalization", (7,), {}, ({},)),
    ("GroupNormalization", (5, 6, 4), {"groups": 2}, ({}, {"scale": False}, {"groups": -1})),
    ("Normalization", (5, 6, 4), {"mean": [1, 2, 3, 4], "variance": [1, 4, 9, 0.5]}, ({}, {"invert": True})),
    ("Rescaling", (5, 6, 4), {"scale": 0.5}, ({}, {"offset": -1.0}, {"offset": [1, 2, 3, 4]})),
    ("ReLU", (5, 6, 4), {}, ({}, {"max_value": 6.0}, {"max_value": 0.5}, {"negative_slope": 0.1, "max_value": 1.0})),
    ("LeakyReLU", (5, 6, 4), {}, ({}, {"negative_slope": 0.1})),
    ("ELU", (5, 6, 4), {}, ({}, {"alpha": 0.5})),
    ("PReLU", (5, 6, 4), {"shared_axes": [1, 2]}, ({},)),
    ("PReLU", (7,), {}, ({},)),
    ("Softmax", (5, 6, 4), {}, ({}, {"axis": 1})),
    ("Dropout", (5, 6, 4), {"rate": 0.5}, ({},)),
    ("SpatialDropout2D", (5, 6, 4), {"rate": 0.5}, ({},)),
    ("GaussianNoise", (5, 6, 4), {"stddev": 0.5}, ({},)),
    ("RandomFlip", (5, 6, 4), {}, ({},)),
    ("RandomRotation", (5, 6, 4), {"factor": 0.5}, ({},)),
    ("ZeroPadding1D", (9, 4), {}, ({}, {"padding": (2, 0)})),
    ("ZeroPadding2D", (5, 6, 4), {}, ({}, {"padding": ((1, 0), (2, 3))})),
    ("ZeroPadding3D", (3, 4, 5, 2), {}, ({},)),
    ("Cropping1D", (9, 4), {}, ({}, {"cropping": (2, 0)})),
    ("Cropping2D", (7, 6, 4), {"cropping": 1}, ({}, {"cropping": ((1, 0), (2, 3))})),
    ("Cropping3D", (5, 4, 5, 2), {}, ({},)),
    ("UpSampling1D", (9, 4), {}, ({},)),
    ("UpSampling2D", (5, 6, 4), {}, ({"size": (2, 3)}, {"interpolation": "bilinear"})),
    ("UpSampling3D", (2, 3, 4, 2), {}, ({},)),
    ("Resizing", (6, 8, 4), {"height": 9, "width": 5}, ({},)),
    ("Resizing", (6, 8, 4), {"height": 12, "width": 16, "interpolation": "nearest"}, ({},)),
    ("Flatten", (5, 6, 4), {}, ({},)),
    ("Reshape", (5, 6, 4), {"target_shape": (10, -1)}, ({},)),
    ("Reshape", (24,), {"target_shape": (1, 1, 24)}, ({}, {"target_shape": (2, 3, 4)})),
    ("Permute", (5, 6, 4), {"dims": (2, 1, 3)}, ({}, {"dims": (3, 1, 2)})),
]
CASES = [
    pytest.param(name, shape, {**given, **more}, id=f"{name}{len(shape)}-{'-'.join(map(str, more.items()))}")
    for name, shape, given, variants in (*WINDOWS, *OTHERS)
    for more in variants
]


@pytest.mark.parametrize(("name", "shape", "settings"), CASES)
def test_one_layer(keras, name, shape, settings):
    layers = keras.layers
    alone = imported(keras, getattr(layers, name)(**settings), shape=shape)
    text, small = alone.decompiled()
    again = cnndsl.loads(text)
    assert again.params == alone.params and list(again.outputs.values()) == list(small.outputs.values())
