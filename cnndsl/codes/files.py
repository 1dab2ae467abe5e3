"""Codes about files: what is imported, read and written."""

from cnndsl.codes.code import Code

_LIBRARY = "block Double(width) { repeat 2 { conv width 3x3 -> relu } }"

_NETWORK = "input 1@28x28\nconv 6 5x5"

CODES = (
    Code(
        "import-not-found",
        "an imported file that cannot be read",
        "The path is looked up from the folder of the importing file.",
        'import "block.cnn"\ninput 3@32x32\nconv 8 3x3',
        'import "blocks.cnn"\ninput 3@32x32\nDouble 8',
        files={"blocks.cnn": _LIBRARY},
    ),
    Code(
        "import-outside",
        "an import from outside the folder of the file first loaded",
        "A network that was received from elsewhere reads nothing but the files that came with it: imports are "
        "relative paths with `/`, and stay inside the folder of the file first loaded and the folders below it. "
        "Absolute paths, `..` beyond that folder, and symbolic links that lead out of it are refused.",
        'import "../blocks.cnn"\ninput 3@32x32\nconv 8 3x3',
        'import "blocks.cnn"\ninput 3@32x32\nDouble 8',
        files={"blocks.cnn": _LIBRARY},
    ),
    Code(
        "import-unavailable",
        "an import in a text that does not come from a file",
        "A text that was given as a string has no folder in which imports could be looked up. Load the network from "
        "a file, or give `cnndsl.loads` a resolver: a function from a path to the text of the file.",
        'import "blocks.cnn"\ninput 3@32x32\nconv 8 3x3',
        "block Double(width) { repeat 2 { conv width 3x3 -> relu } }\ninput 3@32x32\nDouble 8",
    ),
    Code(
        "import-cycle",
        "imports that go round in a circle",
        "A file imports another that, directly or through others, imports the first again. Put what both need into "
        "a third file. Importing the same file twice is no circle.",
        'import "a.cnn"\ninput 3@32x32\nconv 8 3x3',
        'import "b.cnn"\ninput 3@32x32\nDouble 8',
        files={"a.cnn": 'import "a.cnn"', "b.cnn": _LIBRARY},
    ),
    Code(
        "import-statements",
        "an imported file with layers outside a network",
        "An import brings in blocks, networks and constants. A file with an `input` or layers of its own outside a "
        "`network` is itself one unnamed network, and there is no saying where its layers would go.",
        'import "lenet.cnn"\ninput 3@32x32\nconv 8 3x3',
        'import "blocks.cnn"\ninput 3@32x32\nDouble 8',
        files={"lenet.cnn": "input 1@28x28\nconv 6 5x5", "blocks.cnn": _LIBRARY},
    ),
    Code(
        "bad-config",
        "a project configuration that cannot be used",
        "The nearest `pyproject.toml` in or above the folder of a file may have a table `[tool.cnndsl]`. Its keys are "
        "`select` and `ignore`, lists of codes and groups of warnings, and `strict`, true or false. The message tells "
        "which file is meant and what is wrong with it.",
        "cnndsl check net.cnn",
        "cnndsl check mended/net.cnn",
        language="sh",
        files={
            "pyproject.toml": '[tool.cnndsl]\nignore = "unread-pixels"',
            "net.cnn": _NETWORK,
            "mended/pyproject.toml": '[tool.cnndsl]\nignore = ["unread-pixels"]',
            "mended/net.cnn": _NETWORK,
        },
    ),
    Code(
        "not-utf8",
        "a file that is not UTF-8 text",
        "A `.cnn` file is UTF-8, with or without a byte-order mark. The message gives the first byte that does not "
        "fit, and its line. Files from older Windows editors may be UTF-16 or in a local encoding: save them as "
        "UTF-8.",
        "cnndsl check local.cnn",
        "cnndsl check net.cnn",
        language="sh",
        files={"net.cnn": "# grüne Bildpunkte\ninput 1@28x28\nconv 8 3x3"},
        given="local.cnn is the same text in ISO 8859-1.",
    ),
    Code(
        "file-unreadable",
        "a file that cannot be read",
        "The file does not exist, is a folder, or may not be read.",
        "cnndsl check nets.cnn",
        "cnndsl check net.cnn",
        language="sh",
        files={"net.cnn": "input 3@32x32\nconv 8 3x3"},
    ),
    Code(
        "file-unwritable",
        "a file that cannot be written",
        "The folder does not exist, may not be written to, or is full. Files are written whole or not at all: an "
        "older file of the same name stays as it was.",
        "cnndsl export net.cnn -o missing/net.json",
        "cnndsl export net.cnn -o net.json",
        language="sh",
        files={"net.cnn": "input 3@32x32\nconv 8 3x3"},
    ),
    Code(
        "output-is-input",
        "a file to write that the same command reads",
        "No command writes over what it reads: the network, the files that it imports, weights, labels, inputs. The "
        "same file is meant by every path that leads to it, through symbolic and hard links too.",
        "cnndsl export net.cnn -o net.cnn",
        "cnndsl export net.cnn -o expanded.cnn",
        language="sh",
        files={"net.cnn": "input 3@32x32\nrepeat 3 { conv 8 3x3 }"},
    ),
    Code(
        "file-exists",
        "a file that would be lost",
        "`import` writes texts and weights, `export` texts: what people write themselves has the same names. They "
        "replace what they wrote, which they know by the comment in its first line, as long as nobody changed the "
        "text since, and weights that were written beside a text. Anything else stays, unless `--force` is given.",
        "cnndsl import net.onnx",
        "cnndsl import net.onnx -o imported.cnn",
        language="sh",
        files={"net.cnn": "# our own network\ninput 1@28x28\nconv 4 5x5 -> relu"},
        given="net.onnx is a model.",
    ),
    Code(
        "pickle-file",
        "a pickle of PyTorch's where a model is wanted",
        "`torch.save` writes pickles, whatever they are called: `.pt`, `.pth`, `.bin`, `.ckpt`. Whoever loads one runs "
        "the code in it, and most hold weights alone, without a network. Give the Python function that makes the "
        "network (its weights come along), or a file of the network by `torch.onnx.export`, and weights as "
        "`.safetensors`.",
        "cnndsl import net.pt",
        "cnndsl import net.onnx -o imported.cnn",
        language="sh",
        given="net.pt was written by torch.save, net.onnx by torch.onnx.export.",
    ),
    Code(
        "keras-file",
        "a file of Keras that cannot be read",
        "`cnndsl import` reads the `.keras` files that `model.save` writes: an archive with `config.json` and "
        "`model.weights.h5`. This one is damaged, or another kind of archive, declares far more than it holds, or is "
        "of the older format (`.h5`), in which a network may be code. No code in a file is run: layers that need it, "
        "such as `Lambda`, are listed as [import-unsupported](#import-unsupported).",
        "cnndsl import net.h5",
        "cnndsl import net.onnx -o imported.cnn",
        language="sh",
        files={"net.h5": "..."},
        given="net.h5 was written by Keras 2, net.onnx is a model.",
    ),
    Code(
        "python-object",
        "a Python object that gives no network",
        "`cnndsl import package.module:callable` imports that Python module, which runs its code, calls the function "
        "or class without arguments, and reads the `keras.Model` that it gives or traces the `torch.nn.Module` with an "
        "example of the shape behind `--input`. The message tells which of these failed, and what Python says.",
        "cnndsl import nets:make_network --input 3@32x32",
        "cnndsl import net.onnx -o imported.cnn",
        language="sh",
        given="there is no Python module nets; net.onnx is a model.",
    ),
    Code(
        "weights-pair",
        "weights that were written with another text",
        "`cnndsl import` writes a text and its weights, and in both which network they are of. These are of two: "
        "perhaps the import of another model into the same files was cut short. Import the model again. Where they "
        "belong together after all, delete the first line of the text.",
        "cnndsl run net.cnn --input zeros --weights new.safetensors",
        "cnndsl run new.cnn --input zeros --weights new.safetensors",
        language="sh",
        files={
            "net.cnn": "# written by cnndsl import, text 2bb2c7d5be5ac0b0, network 3f79bb7b435b0532\n"
            "input 1@28x28\nconv 4 5x5 -> tanh"
        },
        given="new.cnn and new.safetensors were written by `cnndsl import net.onnx -o new.cnn`.",
    ),
)
