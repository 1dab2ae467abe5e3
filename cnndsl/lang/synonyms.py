"""Words of PyTorch, Keras, Caffe and ONNX that mean something here, for suggestions."""

from collections.abc import Iterable
from functools import cache
from typing import Literal

from cnndsl.suggest import Suggestion, suggest

_OPERATORS = {
    "conv": "Conv Conv1d Conv2d Conv3d Convolution Convolution2D conv_layer convolutional Conv2dNormActivation",
    "depthwise": "DepthwiseConv DepthwiseConv1D DepthwiseConv2D ConvolutionDepthwise dwconv depthwise_conv",
    "conv_transpose": "ConvTranspose ConvTranspose1d ConvTranspose2d ConvTranspose3d Conv1DTranspose Conv2DTranspose "
    "Conv3DTranspose Deconvolution deconv upconv transposed_conv conv_transposed",
    "maxpool": "MaxPool MaxPool1d MaxPool2d MaxPool3d MaxPooling1D MaxPooling2D MaxPooling3D max_pool max_pool2d "
    "max_pooling pool pooling max",
    "avgpool": "AvgPool AvgPool1d AvgPool2d AvgPool3d AveragePool AveragePooling1D AveragePooling2D AveragePooling3D "
    "avg_pool avg_pool2d average_pool average_pooling meanpool",
    "lppool": "LpPool LPPool1d LPPool2d LPPool3d lp_pool l2pool",
    "global_avgpool": "GlobalAveragePool GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D "
    "GlobalAvgPool2d gap global_average_pool global_avg_pool",
    "global_maxpool": "GlobalMaxPool GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D gmp global_max_pool",
    "adaptive_avgpool": "AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d adaptive_avg_pool adaptive_avg_pool2d",
    "adaptive_maxpool": "AdaptiveMaxPool1d AdaptiveMaxPool2d AdaptiveMaxPool3d adaptive_max_pool adaptive_max_pool2d",
    "dense": "Linear fc fully_connected FullyConnected InnerProduct Gemm MatMul affine LazyLinear",
    "embedding": "Embed EmbeddingBag lookup",
    "parameter": "Param learnable learnt learned constant const position_embedding pos_embed pos_embedding",
    "flatten": "Flat Flattening view",
    "reshape": "Unflatten",
    "permute": "Transpose",
    "pad": "ZeroPadding1D ZeroPadding2D ZeroPadding3D ZeroPad2d ConstantPad2d ReflectionPad2d zero_padding padding",
    "crop": "Cropping1D Cropping2D Cropping3D CenterCrop",
    "upsample": "UpSampling1D UpSampling2D UpSampling3D UpsamplingNearest2d unpool up",
    "resize": "Interpolate Resizing",
    "channel_shuffle": "ChannelShuffle shuffle",
    "pixel_shuffle": "PixelShuffle DepthToSpace depth_to_space",
    "space_to_depth": "PixelUnshuffle SpaceToDepth pixel_unshuffle",
    "identity": "skip shortcut residual noop pass",
    "batchnorm": "BatchNorm BatchNorm1d BatchNorm2d BatchNorm3d BatchNormalization bn batch_norm SyncBatchNorm",
    "layernorm": "LayerNorm LayerNormalization ln layer_norm",
    "groupnorm": "GroupNorm GroupNormalization gn group_norm",
    "instancenorm": "InstanceNorm InstanceNorm1d InstanceNorm2d InstanceNorm3d InstanceNormalization instance_norm",
    "lrn": "LocalResponseNorm LocalResponseNormalization local_response_norm",
    "normalize": "Normalization Rescaling standardize",
    "scale": "LayerScale layer_scale gamma",
    "dropout": "Dropout drop",
    "spatial_dropout": "Dropout1d Dropout2d Dropout3d SpatialDropout1D SpatialDropout2D SpatialDropout3D dropblock",
    "leaky_relu": "LeakyReLU lrelu leaky",
    "prelu": "PReLU ParametricReLU",
    "hardswish": "Hardswish hard_swish h_swish",
    "hardsigmoid": "Hardsigmoid hard_sigmoid h_sigmoid",
    "sigmoid": "logistic",
    "silu": "swish SiLU",
    "clip": "Clamp Hardtanh hardtanh",
    "log_softmax": "LogSoftmax logsoftmax",
    "abs": "Absolute absval absolute_value",
    "neg": "Negative negate",
    "square": "squared pow2 sqr",
    "sqrt": "SquareRoot square_root",
    "exp": "Exponential",
    "log": "Logarithm ln",
    "sin": "Sine",
    "pow": "Power",
    "add": "Addition plus sum Eltwise residual_add",
    "mul": "Multiply times product gate",
    "sub": "Subtract minus difference",
    "div": "Divide division quotient over ratio",
    "maximum": "Max Max_merge Maxout",
    "minimum": "Min_merge min",
    "average": "Mean Average_merge",
    "concat": "Concatenate cat concatenation join stack merge",
}

