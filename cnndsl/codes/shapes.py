"""Codes about shapes: what an operator cannot do to the value that flows into it."""

from cnndsl.codes.code import Code

CODES = (
    Code(
        "needs-vector",
        "a layer for vectors behind a map",
        "A dense layer reads a vector, but the value is still a map of channels and positions. `flatten` makes a long "
        "vector of all of it; `global_avgpool -> flatten` keeps one number a channel. The choice decides how many "
        "parameters the dense layer has, so it is not made for you.",
        "input 16@5x5\ndense 120",
        "input 16@5x5\nflatten\ndense 120",
    ),
    Code(
        "needs-map",
        "a layer for maps behind a vector",
        "Convolution, pooling and their like slide along spatial axes, but the value has none: it went through "
        "`flatten` or a dense layer. Move the layer up, or give the vector axes again with `reshape`.",
        "input 1@28x28\nflatten\nmaxpool 2x2",
        "input 1@28x28\nmaxpool 2x2\nflatten",
    ),
    Code(
        "wrong-rank",
        "the wrong number of axes",
        "The number of spatial axes comes from the value: `128` along one axis, `28x28` along two, `16x28x28` along "
        "three. A size such as `3x3` needs as many numbers as there are axes; one number alone means that number "
        "along each.",
        "input 1@128\nconv 8 3x3",
        "input 1@128\nconv 8 3",
    ),
    Code(
        "size-as-shape",
        "a size where a shape is wanted",
        "A shape says how many channels there are: they stand before an `@`, the spatial size behind it. `32x32x3` in "
        "the manner of Keras is `3@32x32` here.",
        "input 32x32x3\nconv 8 3x3",
        "input 3@32x32\nconv 8 3x3",
    ),
    Code(
        "kernel-too-large",
        "a window larger than what it slides over",
        "The output of a window is floor((W - K + P)/S) + 1 along each axis, with W the size, K the kernel (with "
        "its dilation), P the padding of both sides together and S the stride. If K is larger than W + P, the window "
        "fits nowhere. Often an earlier pooling layer has already made the map small.",
        "input 8@4x4\nconv 16 7x7",
        "input 8@4x4\nconv 16 7x7 pad=3",
    ),
    Code(
        "unread-pixels",
        "pixels at the border that no window reads",
        "(W - K + P)/S is not whole, the remainder is dropped, and with it real pixels at the end of the axis: "
        "nothing that the layer computes depends on them. The result is well defined, and so this is only a warning. "
        "It is not given where the remainder falls into the padding, as in the stem of ResNet (Dumoulin and Visin "
        "2016, section 2.4, on odd sizes).",
        "input 1@7x7\nconv 8 3x3 stride=3",
        "input 1@7x7\nconv 8 3x3 stride=3 pad=1",
        severity="warning",
    ),
    Code(
        "inexact-fit",
        "a division with a remainder where an exact one is demanded",
        "Under `fit=exact`, and everywhere under `--strict`, (W - K + P)/S must be a whole number. Without them the "
        "remainder is dropped, and a warning tells if pixels go unread.",
        "input 1@7x7\nconv 8 3x3 stride=3 fit=exact",
        "input 1@7x7\nconv 8 3x3 stride=2 fit=exact",
    ),
    Code(
        "pool-padding",
        "pooling with padding of more than half its window",
        "A window at the border would hold padding only, and there is no maximum or mean of nothing.",
        "input 8@8x8\nmaxpool 2x2 pad=2",
        "input 8@8x8\nmaxpool 2x2 pad=1",
    ),
    Code(
        "pad-too-large",
        "reflected or circular padding larger than the map",
        "`reflect` mirrors the map at its border pixel, so it can add at most one cell less than the axis has; "
        "`circular` at most as many as it has.",
        "input 3@4x4\npad 4 mode=reflect",
        "input 3@4x4\npad 3 mode=reflect",
    ),
    Code(
        "bad-output-pad",
        "output padding that a transposed convolution cannot have",
        "`output_pad` chooses between the sizes that a convolution with this stride would map to the same output. "
        "There are as many of them as the stride (or the dilation, if that is larger), so it is smaller than that.",
        "input 8@8x8\nconv_transpose 4 2x2 stride=2 output_pad=2",
        "input 8@8x8\nconv_transpose 4 2x2 stride=2 output_pad=1",
    ),
    Code(
        "bad-groups",
        "channels that cannot be divided equally",
        "A grouped convolution divides both its input channels and its filters into equal groups; group "
        "normalisation and channel shuffling divide the channels; `pixel_shuffle` and `space_to_depth` need channels "
        "or sizes that are multiples of their factor.",
        "input 8@8x8\nconv 12 3x3 groups=3",
        "input 8@8x8\nconv 12 3x3 groups=4",
    ),
    Code(
        "bad-connect",
        "a connection table that does not fit the layer",
        "`connect=` has one list for every filter: the input channels that this filter sees, counted from 0, each at "
        "most once and at least one. It cannot be combined with `groups=`.",
        "input 3@8x8\nconv 2 3x3 connect=[[0, 1], [1, 3]]",
        "input 3@8x8\nconv 2 3x3 connect=[[0, 1], [1, 2]]",
    ),
    Code(
        "merge-mismatch",
        "branches whose shapes do not go together",
        "Element-wise merges need equal shapes; an axis of size 1 stretches to the size of the others. `concat` needs "
        "all sizes equal but those along its axis. A 1x1 convolution changes the channels of a branch, a stride or "
        "padding its size.",
        "input 8@32x32\nadd {\n  conv 16 3x3 pad=1\n  identity\n}",
        "input 8@32x32\nadd {\n  conv 16 3x3 pad=1\n  conv 16 1x1\n}",
    ),
    Code(
        "reshape-mismatch",
        "a reshape that changes the number of elements",
        "`reshape` only arranges the same elements anew: the product of all sizes stays.",
        "input 100\nreshape (4@4x4)",
        "input 100\nreshape (4@5x5)",
    ),
    Code(
        "crop-too-large",
        "a crop that leaves nothing",
        "`crop` takes away cells at both ends of every axis; together they must be fewer than the axis has.",
        "input 3@8x8\ncrop 4",
        "input 3@8x8\ncrop 3",
    ),
    Code(
        "bad-slice",
        "a range that the axis does not have",
        "`slice begin end` keeps the positions from `begin` up to, not including, `end`, counted from 0.",
        "input 64@8x8\nslice 32 65",
        "input 64@8x8\nslice 32 64",
    ),
    Code(
        "weight-shape",
        "literal numbers that do not fit the layer",
        "`weight=` has the layout of the layer's weights: (filters, channels, kernel...) for a convolution. Axes of "
        "size 1 may be left out. `bias=` has one number for every filter or unit, `mean=` and `std=` one for every "
        "channel.",
        "input 1@8x8\nconv 1 3x3 weight=[[1, 0], [0, 1]]",
        "input 1@8x8\nconv 1 2x2 weight=[[1, 0], [0, 1]]",
    ),
    Code(
        "share-mismatch",
        "shared weights that do not fit",
        "`share=name` uses the weights of another layer, so both are the same operator, and their weights have the "
        "same shapes: equal channels in, filters, kernels and biases. Two instances of a block that share weights have "
        "the same layers with weights.",
        "input 3@32x32\nconv 3 3x3 pad=1 as head -> relu\nconv 3 5x5 share=head",
        "input 3@32x32\nconv 3 3x3 pad=1 as head -> relu\nconv 3 3x3 share=head",
    ),
    Code(
        "wrong-dtype",
        "whole numbers where real numbers are computed",
        "An input with `dtype=int64` holds word numbers. They are looked up by `embedding`, and may be reshaped or "
        "sliced before, but not convolved.",
        "input 50 dtype=int64\ndense 10",
        "input 50 dtype=int64\nembedding 1000 16\nflatten -> dense 10",
    ),
    Code(
        "sizes-too-long",
        "no short answer to which sizes a network takes",
        "Extents behind windows repeat in a pattern: every 2 cells behind a stride of 2, every 6 where strides of 2 "
        "and 3 meet. `cnndsl sizes` looks at one repetition, as long as it has 100,000 cells or fewer.",
        "cnndsl sizes net.cnn",
        "cnndsl sizes less.cnn",
        language="sh",
        files={
            "net.cnn": "input 1@1000\nconcat axis=1 { maxpool 97; maxpool 89; maxpool 83 }",
            "less.cnn": "input 1@1000\nconcat axis=1 { maxpool 97; maxpool 89 }",
        },
        given="net.cnn joins maps that shrink by 97, 89 and 83; less.cnn leaves one of them out.",
    ),
)
