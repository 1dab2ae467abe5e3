"""The networks of ``make wild``: torchvision's and timm's, with random weights, and PyTorch's ways to export them."""

import contextlib
import io
import json
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import torch

TORCHVISION = """
alexnet convnext_tiny convnext_small densenet121 densenet161 densenet169 densenet201
efficientnet_b0 efficientnet_b1 efficientnet_b2 efficientnet_b3 efficientnet_b4 efficientnet_b5 efficientnet_b6
efficientnet_v2_s efficientnet_v2_m googlenet inception_v3 mnasnet0_5 mnasnet0_75 mnasnet1_0 mnasnet1_3
mobilenet_v2 mobilenet_v3_large mobilenet_v3_small
regnet_x_400mf regnet_x_800mf regnet_x_1_6gf regnet_x_3_2gf regnet_x_8gf
regnet_y_400mf regnet_y_800mf regnet_y_1_6gf regnet_y_3_2gf regnet_y_8gf
resnet18 resnet34 resnet50 resnet101 resnet152 resnext50_32x4d resnext101_32x8d resnext101_64x4d
wide_resnet50_2 wide_resnet101_2 shufflenet_v2_x0_5 shufflenet_v2_x1_0 shufflenet_v2_x1_5 shufflenet_v2_x2_0
squeezenet1_0 squeezenet1_1 vgg11 vgg11_bn vgg16
fcn_resnet50 fcn_resnet101 deeplabv3_resnet50 deeplabv3_resnet101 deeplabv3_mobilenet_v3_large
lraspp_mobilenet_v3_large r3d_18 mc3_18 r2plus1d_18 s3d
"""

TIMM = """
resnet26t resnet50_gn resnetaa34d resnetblur18 resnetv2_50x1_bit resnext26ts gcresnext26ts nf_resnet26
legacy_seresnet18 seresnext26d_32x4d ecaresnet26t skresnet18 resnest14d res2net50_26w_4s res2next50
eca_nfnet_l0 nf_regnet_b0 densenet121 densenetblur121d dla34 dla46_c dla60_res2net dpn68
efficientnet_b0 efficientnet_b0_gn efficientnet_blur_b0 efficientnet_lite0 efficientnet_es efficientnetv2_rw_t
tf_efficientnetv2_b0 tf_efficientnet_lite0 mixnet_s tf_mixnet_s
mobilenetv1_100 mobilenetv2_050 mobilenetv3_small_050 mobilenetv3_large_100 tf_mobilenetv3_small_minimal_100
mobilenetv4_conv_small mobilenetv4_conv_aa_medium mobilenet_edgetpu_v2_xs mnasnet_small semnasnet_050 spnasnet_100
fbnetc_100 fbnetv3_b lcnet_050 lcnetv2_small tinynet_e hardcorenas_a ghostnet_050 ghostnetv2_100 ghostnetv3_050
repghostnet_050 hrnet_w18_small inception_v3 inception_v4 inception_resnet_v2 inception_next_atto nasnetalarge
pnasnet5large regnetx_002 regnety_002 regnetz_005 regnetv_040 repvgg_a0 mobileone_s0 repvit_m0_9 rexnet_100
rexnetr_100 selecsls42b vovnet39a ese_vovnet19b_dw legacy_xception xception41 convnext_atto convnextv2_atto
convnext_zepto_rms convmixer_768_32 cspresnet50 cspdarknet53 cs3darknet_focus_s cspnext_tiny darknet17 darknetaa53
sedarknet21 gernet_s hgnetv2_b0 tresnet_m starnet_s1 fasternet_t0 rdnet_tiny mambaout_femto poolformer_s12
poolformerv2_s12 convformer_s18 edgenext_xx_small
"""

HYBRIDS = """
botnet26t_256 halonet26t lambda_resnet26t mobilevit_xxs mobilevitv2_050 efficientformer_l1
"""
"""Networks of timm that are convolutional in part: attention has no operator in the language."""

