"""What tools/fuzz_onnx.py feeds: small sound ONNX models with fields changed at random, the same for the same seed."""

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from random import Random

import numpy as np
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

import cnndsl
from cnndsl import ops
from cnndsl.interop.onnx.importer.translations.operators import TRANSLATIONS
from tools import corpus

LARGEST_SEED_MODEL = 50_000

INTEGERS = (0, 1, -1, 2, 3, 4, 5, 7, 8, 16, 255, -5, 2**31 - 1, 2**31, -(2**31), 2**62, 2**63 - 1, -(2**63))
FLOATS = (
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    1e-5,
    1e-40,
    1e-45,
    1e38,
    -1e38,
    3.4e38,
    1e-30,
    *map(float, ("nan", "inf", "-inf")),
)
NAMES = ("", "x", "a\0b", "\x1b[31mred", "\u202eabc", "a" * 5000, "if", "conv", "../up", "é漢🙂", "a\nb", "input", "0")
STRINGS = (
    b"",
    b"VALID",
    b"SAME_UPPER",
    b"SAME_LOWER",
    b"NOTSET",
    b"linear",
    b"nearest",
    b"cubic",
    b"\xff\xfe",
    b"reflect",
    b"edge",
    b"floor",
)
TYPES = tuple(range(0, 27))

MORE_TEXTS = (
    "input 2@8x8; depthwise 3x3 pad=1 -> relu6; slice 0 1; upsample 2; avgpool 2x2; flatten; dense 4; log_softmax",
    "input 3@12; conv 4 3 dilation=2 -> batchnorm -> leaky_relu 0.1; maxpool 2; global_maxpool",
    "input 4@4x4x4; conv 2 3x3x3 pad=1 groups=2 -> sigmoid; mul { identity; conv 2 1x1x1 -> tanh }",
    "input 4@6x6; concat { identity; conv 4 1x1 -> instancenorm }; channel_shuffle 2; groupnorm 2; reshape 8@36",
)


@cache
def seeds() -> tuple[bytes, ...]:
    """The models of all operators' examples and of some texts, without the large ones."""
    texts = [*(ops.operator(name).example for name in ops.NAMES), corpus.SMALL, *corpus.MODELS, *MORE_TEXTS]
    found = []
    for text in texts:
        result = cnndsl.check(text)
        if result.network is not None and result.network.params * 4 < LARGEST_SEED_MODEL:
            found.append(result.network.to_onnx().SerializeToString())
    return tuple(data for data in found if len(data) < LARGEST_SEED_MODEL)


def mutated(random: Random) -> tuple[bytes, list[str]]:
    """A changed model, and the names of the changes."""
    model = ModelProto()
    model.ParseFromString(random.choice(seeds()))
    if random.random() < 0.5:
        model.producer_name = random.choice(("pytorch", "tf2onnx", ""))
    chosen = random.choices(CHANGES, k=random.choice((0, 1, 1, 1, 2, 3)))
    for change in chosen:
        with suppress(ValueError, TypeError):  # what it changes is broken already
            change(random, model)
    return model.SerializeToString(), [change.__name__.strip("_") for change in chosen]


# --- parts of a model -------------------------------------------------------------------------------------------------
def _node(random: Random, model: ModelProto) -> NodeProto:
    return random.choice(model.graph.node) if model.graph.node else model.graph.node.add(op_type="Relu")


def _tensor(random: Random, model: ModelProto) -> TensorProto:
    if not model.graph.initializer:
        model.graph.initializer.append(numpy_helper.from_array(np.ones(3, np.float32), "extra"))
    return random.choice(model.graph.initializer)


def _value(random: Random, model: ModelProto) -> str:
    graph = model.graph
    names = [name for node in graph.node for name in (*node.input, *node.output)]
    return random.choice([*names, *(tensor.name for tensor in graph.initializer), ""])


def _type(random: Random) -> str:
    return random.choice([*TRANSLATIONS, "Constant", "Shape", "If", "Loop", "Scan", "SequenceConstruct", "NoSuchThing"])


# --- changes ----------------------------------------------------------------------------------------------------------
def _attribute(random: Random, model: ModelProto) -> None:
    """An integer or a float is another."""
    attributes = [attribute for node in model.graph.node for attribute in node.attribute]
    if not attributes:
        return
    attribute = random.choice(attributes)
    attribute.f = random.choice(FLOATS)
    attribute.i = random.choice(INTEGERS)
    attribute.s = random.choice(STRINGS) if attribute.type == AttributeProto.STRING else b""
    for index in range(len(attribute.ints)):
        if random.random() < 0.5:
            attribute.ints[index] = random.choice(INTEGERS)
    for index in range(len(attribute.floats)):
        attribute.floats[index] = random.choice(FLOATS)
    if random.random() < 0.2:
        attribute.ints.append(random.choice(INTEGERS))


