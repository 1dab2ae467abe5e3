"""``cnndsl explain``: an operator, a diagnostic code, a topic, or how the numbers of a layer come about."""

import argparse
from collections.abc import Mapping, Sequence
from itertools import groupby
from os.path import isfile
from pathlib import Path
from textwrap import fill, indent
from typing import Any

from cnndsl.cli.initial import say_initial_weights, to_json, used_initial_weights
from cnndsl.cli.inputs import ONE, add_arguments, first_example, reading_options
from cnndsl.cli.options import add_source_arguments, add_weights
from cnndsl.cli.outputs import require_free, require_suffix, wrote
from cnndsl.cli.plotting import require_pictures
from cnndsl.cli.terminal import only_network, put, unwritable
from cnndsl.errors import CnnError, listed, quoted
from cnndsl.report.plots.sheet import SUFFIXES
from cnndsl.suggest import nearest

EXAMPLE = "cnndsl explain examples/lenet.cnn conv1"
WORK = "explaining"
FORMATS = ("text", "json", "html")
SHOWN = 12


def arguments(command: argparse.ArgumentParser) -> None:
    """Adds the options of the command."""
    subject_help = (
        "an operator such as conv, a code such as kernel-too-large, or a topic (without it: a list of all); or, before "
        "LAYER, a .cnn or .onnx file, or - for standard input"
    )
    command.add_argument("subject", nargs="?", metavar="NAME|FILE", help=subject_help)
    command.add_argument("layer", nargs="?", metavar="LAYER", help="the layer or input whose numbers are explained")
    at_help = "works out one output value, of a channel and a place as in 0,2,3; needs --input"
    command.add_argument("--at", metavar="POSITION", help=at_help)
    add_arguments(command, f"for --at: {ONE}; of several examples the first")
    add_weights(command, "initial weights and random input", seed=None, purpose="for --at: ")
    format_help = "text (default); json: one object; html: a page that needs nothing from outside"
    command.add_argument("--format", choices=FORMATS, help=format_help)
    command.add_argument("-o", "--out", metavar="OUT", help="the file to write (default: standard output)")
    plot_help = f"for --at: draws window, kernel, products and sum as {SUFFIXES}"
    command.add_argument("--plot", metavar="F.png", help=plot_help)
    add_source_arguments(command)


def execute(options: argparse.Namespace) -> int:
    if options.layer is None:
        if options.subject is not None and _is_file(options.subject):
            raise _layer_missing(options)
        for name in ("at", "input", "weights", "seed", "format", "plot", "set", "network", *reading_options(options)):
            if getattr(options, name) not in (None, []):
                advice = "name a file and a layer, such as examples/lenet.cnn conv1"
                shown = name.replace("_", "-")
                raise CnnError.of("bad-setting", f"--{shown} is for explaining a layer", advice)
        require_suffix(options.out or "-", "text")
        _write(_page(options.subject) if options.subject else _list(), options.out)
        return 0
    require_suffix(options.out or "-", options.format or "text")
    network = only_network(options.subject, options)
    for out in (options.out, options.plot):
        require_free(out, options, network)
    if options.at is None:
        for name in ("input", "weights", "seed", "plot", *reading_options(options)):
            if getattr(options, name) is not None:
                advice = f"give --at POSITION too, such as --at {_middle(network, options.layer)}"
                shown = name.replace("_", "-")
                raise CnnError.of("bad-setting", f"--{shown} is for working out one value", advice)
        shown = _layer(network, options.layer, options.format)
    else:
        shown = _value(network, options)
    _write(shown, options.out)
    return 0


def _page(name: str) -> str:
    """What is said of an operator, a code or a topic. Raises CnnError for a name of none."""
    from cnndsl import ops
    from cnndsl.codes import CODES, explain
    from cnndsl.codes.topics import TOPICS, topic_about
    from cnndsl.lang.synonyms import exact_operator

    if name in CODES:
        return explain(name) + "\n"
    about = topic_about(name)
    if about is not None:
        topic = TOPICS[about]
        return f"{about}: {topic.title}\n\n{fill(topic.words, 80)}\n\n{indent(topic.example, '    ')}\n"
    if name in ops.NAMES:
        from cnndsl.report.operators import operator_text

        return operator_text(ops.operator(name))
    several = f"{name}s" if f"{name}s" in TOPICS else None
    suggestion = several or exact_operator(name, ops.NAMES) or nearest(name, [*ops.NAMES, *CODES, *TOPICS])
    advice = [f"did you mean {quoted(suggestion)}?"] if suggestion else []
    message = f"there is no operator, code or topic {quoted(name)}"
    taking = [operator for operator in ops.NAMES if name in ops.operator(operator).parameters()]
    if taking and not several:
        plainly = f"{quoted(name)} is a parameter of {listed(taking)}: {quoted(f'cnndsl explain {taking[0]}')}"
        raise CnnError.of("bad-setting", message, plainly)
    raise CnnError.of("bad-setting", message, *advice, "`cnndsl explain` lists all")


