"""Writes tests/reference/open_models.zip: networks of torchvision as PyTorch exports them with open height and width.

The weights are left out: a test makes them up. `python -m tools.open_models FOLDER` takes the models of a folder.
"""

import sys
import zipfile
from pathlib import Path

import onnx

ARCHIVE = Path(__file__).parents[1] / "tests" / "reference" / "open_models.zip"
SMALL = 64
"""Elements of a tensor whose numbers are kept."""


def without_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model whose large float tensors have extents and no numbers."""
    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT and onnx.numpy_helper.to_array(tensor).size > SMALL:
            tensor.ClearField("raw_data")
            tensor.ClearField("float_data")
    for node in model.graph.node:
        node.ClearField("doc_string")
        node.ClearField("metadata_props")
    model.ClearField("metadata_props")
    model.ClearField("functions")
    model.graph.ClearField("value_info")
    model.graph.ClearField("metadata_props")
    return model


def main(folder: Path) -> None:
    with zipfile.ZipFile(ARCHIVE, "w", zipfile.ZIP_LZMA) as archive:
        for path in sorted(folder.glob("*.onnx")):
            content = without_weights(onnx.load(path)).SerializeToString()
            entry = zipfile.ZipInfo(path.name)  # of a fixed date
            entry.compress_type = zipfile.ZIP_LZMA
            archive.writestr(entry, content)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