def _gentle_attribute(random: Random, model: ModelProto) -> None:
    """An integer is a little more or less, so that much is still accepted."""
    attributes = [attribute for node in model.graph.node for attribute in node.attribute]
    if attributes:
        attribute = random.choice(attributes)
        attribute.i += random.choice((-1, 1))
        attribute.f *= random.choice((2, -1))
        for index in range(len(attribute.ints)):
            attribute.ints[index] += random.choice((-1, 0, 1))


def _attribute_type(random: Random, model: ModelProto) -> None:
    attributes = [attribute for node in model.graph.node for attribute in node.attribute]
    if attributes:
        random.choice(attributes).type = random.choice(range(15))


def _attribute_reference(random: Random, model: ModelProto) -> None:
    node = _node(random, model)
    attribute = random.choice(node.attribute) if node.attribute else node.attribute.add(name="axis", type=2, i=1)
    attribute.ref_attr_name = random.choice(NAMES)


def _new_attribute(random: Random, model: ModelProto) -> None:
    names = ("axis", "axes", "kernel_shape", "strides", "pads", "dilations", "group", "auto_pad", "ceil_mode", "mode")
    names += ("count_include_pad", "keepdims", "epsilon", "alpha", "beta", "training_mode", "perm", "storage_order")
    values = (random.choice(INTEGERS), random.choice(FLOATS), random.choice(STRINGS), [random.choice(INTEGERS)] * 2)
    _node(random, model).attribute.append(helper.make_attribute(random.choice(names), random.choice(values)))


def _without_attribute(random: Random, model: ModelProto) -> None:
    node = _node(random, model)
    if node.attribute:
        del node.attribute[random.randrange(len(node.attribute))]


def _node_type(random: Random, model: ModelProto) -> None:
    _node(random, model).op_type = _type(random)


def _domain(random: Random, model: ModelProto) -> None:
    _node(random, model).domain = random.choice(("ai.onnx", "com.microsoft", "ai.onnx.ml", *NAMES))


def _edge(random: Random, model: ModelProto) -> None:
    node = _node(random, model)
    if node.input:
        node.input[random.randrange(len(node.input))] = _value(random, model)


def _more_inputs(random: Random, model: ModelProto) -> None:
    _node(random, model).input.append(_value(random, model))


def _fewer_inputs(random: Random, model: ModelProto) -> None:
    node = _node(random, model)
    if node.input:
        del node.input[random.randrange(len(node.input))]


def _outputs(random: Random, model: ModelProto) -> None:
    node = _node(random, model)
    if random.random() < 0.5 and node.output:
        del node.output[-1]
    else:
        node.output.append(_value(random, model))


def _without_node(random: Random, model: ModelProto) -> None:
    """A node is gone, and mostly what read it reads its input."""
    if len(model.graph.node) > 1:
        node = model.graph.node.pop(random.randrange(len(model.graph.node)))
        if node.input and node.output and random.random() < 0.7:
            for other in model.graph.node:
                for index, name in enumerate(other.input):
                    if name == node.output[0]:
                        other.input[index] = node.input[0]


def _node_twice(random: Random, model: ModelProto) -> None:
    copy = NodeProto()
    copy.CopyFrom(_node(random, model))
    for index in range(len(copy.output)):
        copy.output[index] += random.choice(("", "_again"))
    model.graph.node.insert(random.randrange(len(model.graph.node) + 1), copy)


def _between(random: Random, model: ModelProto) -> None:
    """A node of another type stands behind one, with constants as its further inputs."""
    reader = _node(random, model)
    if not reader.input:
        return
    extra = [f"constant{index}" for index in range(random.choice((0, 0, 1, 1, 2, 3)))]
    for name in extra:
        shape = random.choice(((), (1,), (2,), (4,), (1, 4), (4, 1, 1), (1, 2, 1, 1), (3, 3)))
        kind = random.choice((np.float32, np.int64))
        numbers = [random.choice(FLOATS if kind is np.float32 else INTEGERS[:10]) for _ in range(int(np.prod(shape)))]
        model.graph.initializer.append(numpy_helper.from_array(np.array(numbers, kind).reshape(shape), name))
    node = helper.make_node(_type(random), [reader.input[0], *extra], ["between"])
    model.graph.node.insert(0, node)
    reader.input[0] = "between"


