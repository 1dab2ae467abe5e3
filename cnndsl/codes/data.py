"""Codes about what goes into a network and what comes out: settings, weights, images, arrays, ONNX, JSON."""

from cnndsl.codes.code import Code

_NET = {"net.cnn": "input 1@28x28\nconv 4 5x5 -> relu\nflatten -> dense 10 -> softmax"}
_WORDS = {"words.cnn": "input 6 dtype=int64\nembedding 100 8\nflatten -> dense 2"}
_PAIR = {"pair.cnn": "input 4 as left\ninput 4 as right\nadd { from left; from right }"}

CODES = (
    Code(
        "weights-file",
        "a weights file that cannot be read or written",
        "Weights are kept in `.safetensors` or `.npz` files. A `.pt` or `.pth` file of PyTorch is a pickle, which can "
        "run any program when it is opened, and so it is never loaded: save the state dict with "
        "`safetensors.torch.save_file`.",
        "cnndsl run net.cnn --input zeros --weights net.pt",
        "cnndsl run net.cnn --input zeros --weights net.safetensors",
        language="sh",
        files=_NET,
        given="net.safetensors holds the weights of net.cnn.",
    ),
    Code(
        "weights-mismatch",
        "weights that do not fit the network",
        "Every tensor of the network must be in the file, with the same name, shape and type (float32), and nothing "
        "else may be in it; all differences are listed at once. Names are those that `cnndsl check` shows, with "
        "`.weight`, `.bias`, `.running_mean` or `.running_var` behind them, as in a PyTorch state dict. Tensors that "
        "the text itself gives with `weight=` may be missing.",
        "cnndsl run net.cnn --input zeros --weights other.safetensors",
        "cnndsl run net.cnn --input zeros --weights net.safetensors",
        language="sh",
        files=_NET,
        given="net.safetensors holds the weights of net.cnn, other.safetensors those of a network without conv1.",
    ),
    Code(
        "input-file",
        "an input that cannot be read",
        "Inputs are images (PNG, JPEG and others), `.npy` and `.npz` arrays, a folder of images, or numbers. The file "
        "is missing, damaged, or far larger than any image that a network would take. Arrays with pickled objects are "
        "never loaded.",
        "cnndsl run net.cnn --input digits.png",
        "cnndsl run net.cnn --input digit.png",
        language="sh",
        files=_NET,
        given="digit.png is a grey image of 28x28 pixels.",
    ),
    Code(
        "image-size",
        "an image of another size than the network's input",
        "Images are resized or cropped only where that is asked for, since how it is done changes the result: do as "
        "was done to the training images. `--resize` stretches an image to the input's size, `--resize --crop center` "
        "keeps the ratio of its sides, and `--resize 256 --crop center` is what many networks for ImageNet were "
        "trained on. A network without dense layers can also be checked and run at another size.",
        "cnndsl run net.cnn --input photo.png",
        "cnndsl run net.cnn --input photo.png --resize --crop center",
        language="sh",
        files=_NET,
        given="photo.png is a grey image of 64x48 pixels.",
    ),
    Code(
        "image-channels",
        "an image with other channels than the network's input",
        "A grey image has 1 channel, a colour image 3 (red, green, blue), and 4 with transparency. Nothing is "
        "converted silently: `--convert grey` and `--convert rgb` do it, and leave the transparency out.",
        "cnndsl run net.cnn --input colour.png",
        "cnndsl run net.cnn --input colour.png --convert grey",
        language="sh",
        files=_NET,
        given="colour.png is an RGB image of 28x28 pixels.",
    ),
    Code(
        "input-shape",
        "an array that does not fit the network's input",
        "Arrays have the layout (N, C, spatial...): the batch first, then the channels, then the positions, as in "
        "PyTorch and ONNX. Channels last, as in Keras, is another layout, which `--channels-last` reads. All inputs "
        "of a network have the same batch size.",
        "cnndsl run net.cnn --input channels_last.npy",
        "cnndsl run net.cnn --input channels_last.npy --channels-last",
        language="sh",
        files=_NET,
        given="channels_last.npy has the shape (2, 28, 28, 1).",
    ),
    Code(
        "input-dtype",
        "an array of another kind of numbers than the network takes",
        "An input of word numbers (`dtype=int64`) takes whole numbers only; other inputs take any numbers, which "
        "become float32.",
        "cnndsl run words.cnn --input measured.npy",
        "cnndsl run words.cnn --input words.npy",
        language="sh",
        files=_WORDS,
        given="measured.npy holds fractions, words.npy whole numbers from 0 to 99.",
    ),
    Code(
        "input-range",
        "a word number that the embedding does not know",
        "`embedding 100 8` has a vector for each of the words 0 to 99, and none for any other number.",
        "cnndsl run words.cnn --input unknown.npy",
        "cnndsl run words.cnn --input words.npy",
        language="sh",
        files=_WORDS,
        given="unknown.npy holds the number 100, words.npy numbers from 0 to 99 only.",
    ),
    Code(
        "input-names",
        "arrays whose names are not those of the inputs",
        "A network with several inputs takes one array for each, under the name of the input: a `.npz` file with "
        "these names, an `--input NAME=X` for each, or in Python a mapping.",
        "cnndsl run pair.cnn --input one.npz",
        "cnndsl run pair.cnn --input both.npz",
        language="sh",
        files=_PAIR,
        given="one.npz holds left alone, both.npz holds left and right.",
    ),
    Code(
        "labels-mismatch",
        "as many labels as outputs are needed",
        "The file of `--labels` has one name a line, in the order of the outputs, and as many lines as the network "
        "has outputs.",
        "cnndsl run net.cnn --input zeros --labels two.txt",
        "cnndsl run net.cnn --input zeros --labels ten.txt",
        language="sh",
        files=_NET,
        given="two.txt has two lines, ten.txt has ten.",
    ),
    Code(
        "bad-setting",
        "an option whose value is none",
        "`--set` takes `name=value`, `--input` of `check` a shape such as `3@64x64`, and `-o` a name that ends in "
        "`.onnx`, `.json` or `.cnn`, unless `--to` gives the format. Values are written as in a `.cnn` file. "
        "`--select` and `--ignore` of `check` take codes and groups of warnings.",
        "cnndsl check net.cnn --input 64x64",
        "cnndsl check net.cnn --input 1@64x64",
        language="sh",
        files=_NET,
    ),
    Code(
        "memory-limit",
        "a run that would not fit into memory",
        "What a run takes is known before it starts: the weights, the values that live at the same time, times the "
        "examples run together, and some room to work in. It is refused if that is more than three quarters of the "
        "memory that is free; a program that embeds cnndsl can set another bound.",
        "cnndsl run net.cnn --input zeros --batch 900000000",
        "cnndsl run net.cnn --input zeros --batch 2",
        language="sh",
        files=_NET,
    ),
    Code(
        "bad-opset",
        "a version of ONNX that is not written",
        "The opset is the version of ONNX's operators. The message tells which are written; without `--opset` it is "
        "one that all current runtimes load.",
        "cnndsl export net.cnn -o net.onnx --opset 9",
        "cnndsl export net.cnn -o net.onnx --opset 17",
        language="sh",
        files=_NET,
    ),
    Code(
        "export-unsupported",
        "a network that the target format cannot say",
        "In ONNX every tensor has a name of its own, values and weights together. A network from a `.cnn` file always "
        "keeps them apart; one from elsewhere may have a layer with the name of another layer's weight. And a model in "
        "one piece, in memory or on standard output, holds at most 2 GiB: write larger ones to a file, and their "
        "weights become external data beside it.",
        'cnndsl.from_json(net.to_json().replace("relu1", "conv1.weight")).to_onnx()',
        "cnndsl.from_json(net.to_json()).to_onnx()",
        language="python",
        given="net is the network `input 3@8x8; conv 8 3x3 -> relu`.",
    ),
    Code(
        "onnx-file",
        "an ONNX model that cannot be read",
        "The file is missing, damaged, of an opset before 6 or newer than is known, or its weights lie in a file that "
        "is missing, too short, or outside the folder of the model. Numbers in a file are never believed before they "
        "are compared with what is there.",
        "cnndsl check damaged.onnx",
        "cnndsl check net.onnx",
        language="sh",
        given="net.onnx is a model, damaged.onnx its first half.",
    ),
    Code(
        "onnx-graph",
        "an ONNX model that makes no sense",
        "A value is read that nothing makes, made twice, or made from itself; a tensor has other extents than numbers; "
        "an output is a constant. Such a model runs nowhere: write it again with the tool that exported it.",
        "cnndsl check cyclic.onnx",
        "cnndsl check net.onnx",
        language="sh",
        given="net.onnx is a model; in cyclic.onnx a layer reads what is made from its own value.",
    ),
    Code(
        "import-unsupported",
        "a model with parts that the language cannot express",
        "Every node of an ONNX model and every call of a PyTorch module that is not understood is listed, by its name "
        "in the model or its place in the code; what depends on it is not. The "
        "language has the operators of convolutional networks, with weights that are constants, and never mixes the "
        "examples of a batch. Quantised models are not read: export the model before it was quantised. `cnndsl import "
        "--partial` keeps what is understood of an ONNX model.",
        "cnndsl check sine.onnx",
        "cnndsl check net.onnx",
        language="sh",
        given="sine.onnx has a node of the operator Sin, net.onnx has none.",
    ),
    Code(
        "channels-last",
        "an ONNX model whose channels are last",
        "Keras has the channels behind the positions, 224x224x3, where the language has them first, 3@224x224. An "
        "input that the model transposes before anything else is read as the language has it, without a `permute`, and "
        "so are the outputs then. The note names them: arrays for the model are transposed for the network, which "
        "`--channels-last` does, and exported models have the language's layout. In Python `net.channels_last` has the "
        "names, and `cnndsl.from_onnx(path, keep_layout=True)` reads the model with its own layout.",
        "cnndsl check keras.onnx",
        "cnndsl check net.onnx",
        severity="note",
        language="sh",
        given="keras.onnx has the input 28x28x1, net.onnx the same as 1@28x28.",
    ),
    Code(
        "verify-failed",
        "the interpreter and ONNX Runtime disagree",
        "`cnndsl verify` runs both on the same random inputs. The difference is relative to the largest value; float32 "
        "sums in another order differ by some 1e-6. The message names the first layer where they part, and "
        "says which of the two is nearer to float64.",
        "cnndsl verify net.cnn --tolerance 0",
        "cnndsl verify net.cnn",
        language="sh",
        files=_NET,
    ),
    Code(
        "bad-json",
        "JSON that is no network",
        "`cnndsl.from_json` reads what `to_json` wrote. Everything is checked again: the form, the order of the "
        "layers, and every shape.",
        'cnndsl.from_json(net.to_json().replace("6", "7"))',
        "cnndsl.from_json(net.to_json())",
        language="python",
        given="net is the network `input 3@8x8; conv 8 3x3 -> relu`.",
    ),
)
