"""The state of the expansion of one network: its graph so far, its diagnostics and the work that is left to it."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from cnndsl.errors import Diagnostic, Span
from cnndsl.ir import Instance
from cnndsl.lang.elaborate.bind import Binder
from cnndsl.lang.elaborate.infer import GraphBuilder
from cnndsl.lang.elaborate.naming import Body, FirstNamed, aliases
from cnndsl.lang.elaborate.sizes import Symbols
from cnndsl.lang.elaborate.work_bound import WorkBound
from cnndsl.lang.expressions.evaluate import Evaluator
from cnndsl.lang.expressions.scope import Origin, Scope
from cnndsl.lang.expressions.values import WORK_PER_STEP, Fault, Flow, Named, TooManyDiagnostics, Unknowable, Value
from cnndsl.lang.modules import Collector, Module, defined_below
from cnndsl.lang.recording import Expanded
from cnndsl.lang.resumable import Resumable
from cnndsl.lang.text import syntax
from cnndsl.shapes import Shape

STOPPING = frozenset({"step-limit", "layer-limit", "input-limit"})
"""Codes after which nothing else is expanded."""


class Twin(NamedTuple):
    """Two instances of a block, by the prefixes of their layers' names: the one has the weights of the other."""

    prefix: str
    other: str


class Context(NamedTuple):
    """Where statements are executed: scope, prefix of layer names, block instances around, and depth of nesting."""

    scope: Scope
    reserved: frozenset[str]
    """What ``as`` names in the network or block around: automatic names keep away from it."""
    prefix: str = ""
    around: tuple[Instance, ...] = ()
    depth: int = 1
    twins: tuple[Twin, ...] = ()
    """The instances around that share the weights of others."""

    def inside(
        self, names: Mapping[str, Value] | None = None, origins: Mapping[str, Origin] | None = None
    ) -> "Context":
        """The inside of a body in braces."""
        scope = Scope(self.scope)
        scope.names.update(names or {})
        scope.origins.update(origins or {})
        return self._replace(scope=scope, depth=self.depth + 1)