BY_BOTH = {
    "torchvision": """
        alexnet squeezenet1_1 resnet18 mobilenet_v2 mobilenet_v3_small shufflenet_v2_x0_5 r3d_18
        lraspp_mobilenet_v3_large convnext_tiny vgg11 mnasnet0_5 googlenet regnet_x_400mf mc3_18 efficientnet_b0
        densenet121 inception_v3 fcn_resnet50 s3d resnet50
    """,
    "timm": """
        resnet26t resnet50_gn ecaresnet26t resnest14d skresnet18 convnextv2_atto mobilenetv3_small_050 dla46_c repvgg_a0
        resnetblur18 nf_resnet26 hgnetv2_b0 starnet_s1 fasternet_t0 ghostnet_050 regnety_002 darknet17 mobileone_s0
        tinynet_e lcnet_050 gernet_s vovnet39a inception_next_atto poolformer_s12 convnext_zepto_rms edgenext_xx_small
    """,
}
"""Those that the new exporter writes too: it takes a minute for each."""

VIDEO = ("r3d_18", "mc3_18", "r2plus1d_18", "s3d")
SIDES = {
    "torchvision": {"inception": 299, "alexnet": 224, **dict.fromkeys(("vgg11", "vgg16"), 224)},
    "timm": {"botnet26t": 256, "halonet26t": 256, "efficientformer": 224},
}
"""Images that they are made for; others take smaller ones."""
SEGMENTATION = ("fcn", "deeplab", "lraspp")
NORMS = (torch.nn.modules.batchnorm._NormBase, torch.nn.GroupNorm, torch.nn.LayerNorm)

UNSTEADY = 1e-5
"""Random statistics let the values of some deep networks grow until rounding decides: PyTorch's differ by so much from
its own in float64. Such networks get statistics of random images."""

SCRIPT = "TorchScript"
DYNAMO = "dynamo"
OPTIMISED = "dynamo, optimised"
EXPORTERS = (SCRIPT, DYNAMO, OPTIMISED)
"""PyTorch's old exporter and its new one, which fuses norms and drops zeros unless it is told not to."""


@cache
def torchvision_models() -> Any:
    """torchvision's models; the operators that its compiled part would register are declared where that part is missing
    or made for another build of PyTorch: no network of these calls them.
    """
    library = torch.library.Library("torchvision", "DEF")
    for operator in ("nms", "qnms"):
        library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    torchvision_models.library = library  # type: ignore[attr-defined]  # it ends with its last reference
    import torchvision.models

    return torchvision.models


class Only(torch.nn.Module):
    """A network that gives its main output alone, as one tensor."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found = self.network(x)
        return found["out"] if isinstance(found, dict) else found


def built(models: Any, source: str, name: str) -> tuple[torch.nn.Module, tuple[int, ...]]:
    """A network of random weights whose norms are not ones and zeros, and the shape of an example.

    ``models`` are torchvision's.
    """
    torch.manual_seed(0)
    if source.startswith("timm"):
        import timm

        network = timm.create_model(name)
    else:
        options: dict[str, Any] = {"weights": None}
        if name.startswith(SEGMENTATION):
            options["weights_backbone"] = None
        if name in ("googlenet", "inception_v3"):
            options |= {"aux_logits": False, "init_weights": False}
        network = models.get_model(name, **options)
    for module in network.modules():
        if isinstance(module, NORMS):
            for label, low, high in (
                ("weight", 0.5, 1.5),
                ("bias", -0.2, 0.2),
                ("running_mean", -0.2, 0.2),
                ("running_var", 0.5, 1.5),
            ):
                if getattr(module, label, None) is not None:
                    torch.nn.init.uniform_(getattr(module, label), low, high)
    side = SIDES[source.partition(",")[0]].get(name.partition("_")[0], 128)
    shape: tuple[int, ...] = (3, side, side)
    if name in VIDEO:
        side = 224 if name == "s3d" else 64
        shape = (3, 16, side, side)
    only = Only(network).eval()
    if unsteady(only, shape) > UNSTEADY:
        with_statistics(only, shape)
    return only, shape


def unsteady(network: torch.nn.Module, shape: Sequence[int]) -> float:
    """How much PyTorch's own float32 differs from its float64, as a share of the largest value."""
    image = torch.randn(2, *shape)
    with torch.no_grad():
        single = network(image).double()
        double = network.double()(image.double())
    network.float()
    return float((single - double).abs().max() / double.abs().max())