_PARAMETERS = {
    "filters": "out_channels num_output output_channels channels features nb_filter n_filters num_filters planes",
    "kernel": "kernel_size kernel_shape pool_size filter_size ksize k size window",
    "stride": "strides subsample step s",
    "pad": "padding pads border p",
    "dilation": "dilation_rate dilations rate atrous_rate d",
    "groups": "group num_groups cardinality g",
    "bias": "use_bias bias_term has_bias",
    "multiplier": "depth_multiplier channel_multiplier",
    "output_pad": "output_padding",
    "pad_mode": "padding_mode",
    "units": "out_features num_output num_outputs features neurons output_dim nodes",
    "vocabulary": "num_embeddings input_dim vocab_size vocab",
    "size": "embedding_dim output_dim output_size dim",
    "eps": "epsilon",
    "rate": "p drop_rate dropout_rate keep_prob prob",
    "alpha": "negative_slope slope negative_slope_coefficient",
    "scale": "scale_factor factor",
    "mode": "interpolation",
    "axis": "dim axes",
    "order": "dims perm axes",
    "shape": "target_shape dims",
    "factor": "upscale_factor downscale_factor block_size blocksize scale gamma",
    "lr": "learning_rate learningrate rate eta step_size",
    "weight_decay": "wd decay l2 regularization",
    "label_smoothing": "smoothing",
    "class_weights": "weight weights class_weight pos_weight",
    "every": "step_size period",
    "patience": "wait",
    "min_delta": "delta threshold tolerance",
    "warmup": "warm_up warmup_epochs",
    "shift": "translate translation width_shift_range height_shift_range",
    "rotate": "rotation rotation_range degrees",
    "flip": "horizontal_flip hflip mirror",
    "erase": "random_erasing cutout",
    "ceil_mode": "ceil",
    "min": "min_val minimum low",
    "max": "max_val maximum high",
    "share": "shared weights_of",
    "init": "init_value gamma_init",
}

_SETTINGS = {
    "data": "dataset train_data images",
    "validate": "validation val validation_split val_split holdout",
    "augment": "augmentation transforms transform",
    "loss": "criterion objective loss_function",
    "optimizer": "optimiser optim solver",
    "schedule": "scheduler lr_scheduler lr_schedule",
    "batch": "batch_size batchsize bs",
    "epochs": "epoch num_epochs n_epochs max_epochs iterations",
    "stop": "early_stopping early_stop earlystopping",
    "clip": "clipnorm clip_norm grad_clip gradient_clip max_grad_norm",
    "seed": "random_seed random_state",
}
"""Settings of training."""

KEYWORDS = {
    "let": ("const", "var", "val", "auto", "int", "float", "set", "define"),
    "block": ("def", "fn", "func", "function", "module", "macro"),
    "network": ("net", "model", "class", "graph"),
    "expect": ("assert", "require", "ensure"),
    "repeat": ("loop", "times"),
    "for": ("foreach", "each"),
    "import": ("include", "use", "using", "require"),
}
"""Statements by the words that begin them elsewhere."""

_TABLES = {"operators": _OPERATORS, "parameters": _PARAMETERS, "settings": _SETTINGS}


def keyword_meant(word: str) -> str | None:
    """The keyword that begins a statement here, for the word that begins one elsewhere."""
    return next((here for here, elsewhere in KEYWORDS.items() if word.lower() in elsewhere), None)


@cache
def _table(kind: Literal["operators", "parameters", "settings"]) -> dict[str, tuple[str, ...]]:
    """The meanings of every foreign word, in lower case."""
    table: dict[str, tuple[str, ...]] = {}
    for meant, foreign in _TABLES[kind].items():
        for word in foreign.lower().split():
            table[word] = (*table.get(word, ()), meant)
    return table


def operator_meant(word: str, known: Iterable[str]) -> Suggestion | None:
    """The operator or block that a word stands for."""
    if len(word) > 2:
        return _meant(word, known, _table("operators"))
    exact = exact_operator(word, known)  # such a short word is near to too many
    return Suggestion(exact, True) if exact else None


def parameter_meant(word: str, known: Iterable[str]) -> Suggestion | None:
    """The parameter, of those an operator has, that a word stands for."""
    return _meant(word, known, _table("parameters"))


def setting_meant(word: str, known: Iterable[str]) -> Suggestion | None:
    """The setting of training that a word stands for."""
    return _meant(word, known, _table("settings"))


def exact_operator(word: str, known: Iterable[str]) -> str | None:
    """The operator that a word names, here or in another tool, without a slip but of capitals."""
    return _exact(word, known, _table("operators"))


def exact_parameter(word: str, known: Iterable[str]) -> str | None:
    """The parameter that a word names, here or in another tool, without a slip but of capitals."""
    return _exact(word, known, _table("parameters"))


def _exact(word: str, known: Iterable[str], table: dict[str, tuple[str, ...]]) -> str | None:
    names = {name.lower(): name for name in known}
    meanings = (word.lower(), *table.get(word.lower(), ()))
    return next((names[meaning] for meaning in meanings if meaning in names), None)


def _meant(word: str, known: Iterable[str], table: dict[str, tuple[str, ...]]) -> Suggestion | None:
    """What a foreign word stands for; for a misspelt one, what the nearest word stands for."""
    own = {name.lower(): name for name in known}
    known_names = set(own.values())
    meanings = {foreign: meant for foreign, several in table.items() for meant in several if meant in known_names} | own
    if word.lower() in meanings:
        return Suggestion(meanings[word.lower()], True)
    found = suggest(word, own) or suggest(word, meanings)
    return found and found._replace(word=meanings[found.word.lower()])