class Expansion(Resumable):
    """The state of an expansion, and what goes wrong in it."""

    def __init__(self, module: Module, collector: Collector, strict: bool) -> None:
        self.module = module
        self.collector = collector
        self.limits = collector.limits
        self.budget = collector.budget
        self.graph = GraphBuilder(self.limits, strict)
        self.symbols = Symbols()
        self.recording: Expanded | None = None
        self.sound = True
        """False once there was an error: then no network results."""
        self.known = True
        """False once something is unknown: then nothing is counted."""
        self.errors = 0
        """How many were reported, those included that are told only once."""
        self._binder = Binder(self)
        self._weigher = WorkBound(self.limits)
        self._factor = 1
        self._turns_in_error = 0
        """Of loops, since something is unknown."""
        self._bodies: list[Body] = []
        """What is being expanded: the network, then the blocks inside each other."""
        self._named_in: dict[int, dict[str, FirstNamed]] = {}
        self._aliases: dict[int, frozenset[str]] = {}
        self._spans: dict[tuple[str, int, int], Span] = {}

    @abstractmethod
    def statement(self, node: syntax.Statement, place: Context, flow: Flow | None) -> Flow | None:
        """Executes one statement; gives the value after it."""

    @abstractmethod
    def run(self, statements: Sequence[syntax.Statement], place: Context, flow: Flow | None) -> Flow | None:
        """Executes a body as one pipeline; gives the value at its end."""

    @abstractmethod
    def measure(self, name: str, layers: Named | None) -> Value:
        """A count of everything so far, or of the layers of a named stage."""

    @abstractmethod
    def symbolic(self, flow: Flow, attribute: str, span: Span) -> Shape | None:
        """The shape of a value as it follows from symbols; None if it is unknown."""

    @abstractmethod
    def unknown_size(self) -> str | None:
        """A symbol of the network; None without one."""

    @property
    def incomplete(self) -> bool:
        return bool(self.module.gaps)

    @property
    def doubtful(self) -> frozenset[str]:
        return self.module.doubtful

    def span(self, node: syntax.Spanned) -> Span:
        """The place of a node of the module being expanded."""
        source = self.module.source
        key = (source.file, node.start, node.end)
        span = self._spans.get(key)
        if span is None:
            span = self._spans[key] = source.span(node.start, node.end)
        return span

    def text(self, node: syntax.Spanned) -> str:
        """A node of the module being expanded, as it is written."""
        return self.module.source.text[node.start : node.end]

    def aliases(self, statements: Sequence[syntax.Statement]) -> frozenset[str]:
        """What ``as`` names in a body, which is read once."""
        found = self._aliases.get(id(statements))
        if found is None:
            found = self._aliases[id(statements)] = aliases(statements)
        return found

    def evaluator(self, place: Context, flow: Flow | None, counting: bool = False) -> Evaluator:
        return Evaluator(self, place.scope, flow, counting)

    def elsewhere(self, name: str, offset: int) -> str | None:
        """Where a value has the name that is unknown at ``offset``, and how to reach it; None if none has it."""
        from cnndsl.lang.elaborate.whereabouts import advice

        *around, here = self._bodies
        for statements, source in ((here.statements, here.source), (self.module.statements, self.module.source)):
            below = defined_below(name, offset, statements, source)
            if below:
                return below
        defined = self.module.blocks.items()
        blocks = (Body(block.body.statements, module.source, word) for word, (block, module) in defined)
        return advice(self._named_in, name, offset, here, around, blocks)

    def close(self) -> None:
        """Parts from what refers back to it, so that memory is free as soon as nothing needs it."""
        del self._binder
        self.recording = None

    # --- bookkeeping ---
    def layer_name(self, place: Context, stage: syntax.Apply | syntax.Merge, base: str) -> str:
        name = self.graph.fresh_name(place.prefix, base, stage.alias.name if stage.alias else None, place.reserved)
        self.budget.spend(len(name) // WORK_PER_STEP)
        return name

    def report(self, diagnostic: Diagnostic) -> None:
        """Collects a diagnostic, with the block instances around it."""
        if diagnostic.severity == "error":
            self.errors += 1
            self.sound = False
            self.known = self.known and diagnostic.code == "expect-failed"
        around = tuple(body.call for body in reversed(self._bodies[-3:]) if body.call)
        self.collector.add(diagnostic._replace(labels=(*diagnostic.labels, *around)))
        if diagnostic.code in STOPPING:
            raise TooManyDiagnostics

    def unknown(self, span: Span) -> Flow:
        """A value about which nothing is known, after an error."""
        self.sound = self.known = False
        return Flow("", None, "float32", span)

    def _report_at(self, place: Context, node: syntax.Spanned, diagnostic: Diagnostic) -> None:
        """Collects what is wrong with a statement or stage at the place that is to blame for it."""
        from cnndsl.lang.elaborate.blame import blamed

        self.report(blamed(diagnostic, place.scope, self.module.source, node))

    def _doubt(self, diagnostic: Diagnostic, stage: syntax.Stage, place: Context) -> None:
        from cnndsl.lang.elaborate.follow_up_errors import poison

        poison(place.scope, stage, diagnostic.span, self.span, bool(place.around))

    def step(self, count: int = 1) -> None:
        self.budget.spend(count * WORK_PER_STEP)

    def _over_limit(self, code: str, message: str, span: Span | None) -> Fault:
        advice = "use smaller counts; a program that embeds cnndsl can raise its Limits"
        return Fault(Diagnostic(code, message, span, help=(advice,)))

    @contextmanager
    def _collecting(self, place: Context, statement: syntax.Statement) -> Iterator[None]:
        """Runs a statement; what goes wrong in it is collected."""
        try:
            yield
        except Fault as error:
            self._report_at(place, statement, error.diagnostic)
        except Unknowable:
            self.sound = self.known = False
        for warning in self.graph.warnings:
            self.report(warning)
        self.graph.warnings.clear()