def with_statistics(network: torch.nn.Module, shape: Sequence[int]) -> None:
    """Gives the norms the means and variances of what they see on random images, as training would."""
    norms = [module for module in network.modules() if isinstance(module, torch.nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = 1.0
        norm.train()
    with torch.no_grad():
        network(torch.randn(8, *shape))
    for norm in norms:
        norm.momentum = 0.1
        norm.eval()


class Exported(NamedTuple):
    """A network as one exporter wrote it to ``path``; or the problem that it had."""

    source: str
    name: str
    exporter: str
    path: Path
    parameters: int
    shape: tuple[int, ...]
    problem: str


def exported(source: str, name: str, folder: Path) -> Iterator[Exported]:
    """The network by every exporter that it is for, from ``folder`` where it is there. The batch may be of any size."""
    ways = {SCRIPT: (SCRIPT,), DYNAMO: (DYNAMO, OPTIMISED)}
    network: tuple[torch.nn.Module, tuple[int, ...]] | None = None
    for way, exporters in ways.items():
        if way == DYNAMO and name not in BY_BOTH.get(source, "").split():
            continue
        paths = {
            exporter: folder / f"{source.partition(',')[0]}.{name}.{exporter.replace(', ', '.')}.onnx"
            for exporter in exporters
        }
        notes = {exporter: path.with_suffix(".json") for exporter, path in paths.items()}
        if not all(note.exists() for note in notes.values()):
            network = network or built(torchvision_models(), source, name)
            problems = written(*network, paths)
            parameters = sum(part.numel() for part in network[0].parameters())
            for exporter, note in notes.items():
                note.write_text(json.dumps([parameters, network[1], problems[exporter]]), encoding="utf-8")
        for exporter, path in paths.items():
            parameters, shape, problem = json.loads(notes[exporter].read_text(encoding="utf-8"))
            yield Exported(source, name, exporter, path, parameters, tuple(shape), problem)


def written(network: torch.nn.Module, shape: Sequence[int], paths: Mapping[str, Path]) -> dict[str, str]:
    """Writes the models, and says what went wrong with each: nothing, mostly."""
    example, program = torch.zeros(2, *shape), None
    given: dict[str, Any] = {"input_names": ["image"], "output_names": ["result"]}
    problems = dict.fromkeys(paths, "")
    for exporter, path in paths.items():
        try:
            with quietly():
                if exporter == SCRIPT:
                    torch.onnx.export(
                        network,
                        (example,),
                        str(path),
                        dynamo=False,
                        dynamic_axes={"image": {0: "batch"}, "result": {0: "batch"}},
                        training=torch.onnx.TrainingMode.PRESERVE,
                        do_constant_folding=False,
                        **given,
                    )
                    continue
                if program is None:
                    program = torch.onnx.export(
                        network,
                        (example,),
                        dynamo=True,
                        optimize=False,
                        verbose=False,
                        dynamic_shapes=({0: torch.export.Dim("batch")},),
                        **given,
                    )
                if exporter == OPTIMISED:
                    program.optimize()
                program.save(str(path), external_data=False)
        except Exception as error:  # whatever PyTorch raises: another exporter's matter
            problems[exporter] = f"not exported: {type(error).__name__}: {str(error).splitlines()[0][:80]}"
    return problems


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Without what PyTorch says on the way."""
    out, err = contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO())
    with warnings.catch_warnings(), out, err:
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        yield
