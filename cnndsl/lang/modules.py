"""Files and what they define: constants, blocks and networks, their own or imported."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath
from typing import NamedTuple, TypeAlias

from cnndsl import ops
from cnndsl.errors import CnnError, Diagnostic, Source, Span, quoted, shortened, stopped
from cnndsl.lang.expressions.assumptions import Assumed, assumed
from cnndsl.lang.expressions.definitions import define, define_symbols, define_value, sizes_given, symbols_in, taken
from cnndsl.lang.expressions.evaluate import Evaluator
from cnndsl.lang.expressions.scope import Scope
from cnndsl.lang.expressions.values import Budget, Fault, Flow, Named, TooManyDiagnostics, Unknowable, Value, fault
from cnndsl.lang.text import syntax
from cnndsl.lang.text.parser import normalized, read
from cnndsl.limits import Limits
from cnndsl.shapes import Shape

Resolver: TypeAlias = Callable[[str], str]
"""Gives the text of an imported file by its path, relative to the file first loaded, with ``/`` between folders.

Raises OSError where there is none.
"""


class Module(NamedTuple):
    """A file's names; the imported ones are those of the file that defines them."""

    source: Source
    scope: Scope
    blocks: "dict[str, tuple[syntax.Block, Module]]"
    networks: "dict[str, tuple[syntax.Network, Module]]"
    statements: tuple[syntax.Statement, ...]
    """Statements outside any network: the file's unnamed one."""
    gaps: set[str]
    """Imports that failed: names that are unknown may have come from them."""
    assumptions: "list[Assumed]"
    """What the file assumes of its symbols."""
    doubtful: frozenset[str] = frozenset()
    """The words of statements that cannot be read: they may define what is unknown elsewhere."""


class Settings(NamedTuple):
    """What the caller sets from outside: params by name, shapes of inputs by name (None: the first input)."""

    params: Mapping[str, Value] = {}
    inputs: Mapping[str | None, Shape] = {}
    strict: bool = False


NO_SETTINGS = Settings()