def _reshape(random: Random, model: ModelProto) -> None:
    """Many axes, or few."""
    reader = _node(random, model)
    if reader.input:
        sizes = random.choice(([1] * 72, [0, 0, *[1] * 70], [-1], [0, -1], [1, -1, 1, 1], [2**40, -1], []))
        model.graph.initializer.append(numpy_helper.from_array(np.array(sizes, np.int64), "sizes"))
        model.graph.node.insert(0, helper.make_node("Reshape", [reader.input[0], "sizes"], ["reshaped"]))
        reader.input[0] = "reshaped"


def _tensor_numbers(random: Random, model: ModelProto) -> None:
    """Some numbers of a tensor are extreme, or others."""
    tensor = _tensor(random, model)
    if tensor.data_type == TensorProto.FLOAT and tensor.raw_data:
        numbers = np.frombuffer(tensor.raw_data, np.float32).copy()
        numbers[random.randrange(len(numbers))] = random.choice(FLOATS)
        tensor.raw_data = numbers.tobytes()
    elif tensor.data_type == TensorProto.INT64 and tensor.raw_data:
        integers = np.frombuffer(tensor.raw_data, np.int64).copy()
        integers[random.randrange(len(integers))] = random.choice(INTEGERS)
        tensor.raw_data = integers.tobytes()


def _tensor_extents(random: Random, model: ModelProto) -> None:
    tensor = _tensor(random, model)
    change = random.randrange(5)
    if change == 0:
        tensor.dims.append(random.choice((1, 1, *INTEGERS)))
    elif change == 1 and tensor.dims:
        tensor.dims[random.randrange(len(tensor.dims))] = random.choice(INTEGERS)
    elif change == 2 and tensor.dims:
        del tensor.dims[-1]
    elif change == 3:
        tensor.dims[:] = sorted(tensor.dims)
    else:
        tensor.dims[:] = [*[1] * 70, *tensor.dims]


def _tensor_type(random: Random, model: ModelProto) -> None:
    _tensor(random, model).data_type = random.choice(TYPES)


def _tensor_of_another_kind(random: Random, model: ModelProto) -> None:
    """The same numbers as halves, doubles or integers, rightly stored."""
    tensor = _tensor(random, model)
    if tensor.data_type == TensorProto.FLOAT and tensor.data_location != TensorProto.EXTERNAL:
        kind = random.choice((np.float16, np.float64, np.int32, np.int64, np.bool_, np.uint8))
        with np.errstate(all="ignore"):
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(kind), tensor.name))


def _tensor_bytes(random: Random, model: ModelProto) -> None:
    tensor = _tensor(random, model)
    cut = random.choice((0, 1, 4, 8))
    tensor.raw_data = tensor.raw_data[cut:] if random.random() < 0.7 else tensor.raw_data + bytes(cut)


def _tensor_elsewhere(random: Random, model: ModelProto) -> None:
    tensor = _tensor(random, model)
    tensor.data_location = TensorProto.EXTERNAL
    for key in ("location", "offset", "length"):
        tensor.external_data.add(key=key, value=random.choice(("model.onnx", "0", "-1", str(2**63), *NAMES)))


def _tensor_of_strings(random: Random, model: ModelProto) -> None:
    tensor = _tensor(random, model)
    tensor.ClearField("raw_data")
    tensor.data_type = TensorProto.STRING
    tensor.string_data.extend([b"text", b"\xff"])


def _sparse_tensor(random: Random, model: ModelProto) -> None:
    sparse = model.graph.sparse_initializer.add(dims=[random.choice(INTEGERS)])
    sparse.values.CopyFrom(_tensor(random, model))
    if random.random() < 0.5:
        model.graph.initializer.remove(sparse.values)


def _without_tensor(random: Random, model: ModelProto) -> None:
    model.graph.initializer.remove(_tensor(random, model))


def _tensor_as_input(random: Random, model: ModelProto) -> None:
    """An initializer that is an input too, or only an input."""
    tensor = _tensor(random, model)
    model.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims)))
    if random.random() < 0.5:
        model.graph.initializer.remove(tensor)


def _constant_node(random: Random, model: ModelProto) -> None:
    """A tensor comes from a node."""
    tensor = _tensor(random, model)
    node = helper.make_node("Constant", [], [tensor.name])
    node.attribute.add(name="value", type=AttributeProto.TENSOR).t.CopyFrom(tensor)
    model.graph.initializer.remove(tensor)
    model.graph.node.insert(0, node)


