"""From text to networks: parse, gather definitions, lower each network."""

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from cnndsl.analysis.lint import enabled
from cnndsl.errors import Diagnostic, listed, quoted
from cnndsl.ir import Graph
from cnndsl.lang.elaborate.expansion import Context
from cnndsl.lang.elaborate.lower import NetworkLowering
from cnndsl.lang.elaborate.naming import aliases
from cnndsl.lang.expressions.scope import Scope
from cnndsl.lang.expressions.values import Fault, TooManyDiagnostics
from cnndsl.lang.modules import NO_SETTINGS, Collector, Module, ModuleLoader, Resolver, Settings
from cnndsl.lang.recording import Expanded, Recording, Sound
from cnndsl.lang.review.findings import review
from cnndsl.lang.text import syntax
from cnndsl.limits import DEFAULT_LIMITS, Limits
from cnndsl.suggest import nearest

if TYPE_CHECKING:
    from cnndsl.lang.checkpoint import Course
    from cnndsl.lang.reuse import Surroundings


class Compiled(NamedTuple):
    """The networks of a file that are free of errors, all diagnostics, and the texts they speak of by file name."""

    networks: tuple[Graph, ...]
    diagnostics: tuple[Diagnostic, ...]
    sources: dict[str, str]


def compile_text(
    text: str,
    file: str = "<text>",
    resolver: Resolver | None = None,
    settings: Settings = NO_SETTINGS,
    limits: Limits = DEFAULT_LIMITS,
    network: str | None = None,
    warnings: frozenset[str] | None = None,
    recording: Recording | None = None,
) -> Compiled:
    """Everything a text defines; ``network`` picks one by name, an imported one included. Never raises on text.

    ``warnings`` are the codes of the warnings wanted (:func:`cnndsl.analysis.lint.enabled`); None: the default ones.
    ``recording`` keeps what the expansion met at every place of the text, whatever is wrong elsewhere.
    """
    collector = Collector(limits)
    used: set[str] = set()
    loader = ModuleLoader(resolver, collector, settings, used, recording.trees if recording else None)
    networks: list[Graph] = []
    if recording:
        recording.loader = loader
    try:
        module = loader.load(text, file)
        if recording:
            recording.module = module
        # Of a text whose bodies are a guess nothing else is reported: nobody but a recording wants to know more.
        if module is not None and (recording or not collector.closed):
            compiler = _NetworkCompiler(loader, module, recording)
            for name, node, owner in _networks(module, file, network, collector):
                lowered = compiler.lowered(name, node, owner)
                if lowered is not None:
                    networks.append(lowered)
            if recording:
                recording.forget_others()
            _check_settings(settings, used, module, collector)
            whole = network is None and not settings.params and not settings.inputs
            codes = enabled() if warnings is None else warnings
            review(collector, loader, module, networks, codes, whole, recording)
    except TooManyDiagnostics:
        collector.truncate()
    if loader.broken:
        collector.diagnostics.sort(key=lambda diagnostic: _place(diagnostic, file))
    return Compiled(tuple(networks), tuple(collector.diagnostics), loader.sources)


