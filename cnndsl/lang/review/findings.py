"""The last look at a file: what the rules find in it, less what its comments or the caller ignore."""

from collections.abc import Sequence
from functools import partial

from cnndsl.analysis.lint import findings
from cnndsl.errors import Diagnostic
from cnndsl.ir import Graph
from cnndsl.lang.modules import Collector, Module, ModuleLoader
from cnndsl.lang.recording import Recording
from cnndsl.lang.review.stages import WrittenStages


def review(
    collector: Collector,
    loader: ModuleLoader,
    module: Module,
    networks: Sequence[Graph],
    codes: frozenset[str],
    whole: bool,
    recording: Recording | None = None,
) -> None:
    """Adds the warnings of the rules to the collected ones, if there are no errors, and drops ignored ones.

    ``codes`` are the warnings that are wanted. ``whole`` tells that every network was lowered with its own settings, so
    that a comment which silences nothing is useless. ``recording`` knows what was found in networks that are as they
    were.
    """
    file = module.source.file
    sound = all(diagnostic.severity != "error" for diagnostic in collector.diagnostics)
    if sound:
        found = sorted(_found(loader, module, networks, codes, recording), key=_place)
        for diagnostic in found:
            collector.add(diagnostic)
        if found:
            collector.truncate()
    kept = [diagnostic for diagnostic in collector.diagnostics if _wanted(diagnostic, codes)]
    if any("ignore" in text and "cnn:" in text for text in loader.sources.values()):
        from cnndsl.lang.review.suppression import suppressions, unsuppressed

        comments = {name: tuple(suppressions(tree, name)) for name, tree in loader.trees.items()}
        judged = file if whole and sound else None
        kept = [
            diagnostic
            for diagnostic in unsuppressed(kept, comments, judged, codes)
            if _wanted(diagnostic, codes) and (sound or diagnostic.code != "bad-suppression")
        ]
    collector.diagnostics[:] = kept


def _found(
    loader: ModuleLoader,
    module: Module,
    networks: Sequence[Graph],
    codes: frozenset[str],
    recording: Recording | None,
) -> list[Diagnostic]:
    written = WrittenStages(loader.trees)
    found: list[Diagnostic] = []
    for network in networks:
        find = partial(_in_network, network, written, codes)
        found += recording.findings(network, codes, find) if recording else find()
    if any(code.startswith("unused-") for code in codes):
        from cnndsl.lang.review.unused import unused

        file = module.source.file
        imports = [(item, brought) for importer, item, brought in loader.imports if importer == file]
        found += (item for item in unused(loader.trees[file], module.source, imports) if item.code in codes)
    if codes & {"one-branch", "broken-branch"}:
        from cnndsl.lang.review.merges import merges

        found += (item for item in merges(loader.trees[module.source.file], module.source) if item.code in codes)
    return found


def _in_network(network: Graph, written: WrittenStages, codes: frozenset[str]) -> list[Diagnostic]:
    return list(findings([network], written, codes))


def _place(diagnostic: Diagnostic) -> tuple[str, int, int]:
    return diagnostic.span[:3] if diagnostic.span else ("", 0, 0)


def _wanted(diagnostic: Diagnostic, codes: frozenset[str]) -> bool:
    return diagnostic.severity != "warning" or diagnostic.code in codes