def _list() -> str:
    """Everything that can be explained."""
    from cnndsl import ops
    from cnndsl.codes import AREAS
    from cnndsl.codes.topics import TOPICS

    families = {family: [*names] for family, names in groupby(ops.NAMES, ops.family)}
    areas = {area.lower(): [code.code for code in codes] for area, codes in AREAS.items()}
    width = max(map(len, TOPICS))
    topics = "\n".join(f"  {name.ljust(width)}  {topic.title}" for name, topic in TOPICS.items())
    return (
        f"cnndsl explain NAME\n\ntopics\n{topics}\n\noperators\n{_columns(families)}\n\n"
        f"codes of diagnostics\n{_columns(areas)}\n\ncnndsl explain FILE LAYER: how the numbers of a layer come about\n"
    )


def _columns(groups: Mapping[str, Sequence[str]]) -> str:
    """A title and names, a group each."""
    width = max(map(len, groups)) + 4
    return "\n".join(
        fill(
            " ".join(names),
            100,
            initial_indent=f"  {title}".ljust(width),
            subsequent_indent=" " * width,
            break_on_hyphens=False,
        )
        for title, names in groups.items()
    )


def _is_file(subject: str) -> bool:
    return subject == "-" or subject.lower().endswith((".cnn", ".onnx")) or isfile(subject)


def _layer_missing(options: argparse.Namespace) -> CnnError:
    names = list(only_network(options.subject, options).graph.shapes)
    more = f", and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    advice = f"name one: {', '.join(names[:SHOWN])}{more}"
    return CnnError.of("bad-setting", f"which layer of {quoted(options.subject)} is to be explained?", advice)


def _layer(network: Any, name: str, form: str) -> str:
    from cnndsl.analysis.arithmetic import arithmetic
    from cnndsl.report import explained

    explanation = arithmetic(network, name)
    if form == "json":
        return _json(explained.json_object(explanation))
    if form == "html":
        return explained.page(f"{network.name}: {name}", explained.html(explanation))
    return explained.text(explanation)


def _value(network: Any, options: argparse.Namespace) -> str:
    """One output value, worked out for the first example of the input."""
    if options.input is None:
        advice = f"give --input: {ONE}"
        raise CnnError.of("bad-setting", "--at works out a value of one example, and none is given", advice)
    from cnndsl.report import explained
    from cnndsl.report import trace as trace_report
    from cnndsl.runtime.any_size import graph_for
    from cnndsl.runtime.trace import require_position, trace_value

    if options.plot is not None:
        require_pictures(options.plot)
    position = _position(options.at, network, options.layer)
    seed = options.seed or 0
    inputs = first_example(network.graph, options, seed)
    graph = graph_for(network.graph, inputs)
    require_position(graph, options.layer, position)  # before weights are made, which may take long
    weights = network.weights_from(options.weights, seed)
    initial = used_initial_weights(options, network)
    say_initial_weights(initial)
    trace = trace_value(graph, options.layer, position, inputs, weights)
    if options.plot is not None:
        _draw(trace, options.plot, initial.caption if initial else "")
    if options.format == "json":
        return _json({"version": 1, "initial_weights": to_json(initial), **trace_report.json_object(trace)})
    if options.format == "html":
        title = f"{network.name}: {options.layer}"
        return explained.page(title, trace_report.html(trace), style=trace_report.STYLE)
    return trace_report.text(trace)


def _draw(trace: Any, path: str, note: str) -> None:
    from cnndsl.report.plots import save
    from cnndsl.report.worked import worked

    try:
        save(worked(trace, note), path)
    except OSError as error:
        raise unwritable(path, error) from None
    wrote(path)


def _position(given: str, network: Any, layer: str) -> tuple[int, ...]:
    try:
        return tuple(int(number) for number in given.split(","))
    except ValueError:
        advice = f"give the channel and a place on every axis, counted from 0, such as --at {_middle(network, layer)}"
        raise CnnError.of("bad-setting", f"{quoted(given)} is no position", advice) from None


def _middle(network: Any, layer: str) -> str:
    """A position that the layer has, for advice."""
    shape = network.graph.shapes.get(layer)
    return "0,2,3" if shape is None else ",".join(map(str, (0, *(size // 2 for size in shape.spatial))))


def _json(value: object) -> str:
    import json

    return json.dumps(value, indent=1, allow_nan=False) + "\n"


def _write(shown: str, out: str | None) -> None:
    if out is None or out == "-":
        put(shown)
        return
    from cnndsl.files import write_text

    try:
        write_text(Path(out), shown)
    except OSError as error:
        raise unwritable(out, error) from None
    wrote(out)