class _NetworkCompiler:
    """Lowers the networks of a file; with a recording, only those that are not known from the text before."""

    def __init__(self, loader: ModuleLoader, module: Module, recording: Recording | None) -> None:
        self._loader = loader
        self._module = module
        self._collector = loader.collector
        self._recording = recording
        self._surroundings: Surroundings | None = None

    def lowered(self, name: str, node: syntax.Network | None, owner: Module) -> Graph | None:
        """The graph of a network, None where errors left no whole one; ``node`` is None for the one without a name."""
        recording, budget = self._recording, self._collector.budget
        if recording is None:
            return self._lowered(name, node, owner, self._loader.used)
        if self._surroundings is None:
            from cnndsl.lang.reuse import Surroundings

            self._surroundings = Surroundings(self._module, self._loader)
        dependencies = self._surroundings.of(node)
        known = recording.known_sound(name, dependencies)
        if known and known.work <= budget.left:
            budget.spend(known.work)
            self._loader.used.update(known.used)
            recording.networks.append(known.network)
            recording.keep(name, known)
            return known.network.graph
        heard, left, used = self._collector.heard, budget.left, set[str]()
        graph = self._lowered(name, node, owner, used)
        self._loader.used.update(used)
        if graph is not None and self._collector.heard == heard:
            expanded = recording.networks[-1]
            recording.keep(name, Sound(dependencies, expanded, left - budget.left, frozenset(used)))
        return graph

    def _lowered(self, name: str, node: syntax.Network | None, owner: Module, used: set[str]) -> Graph | None:
        statements = node.body.statements if node else owner.statements
        scope = Scope(owner.scope, sealed=True) if node else owner.scope
        lowering = NetworkLowering(owner, self._collector, self._loader.settings, used)
        expanded = None
        run = None
        if self._recording:
            expanded = Expanded(name, lowering.graph.layers, partial(lowering.graph.so_far, name))
            lowering.recording = expanded
            self._recording.networks.append(expanded)
            run = self._course(self._recording, name, node).run
        try:
            graph = lowering.lower(name, statements, Context(scope, aliases(statements)), run)
        except Fault as error:
            self._collector.add(error.diagnostic)
            return None
        finally:
            lowering.close()
        if graph is None or not _proved(graph, self._collector):
            return None
        if expanded:
            expanded.graph = graph
        return graph

    def _course(self, recording: Recording, name: str, node: syntax.Network | None) -> "Course":
        from cnndsl.lang.checkpoint import Course

        assert self._surroundings
        return Course(recording, self._surroundings, name, node)


def _networks(
    module: Module, file: str, wanted: str | None, collector: Collector
) -> Iterator[tuple[str, syntax.Network | None, Module]]:
    """The networks to lower: the file's own, its unnamed one first, or the one that is wanted."""
    stem = PurePosixPath(file.replace("\\", "/")).stem or "network"
    unnamed = "".join(c if c.isalnum() or c == "_" else "_" for c in stem.strip("<>")) or "network"
    found = False
    if module.statements and wanted in (None, unnamed):
        found = True
        yield unnamed, None, module
    for name, (node, owner) in module.networks.items():
        if name == wanted or (wanted is None and owner is module):
            found = True
            yield name, node, owner
    if not found and wanted is not None:
        known = [*module.networks, *([unnamed] if module.statements else [])]
        suggestion = nearest(wanted, known)
        advice = f"did you mean {quoted(suggestion)}?" if suggestion else f"known networks: {listed(known) or 'none'}"
        collector.add(Diagnostic("unknown-network", f"there is no network {quoted(wanted)}", help=(advice,)))
    elif not (found or collector.diagnostics or module.blocks or module.scope.names):
        advice = "begin one with `input 3@32x32`, or write `network Name { ... }`"
        collector.add(Diagnostic("no-network", "the file holds no network", help=(advice,)))


def _place(diagnostic: Diagnostic, file: str) -> tuple[bool, int, int]:
    """The order of the text for what is found in it, behind what was found in imported files."""
    span = diagnostic.span
    if span is None or diagnostic.code == "diagnostic-limit":
        return True, sys.maxsize, 0
    return span.file == file, span.line, span.column


def _proved(network: Graph, collector: Collector) -> bool:
    """Whether everything that a network says of its symbols holds for all sizes; what does not is collected."""
    if not network.symbols:
        return True
    from cnndsl.analysis.proof import disproved

    found = disproved(network)
    for diagnostic in found:
        collector.add(diagnostic)
    return not found


def _check_settings(settings: Settings, used: set[str], module: Module, collector: Collector) -> None:
    for name in settings.params:
        if name not in used | module.doubtful:
            known = sorted(item for item in used if not item.startswith("input "))
            suggestion = nearest(name, known)
            advice = f"did you mean {quoted(suggestion)}?" if suggestion else f"known params: {listed(known) or 'none'}"
            collector.add(Diagnostic("unknown-setting", f"there is no param {quoted(name)} to set", help=(advice,)))
    for input_name in settings.inputs:
        if input_name is not None and f"input {input_name}" not in used:
            known = sorted(item.removeprefix("input ") for item in used if item.startswith("input "))
            advice = f"known inputs: {listed(known) or 'none'}"
            message = f"there is no input {quoted(input_name)} to replace"
            collector.add(Diagnostic("unknown-setting", message, help=(advice,)))
