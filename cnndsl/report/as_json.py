"""The report as JSON: docs/cli.md describes its keys, which are stable."""

from collections.abc import Sequence
from typing import Any

from cnndsl.analysis.measured import Layer, Measured
from cnndsl.errors import Diagnostic, Fix, Label, Span
from cnndsl.ir import shape_to_json


def place(span: Span | None) -> dict[str, Any]:
    """A span's file, lines and columns; null without a span."""
    return dict.fromkeys(Span._fields) if span is None else span._asdict()


def diagnostic_to_json(diagnostic: Diagnostic) -> dict[str, Any]:
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        **place(diagnostic.span),
        "labels": [_label(label) for label in diagnostic.labels],
        "help": list(diagnostic.help),
        "fixes": [_fix(fix) for fix in diagnostic.fixes],
    }


def _label(label: Label) -> dict[str, Any]:
    return {"message": label.message, **place(label.span)}


def _fix(fix: Fix) -> dict[str, Any]:
    return {"title": fix.title, "replacement": fix.replacement, "safe": fix.safe, **place(fix.span)}


def layer_to_json(layer: Layer) -> dict[str, Any]:
    return {
        "name": layer.name,
        "op": layer.operator,
        "attributes": layer.attributes,
        "inputs": list(layer.inputs),
        "shape": shape_to_json(layer.shape),
        **({} if layer.formula is None else {"formula": layer.formula}),
        "params": layer.params,
        "buffers": layer.buffers,
        "macs": layer.macs,
        "connections": layer.connections,
        "receptive_field": list(layer.receptive_field),
        "rf_stride": list(layer.rf_stride),
        "rf_start": list(layer.rf_start),
        "line": layer.span.line if layer.span else None,
    }


def network_to_json(network: Measured, batch: int = 1) -> dict[str, Any]:
    memory = network.memory(batch)
    formulas = network.formulas
    symbolic: dict[str, Any] = {}
    if formulas:
        from cnndsl.analysis.polynomials import counts

        symbolic = {
            "symbols": [{"name": one.name, "default": one.default, "sizes": one.words} for one in formulas.symbols],
            "ties": list(formulas.ties),
            "formulas": dict(counts(formulas) or {}),
        }
    return {
        "name": network.name,
        **symbolic,
        "inputs": [
            {"name": value.name, "shape": shape_to_json(value.shape), "dtype": value.dtype}
            | ({"formula": network.shown(value.name)} if formulas else {})
            for value in network.graph.inputs
        ],
        "outputs": list(network.graph.outputs),
        "layers": [layer_to_json(layer) for layer in network.layers.values()],
        "totals": {
            "layers": len(network.layers),
            "params": network.params,
            "buffers": network.buffers,
            "macs": network.macs,
            "connections": network.connections,
            "activation_bytes": memory.activation,
            "peak_bytes": memory.peak,
            "weight_bytes": memory.weight,
        },
    }


def file_to_json(
    file: str, diagnostics: Sequence[Diagnostic], networks: Sequence[Measured], batch: int = 1
) -> dict[str, Any]:
    return {
        "file": file,
        "ok": all(diagnostic.severity != "error" for diagnostic in diagnostics),
        "diagnostics": [diagnostic_to_json(diagnostic) for diagnostic in diagnostics],
        "networks": [network_to_json(network, batch) for network in networks],
    }


def report(files: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"version": 1, "files": list(files)}
