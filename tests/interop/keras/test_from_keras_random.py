"""Random models: the network gives what Keras gives."""

import os
import random

import numpy as np
import pytest

import cnndsl
from tests.interop.keras.test_from_keras import compare, shuffled

CASES = 40 * int(os.environ.get("CNNDSL_FUZZ", "1"))
SEED = int(os.environ.get("CNNDSL_SEED", "0"))

CALLS = [
    "L.Conv2D(6, r.choice([1, 3, (3, 2)]), padding='same', activation=r.choice(['relu', 'tanh', 'elu', None]))(a)",
    "L.Conv2D(6, 3, padding='same', groups=3, dilation_rate=2)(a)",
    "L.DepthwiseConv2D(3, padding='same', use_bias=False)(a)",
    "L.SeparableConv2D(6, 3, padding='same')(a)",
    "L.UpSampling2D()(L.Conv2D(6, 3, strides=2, padding='same')(a))",
    "L.Conv2DTranspose(6, 3, strides=2, padding='same')(L.MaxPooling2D(3, 2, padding='same')(a))",
    "L.Cropping2D(((1, 0), (0, 1)))(L.Conv2DTranspose(6, 2)(a))",
    "L.MaxPooling2D(3, 1, padding='same')(a)",
    "L.AveragePooling2D(3, 1, padding='same')(a)",
    "L.MaxPooling2D(2, 1)(L.ZeroPadding2D(((0, 1), (1, 0)))(O.relu(a)))",
    "L.BatchNormalization(axis=r.choice([-1, 1]), scale=r.random() < 0.7, center=r.random() < 0.7)(a)",
    "L.LayerNormalization(axis=r.choice([-1, [1, 2, 3]]))(a)",
    "L.GroupNormalization(r.choice([1, 2, 6]))(a)",
    "L.Dense(6, activation='sigmoid')(a)",
    "L.PReLU(shared_axes=[1, 2])(a)",
    "L.Add()([a, b])",
    "L.Subtract()([a, b])",
    "L.Multiply()([a, L.GlobalAveragePooling2D(keepdims=True)(b)])",
    "L.Multiply()([a, L.Dense(6)(L.GlobalMaxPooling2D()(b))])",
    "L.Average()([a, b, a])",
    "L.Concatenate()([a[..., :2], b[..., 2:]])",
    "L.Concatenate(axis=1)([a[:, :2], b[:, 2:]])",
    "L.Permute((2, 1, 3))(a)",
    "O.transpose(a, (0, 3, 1, 2))",
    "L.Reshape((6, 6, 6))(L.Flatten()(a))",
    "L.Reshape((6, 6, 6))(L.Dropout(0.2)(L.Flatten()(O.tanh(a))))",
    "L.Reshape((6, 6, 6))(L.Dense(216)(L.Flatten()(a)))",
    "O.reshape(L.Conv1D(6, 3, padding='causal')(O.reshape(a, (-1, 36, 6))), (-1, 6, 6, 6))",
    "a * 0.5 - b / 3 + 1",
    "O.maximum(a, b) - O.minimum(a, 0.25)",
    "a * O.mean(b, axis=-1, keepdims=True)",
    "O.softmax(a, axis=r.choice([1, 2, 3]))",
    "O.concatenate(O.split(a, 3, axis=2), axis=2)",
    "L.Activation('gelu')(a)",
    "O.pad(a[:, 1:, :-1], ((0, 0), (1, 0), (0, 1), (0, 0)))",
]
"""Calls that keep the shape of 6x6x6; ``a`` and ``b`` are values so far, ``r`` is random."""


@pytest.mark.parametrize("case", range(CASES))
def test_random_models(keras, case):
    r = random.Random(f"{SEED} {case}")
    x = keras.Input((6, 6, 6))
    values = [x, keras.layers.Conv2D(6, 1)(x)]
    for _ in range(r.randint(3, 9)):
        names = {"L": keras.layers, "O": keras.ops, "r": r, "a": values[-1], "b": r.choice(values)}
        values.append(eval(r.choice(CALLS), names))
    model = keras.Model(x, r.choice([values[-1], keras.layers.Flatten()(values[-1]), [values[-1], values[-2]]]))
    shuffled(model)
    net = cnndsl.from_keras(model)
    compare(model, net)
    expected = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
    assert net.params == expected
    text, _ = net.decompiled()
    assert cnndsl.loads(text).params == expected