class Collector:
    """Diagnostics in the order found, one for each code and place, up to the limit."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.budget = Budget(limits.steps)
        self.diagnostics: list[Diagnostic] = []
        self.closed = False
        """Whether nothing else is kept."""
        self.heard = 0
        """How many were given, kept or not."""
        self._seen: set[tuple[str, Span | str, str]] = set()
        self._repeated = 0

    def add(self, diagnostic: Diagnostic) -> None:
        """Keeps a diagnostic. Raises TooManyDiagnostics for an error when the limit is reached, of new or known ones.

        Warnings give way to errors: a text is never refused without one.
        """
        self.heard += 1
        if self.closed:
            return
        # A layer may differ from a framework in several ways; in each as often as there are numbers.
        way = diagnostic.message.partition(";")[0] if diagnostic.code.startswith("portability-") else ""
        key = (diagnostic.code, diagnostic.span or diagnostic.message, way)
        if key in self._seen:
            self._repeated += diagnostic.severity == "error"
            if self._repeated > self._most_repeated:
                raise TooManyDiagnostics
            return
        if len(self.diagnostics) >= self.limits.diagnostics:
            if diagnostic.severity != "error":
                return
            self._drop_warning()
        self._seen.add(key)
        self.diagnostics.append(diagnostic)

    def _drop_warning(self) -> None:
        for index in range(len(self.diagnostics) - 1, -1, -1):
            if self.diagnostics[index].severity != "error":
                del self.diagnostics[index]
                return
        raise TooManyDiagnostics

    def truncate(self) -> None:
        """Says that checking stopped early, if that is because of the limit."""
        if len(self.diagnostics) >= self.limits.diagnostics:
            self.diagnostics.append(stopped(self.limits.diagnostics))
        elif self._repeated > self._most_repeated:
            message = "stopped where the same errors came up again and again; there may be more"
            self.diagnostics.append(Diagnostic("diagnostic-limit", message, severity="note"))

    @property
    def _most_repeated(self) -> int:
        return 20 * self.limits.diagnostics


class ModuleLoader:
    """Parses files and gathers what they define; imports are read through the resolver."""

    def __init__(
        self,
        resolver: Resolver | None,
        collector: Collector,
        settings: Settings,
        used: set[str],
        known: dict[str, syntax.File] | None = None,
    ) -> None:
        """``known`` holds the last trees without mistakes of the files, and is kept up to date."""
        self.resolver = resolver
        self.collector = collector
        self.limits = collector.limits
        self.settings = settings
        self.used = used
        self.known = {} if known is None else known
        self.sources: dict[str, str] = {}
        self.trees: dict[str, syntax.File] = {}
        self.broken = False
        """Whether anything could not be read."""
        self.imports: list[tuple[str, syntax.Import, Module]] = []
        self._modules: dict[str, Module | None] = {}
        self._imported_bytes = 0
        self._chain: list[str] = []

    def load(self, text: str, file: str) -> Module | None:
        """The file first loaded; None if it cannot be parsed."""
        return self._load(text, file, PurePosixPath(file.replace("\\", "/")).name)

    def _load(self, text: str, file: str, path: str) -> Module | None:
        tree, diagnostics = read(text, file, self.limits, self.known.get(file))
        self.sources[file] = tree.text if tree else normalized(text)
        doubtful: frozenset[str] = frozenset()
        if diagnostics:
            tree = self._report_syntax(tree, diagnostics, file)
            if tree is None:
                return None
            from cnndsl.lang.text.broken import words_of

            doubtful = words_of(tree)
        if tree is None:
            return None
        if not diagnostics:
            self.known[file] = tree
        self.trees[file] = tree
        definitions = (syntax.Import, syntax.Block, syntax.Network)
        loose = tuple(item for item in tree.items if not isinstance(item, definitions))
        has_body = any(isinstance(item, syntax.Pipeline | syntax.Input | syntax.Output) for item in loose)
        has_body = has_body and not any(isinstance(item, syntax.Network) for item in tree.items)
        module = Module(Source(file, tree.text), Scope(), {}, {}, loose if has_body else (), set(), [], doubtful)
        self._modules[path] = module
        self._chain.append(path)
        for item in tree.items:
            if has_body and not isinstance(item, (*definitions, syntax.Broken)):
                continue
            try:
                self._define(module, item, path)
            except Fault as error:
                self.collector.add(error.diagnostic)
            except Unknowable:
                pass
        self._chain.pop()
        return module

    def _report_syntax(
        self, tree: syntax.File | None, diagnostics: Iterable[Diagnostic], file: str
    ) -> syntax.File | None:
        """Collects what cannot be read; gives the tree if the rest can be judged."""
        from cnndsl.lang.python_code import explained

        self.broken = True
        for diagnostic in explained(diagnostics, Source(file, self.sources[file])):
            if diagnostic.code == "diagnostic-limit":
                raise TooManyDiagnostics
            self.collector.add(diagnostic)
        if tree and tree.torn:
            if self._chain:
                return None
            self.collector.closed = True
        return tree

    def _define(self, module: Module, item: syntax.Item, path: str) -> None:
        context = FileContext(
            module.source,
            self.limits,
            self.collector.budget,
            bool(module.gaps),
            self.trees[module.source.file].items,
            module.doubtful,
        )
        if isinstance(item, syntax.Broken):
            self._define_broken(module, item)
        elif isinstance(item, syntax.Import):
            module.gaps.add(item.path.value)
            self._import(module, item, path)
            module.gaps.discard(item.path.value)
        elif isinstance(item, syntax.Block):
            span = module.source.span(item.name_start, item.name_end)
            if item.name in ops.NAMES:
                raise fault("name-taken", f"{quoted(item.name)} is an operator", span, "choose another name")
            if item.name in module.blocks:
                other, owner = module.blocks[item.name]
                first = owner.source.span(other.name_start, other.name_end)
                raise taken(f"there is a block {quoted(item.name)} already", span, first)
            module.blocks[item.name] = (item, module)
            seen: dict[str, Span] = {}
            for parameter in item.parameters:
                place = module.source.span(parameter.start, parameter.start + len(parameter.name))
                if parameter.name in seen:
                    message = f"the block has a parameter {quoted(parameter.name)} already"
                    raise taken(message, place, seen[parameter.name])
                seen[parameter.name] = place
        elif isinstance(item, syntax.Network):
            span = module.source.span(item.name_start, item.name_end)
            if item.name in module.networks:
                another, owner = module.networks[item.name]
                first = owner.source.span(another.name_start, another.name_end)
                raise taken(f"there is a network {quoted(item.name)} already", span, first)
            module.networks[item.name] = (item, module)
        elif isinstance(item, syntax.Param | syntax.Let):
            define_constant(item, module.scope, context, self.settings, self.used)
        elif isinstance(item, syntax.Symbol):
            given = {**self.settings.params, **self._sizes(item, self.trees[module.source.file].items)}
            define_symbols(item, module.scope, Evaluator(context, module.scope, None), given, self.used)
        elif isinstance(item, syntax.Assume):
            assumption = assumed(item.condition, Evaluator(context, module.scope, None))
            if assumption:
                module.assumptions.append(assumption)
        elif isinstance(item, syntax.Train):
            raise fault("misplaced", "train belongs inside a network, at its end", context.span(item))
        else:
            # It may be a definition whose first word is misspelt.
            module.gaps.add(f"line {context.span(item).line}")
            raise fault("misplaced", "this belongs inside a network", context.span(item))

    def _define_broken(self, module: Module, item: syntax.Broken) -> None:
        """The statements of a network whose head cannot be read are checked; an import may have brought anything."""
        word, name = (*item.words, "", "")[:2]
        if word == "import":
            module.gaps.add(f"line {module.source.span(item.start, item.start).line}")
        elif word == "network" and item.bodies:
            name = name or "network"
            whole = syntax.Network(item.start, item.end, name, item.start, item.start, item.bodies[0])
            module.networks.setdefault(name, (whole, module))

    def _sizes(self, item: syntax.Symbol, items: Iterable[syntax.Item]) -> Mapping[str, int]:
        """The sizes of symbols of a file, where the shapes of its networks' inputs are given from outside."""
        bodies = [network.body.statements for network in items if isinstance(network, syntax.Network)]
        found: dict[str, int] = {}
        for statements in bodies:
            found |= sizes_given(symbols_in([item]), statements, self.settings.inputs)
        return found

    def _import(self, module: Module, item: syntax.Import, path: str) -> None:
        span = module.source.span(item.path.start, item.path.end)
        target = self._target(item.path.value, path, span)
        if target in self._chain:
            cycle = " → ".join(map(shortened, [*self._chain[self._chain.index(target) :], target]))
            raise fault("import-cycle", f"the imports go round in a circle: {cycle}", span)
        if target not in self._modules:
            if len(self._chain) > self.limits.import_depth:
                raise fault("import-limit", f"imports are nested more than {self.limits.import_depth} deep", span)
            if len(self._modules) > self.limits.import_files:
                raise fault("import-limit", f"more than {self.limits.import_files} files are imported", span)
            text = self._read(target, item.path.value, span)
            self._imported_bytes += len(text)
            if len(text) <= self.limits.source_bytes < self._imported_bytes:
                message = f"the imported files have more than {self.limits.source_bytes:,} bytes together"
                raise fault("import-limit", message, span)
            self._modules[target] = None
            self._load(text, self._shown(module, target), target)
        imported = self._modules[target]
        if imported is None:
            raise Unknowable
        if imported.statements:
            raise fault(
                "import-statements",
                f"{quoted(item.path.value)} holds statements outside a network, so it cannot be imported",
                span,
                "put them into `network Name { ... }`",
            )
        self._merge(module, imported, span)
        self.imports.append((module.source.file, item, imported))

    def _target(self, written: str, path: str, span: Span) -> str:
        """The imported file's path from the folder of the file first loaded."""
        unfit = not written or "\\" in written or "\0" in written or ":" in written.split("/", maxsplit=1)[0]
        parts = list(PurePosixPath(path).parent.parts)
        for part in PurePosixPath(written).parts:
            if part == "/" or (part == ".." and not parts) or unfit:
                unfit = True
                break
            if part == "..":
                parts.pop()
            else:
                parts.append(part)
        if unfit or not parts:
            raise fault(
                "import-outside",
                f"{quoted(written)} is outside the folder of the file first loaded",
                span,
                "imports are relative paths with /, inside that folder",
            )
        return "/".join(parts)

    def _read(self, target: str, written: str, span: Span) -> str:
        if self.resolver is None:
            raise fault(
                "import-unavailable",
                f"{quoted(written)} cannot be imported: this text was loaded without access to files",
                span,
                "load it from a file, or pass a resolver",
            )
        try:
            return self.resolver(target)
        except PermissionError:
            raise fault("import-outside", f"{quoted(written)} may not be read from here", span) from None
        except (OSError, LookupError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "no such file"
            raise fault("import-not-found", f"{quoted(written)} cannot be read: {reason}", span) from None
        except CnnError as error:
            raise Fault(error.diagnostics[0]._replace(span=span)) from None

    def _shown(self, module: Module, target: str) -> str:
        """The imported file's name for messages: beside the file first loaded, as that was named."""
        first = next(iter(self.sources), "")
        folder = first.rpartition("/")[0]
        return f"{folder}/{target}" if folder else target

    def _merge(self, module: Module, imported: Module, span: Span) -> None:
        module.gaps.update(imported.gaps)
        if imported.doubtful:
            module.gaps.add(f"what cannot be read of {imported.source.file}")
        for name, block in imported.blocks.items():
            if module.blocks.setdefault(name, block) is not block:
                raise fault("name-taken", f"the import brings in a second block {quoted(name)}", span)
        for name, network in imported.networks.items():
            if module.networks.setdefault(name, network) is not network:
                raise fault("name-taken", f"the import brings in a second network {quoted(name)}", span)
        module.assumptions.extend(each for each in imported.assumptions if each not in module.assumptions)
        for name, value in imported.scope.names.items():
            if name in module.scope.names and module.scope.names[name] != value:
                raise fault("name-taken", f"the import brings in a second {quoted(name)}", span)
            module.scope.names[name] = value


class FileContext:
    """What the evaluator asks of the file level: there are no layers to count here."""

    def __init__(
        self,
        source: Source,
        limits: Limits,
        budget: Budget,
        incomplete: bool = False,
        items: tuple[syntax.Item, ...] = (),
        doubtful: frozenset[str] = frozenset(),
    ) -> None:
        self.source = source
        self.doubtful = doubtful
        self.limits = limits
        self.budget = budget
        self.incomplete = incomplete
        self.items = items

    def span(self, node: syntax.Spanned) -> Span:
        return self.source.span(node.start, node.end)

    def text(self, node: syntax.Spanned) -> str:
        return self.source.text[node.start : node.end]

    def measure(self, name: str, layers: Named | None) -> Value:
        raise Unknowable

    def symbolic(self, flow: Flow, attribute: str, span: Span) -> Shape | None:
        return flow.shape

    def unknown_size(self) -> str | None:
        return None

    def elsewhere(self, name: str, offset: int) -> str | None:
        return defined_below(name, offset, self.items, self.source)


def defined_below(name: str, offset: int, statements: Iterable[object], source: Source) -> str | None:
    """The line further down in which ``let`` or ``param`` defines a name; None where none does."""
    for node in statements:
        if isinstance(node, syntax.Let | syntax.Param) and node.name == name and node.start > offset:
            return f"{quoted(name)} is defined below, in line {source.span(node.start, node.start).line}: move it up"
    return None


def define_constant(
    item: syntax.Param | syntax.Let, scope: Scope, context: FileContext, settings: Settings, used: set[str]
) -> None:
    """Puts a param or let of the file level into scope. Raises Fault or Unknowable."""
    span = context.source.span(item.name_start, item.name_end)
    if isinstance(item, syntax.Param):
        used.add(item.name)
        if item.name in settings.params:
            define(scope, item.name, settings.params[item.name], span)
            return
    define_value(scope, item, Evaluator(context, scope, None), context.source)