def _input_extents(random: Random, model: ModelProto) -> None:
    axes = [axis for value in model.graph.input for axis in value.type.tensor_type.shape.dim]
    if axes:
        axis = random.choice(axes)
        if random.random() < 0.7:
            axis.dim_value = random.choice((*INTEGERS, 6, 9, 12, 32))
        else:
            axis.dim_param = random.choice(NAMES)


def _input_axes(random: Random, model: ModelProto) -> None:
    if model.graph.input:
        axes = random.choice(model.graph.input).type.tensor_type.shape.dim
        if random.random() < 0.4 and axes:
            del axes[-1]
        else:
            for _ in range(random.choice((1, 1, 70))):
                axes.add(dim_value=1)


def _input_type(random: Random, model: ModelProto) -> None:
    if model.graph.input:
        value = random.choice(model.graph.input)
        if random.random() < 0.7:
            value.type.tensor_type.elem_type = random.choice(TYPES)
        else:
            value.type.sequence_type.elem_type.tensor_type.elem_type = TensorProto.FLOAT


def _name(random: Random, model: ModelProto) -> None:
    """A value, a node or the graph has an odd name, everywhere."""
    new = random.choice(NAMES)
    place = random.randrange(3)
    if place == 0:
        model.graph.name = new
    elif place == 1:
        _node(random, model).name = new
    else:
        old = _value(random, model)
        for named in (*model.graph.input, *model.graph.output, *model.graph.initializer):
            named.name = new if named.name == old else named.name
        for node in model.graph.node:
            node.input[:] = [new if name == old else name for name in node.input]
            node.output[:] = [new if name == old else name for name in node.output]


def _opset(random: Random, model: ModelProto) -> None:
    if random.random() < 0.7:
        model.opset_import[0].version = random.randrange(5, 29)
    else:
        model.opset_import[0].version = random.choice(INTEGERS)


def _version(random: Random, model: ModelProto) -> None:
    model.ir_version = random.choice((3, 4, 7, 8, 10, *INTEGERS))


def _graph_outputs(random: Random, model: ModelProto) -> None:
    if random.random() < 0.3 and len(model.graph.output):
        del model.graph.output[-1]
    else:
        model.graph.output.append(helper.make_empty_tensor_value_info(_value(random, model)))


def _branch(random: Random, model: ModelProto) -> None:
    """A node stands inside the branches of an If whose condition is a constant."""
    if not model.graph.node:
        return
    place = random.randrange(len(model.graph.node))
    node = NodeProto()
    node.CopyFrom(model.graph.node[place])
    if len(node.output) != 1:
        return
    inner = NodeProto()
    inner.CopyFrom(node)
    inner.output[0] = random.choice(("inside", node.output[0], *node.input[:1]))
    value = helper.make_empty_tensor_value_info(random.choice((inner.output[0], inner.output[0], "nowhere")))
    branch = helper.make_graph([inner], "branch", [], [value])
    model.graph.initializer.append(numpy_helper.from_array(np.array(random.random() < 0.5), "condition"))
    choice = helper.make_node("If", ["condition"], list(node.output), then_branch=branch, else_branch=branch)
    if random.random() < 0.2:
        del choice.attribute[random.randrange(2)]
    model.graph.node[place].CopyFrom(choice)


def _function(random: Random, model: ModelProto) -> None:
    """A function of the model has the name of a node."""
    node = _node(random, model)
    opset = [helper.make_opsetid("", 17)]
    body = [helper.make_node("Relu", ["a"], ["b"])]
    model.functions.append(helper.make_function(node.domain, node.op_type, ["a"], ["b"], body, opset))


CHANGES: tuple[Callable[[Random, ModelProto], None], ...] = (
    *(_attribute, _gentle_attribute, _gentle_attribute, _attribute_type, _attribute_reference, _new_attribute),
    *(_without_attribute, _node_type, _node_type, _domain, _edge, _edge, _more_inputs, _fewer_inputs, _outputs),
    *(_without_node, _node_twice, _between, _between, _between, _reshape),
    *(_tensor_numbers, _tensor_extents, _tensor_type, _tensor_of_another_kind, _tensor_bytes, _tensor_elsewhere),
    *(_tensor_of_strings, _sparse_tensor, _without_tensor, _tensor_as_input, _constant_node),
    *(_input_extents, _input_axes, _input_type, _name, _opset, _version, _graph_outputs, _branch, _function),
)
