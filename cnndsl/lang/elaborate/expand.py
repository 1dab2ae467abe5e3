"""Expansion of stages: operators, blocks, loops, conditions and merges become layers of the graph.

Statements are executed in order, each with the value that flows into it. A statement in error gives one diagnostic and
an unknown value; what depends on an unknown value is silent.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import cast

from cnndsl import ops
from cnndsl.errors import Diagnostic, Label, Span, listed, quoted, shortened
from cnndsl.ir import Instance, Node
from cnndsl.lang.elaborate.bind import Arguments, Shared, takes_share
from cnndsl.lang.elaborate.block_arguments import matched, missing_arguments, shared
from cnndsl.lang.elaborate.expansion import Context, Expansion, Twin
from cnndsl.lang.elaborate.naming import Body, instance_name
from cnndsl.lang.expressions.definitions import define
from cnndsl.lang.expressions.evaluate import Evaluator
from cnndsl.lang.expressions.names import written
from cnndsl.lang.expressions.scope import Origin, Scope
from cnndsl.lang.expressions.values import (
    WORK_PER_STEP,
    Fault,
    Flow,
    ListValue,
    Named,
    Turns,
    Unknowable,
    Value,
    fault,
    kind,
    shown,
    slip,
)
from cnndsl.lang.modules import Module
from cnndsl.lang.text import syntax

_EQUAL = "give both instances of the block arguments that make the same layers"


class Expander(Expansion):
    """Expands the statements of one network into a graph."""

    # --- bodies ---
    def run(self, statements: Sequence[syntax.Statement], place: Context, flow: Flow | None) -> Flow | None:
        """Executes a body as one pipeline; gives the value at its end."""
        self._check_depth(place, statements)
        for statement in statements:
            self.step()
            before, after = flow, flow
            if isinstance(statement, syntax.Pipeline) and flow:
                after = flow._replace(shape=None)
            elif isinstance(statement, syntax.Pipeline | syntax.Input):
                after = Flow("", None, "float32", self.span(statement))
            with self._collecting(place, statement):
                after = self.statement(statement, place, before)
            flow = after
        return flow

    def _check_depth(self, place: Context, statements: Sequence[syntax.Statement]) -> None:
        if place.depth > self.limits.nesting and statements:
            message = f"bodies and blocks are nested more than {self.limits.nesting} deep"
            raise self._over_limit("nesting-limit", message, self.span(statements[0]))

    def pipeline(self, node: syntax.Pipeline, place: Context, flow: Flow | None) -> Flow | None:
        for number, stage in enumerate(node.stages, 1):
            self.step()
            first = len(self.graph.layers)
            alias = stage.alias
            try:
                flow = _STAGES[type(stage)](self, stage, place, flow)
            except (Fault, Unknowable) as error:
                if isinstance(error, Fault):
                    self._doubt(error.diagnostic, stage, place)
                    if error.diagnostic.code == "unknown-operator":
                        self._report_at(place, stage, error.diagnostic)
                        self._report_unknown_operators(node.stages[number:], place)
                self._lose(node, place.scope)
                raise
            if alias and flow is not None:
                named = Named(flow, first, len(self.graph.layers), self._instance(stage, first, place))
                define(place.scope, alias.name, named, self.span(alias))
        return flow

    def _lose(self, node: syntax.Pipeline, scope: Scope) -> None:
        """What a pipeline in error would have named is unknown."""
        for stage in node.stages:
            if stage.alias:
                scope.lose(stage.alias.name)
            if isinstance(stage, syntax.Repeat | syntax.For):
                scope.turns.update(dict.fromkeys(self.aliases(stage.body.statements)))

    # --- stages ---
    def _apply(self, stage: syntax.Apply, place: Context, flow: Flow | None) -> Flow | None:
        if stage.name in ops.MERGES:
            from cnndsl.lang.elaborate.slips import missing_branches

            raise missing_branches(self, stage)
        is_block = stage.name in self.module.blocks
        if not is_block and stage.name not in ops.NAMES:
            raise self._unknown_operator(stage, place)
        if flow is None:
            raise fault(
                "no-input",
                f"nothing flows into {quoted(stage.name)}",
                self.span(stage),
                "begin the network with an input, as in `input 3@32x32`",
            )
        return self._block(stage, place, flow) if is_block else self._operator(stage, place, [flow])

    def _unknown_operator(self, stage: syntax.Apply | syntax.Merge, place: Context) -> Fault:
        from cnndsl.lang.elaborate.stage_words import unknown_operator

        if self.module.gaps:
            raise Unknowable
        return unknown_operator(stage, self.module.blocks, place.scope, self.module.source)

    def _report_unknown_operators(self, stages: Sequence[syntax.Stage], place: Context) -> None:
        """Behind a stage in error nothing is expanded, but a word that nothing is called is one more mistake."""
        for stage in stages:
            if not isinstance(stage, syntax.Apply | syntax.Merge) or self.module.gaps:
                continue
            if stage.name not in ops.NAMES and stage.name not in self.module.blocks:
                with suppress(Unknowable):
                    self.report(self._unknown_operator(stage, place).diagnostic)

    def _operator(self, stage: syntax.Apply | syntax.Merge, place: Context, flows: Sequence[Flow]) -> Flow:
        span = self.span(stage)
        if len(self.graph.layers) >= self.limits.layers:
            raise self._over_limit("layer-limit", f"the network has more than {self.limits.layers:,} layers", span)
        name = self._name(place, stage, stage.name)
        try:
            evaluator = self.evaluator(place, flows[0] if len(flows) == 1 else None)
            operator, share, symbolic = self._binder.bind(stage, evaluator)
            owner = None
            if share or place.twins:
                known = takes_share(type(operator)) and all(flow.shape is not None for flow in flows)
                owner = self._owner(share, place.twins if known else (), name, place, span)
            arguments = Arguments(self, stage, operator.positional)
            made = self.graph.add(operator, flows, name, span, place.around, owner, arguments)
            return self.symbols.layer(self.graph, made, symbolic) if symbolic else made
        except Unknowable:
            self.sound = self.known = False
        except Fault as error:
            self._report_at(place, stage, self._with_branch_lines(error.diagnostic, stage))
            self._doubt(error.diagnostic, stage, place)
        return Flow(name, None, flows[0].dtype, span)

    def _with_branch_lines(self, diagnostic: Diagnostic, stage: syntax.Apply | syntax.Merge) -> Diagnostic:
        """Branches that do not fit may be lines that were meant as one branch."""
        if diagnostic.code == "merge-mismatch" and isinstance(stage, syntax.Merge):
            from cnndsl.lang.elaborate.branch_lines import ADVICE, broken

            if any(broken(stage, pools=True)):
                return diagnostic._replace(help=(ADVICE, *diagnostic.help))
        return diagnostic

    def _name(self, place: Context, stage: syntax.Apply | syntax.Merge, base: str) -> str:
        name = self.graph.fresh_name(place.prefix, base, stage.alias.name if stage.alias else None, place.reserved)
        self.budget.spend(len(name) // WORK_PER_STEP)
        return name

    def _owner(self, share: Shared | None, twins: Sequence[Twin], name: str, place: Context, span: Span) -> Node | None:
        """The layer whose weights the layer ``name`` uses instead of its own, if there is one."""
        owners = [self._named_owner(share, place, span)] if share else []
        owners += [self._twin_layer(twin, name, span) for twin in twins]
        if len({owner.share or owner.name for owner in owners}) > 1:
            both = " and ".join(quoted(owner.name) for owner in owners[:2])
            raise fault("share-mismatch", f"{quoted(name)} is to use the weights of both {both}", span)
        return owners[0] if owners else None

    def _named_owner(self, share: Shared, place: Context, span: Span) -> Node:
        flow = self.evaluator(place, None).stage(share, span).flow
        if flow.shape is None:
            raise Unknowable
        node = self.graph.node(flow.name)
        if node is None or not takes_share(type(node.op)):
            message = f"share= needs a layer with weights, and {quoted(written(share))} has none"
            raise fault("bad-argument", message, span, "name a conv or dense layer above with `as`")
        return node

    def _twin_layer(self, twin: Twin, name: str, span: Span) -> Node:
        """The layer of the other instance that has the place of the layer ``name`` in its own."""
        inside = name.removeprefix(twin.prefix)
        node = self.graph.node(twin.other + inside)
        if node is None:
            other = quoted(twin.other.removesuffix("."))
            message = f"{other} has no layer {quoted(inside)}, whose weights {quoted(name)} is to use"
            raise fault("share-mismatch", message, span, _EQUAL)
        return node

    def _from(self, stage: syntax.From, place: Context, flow: Flow | None) -> Flow:
        return self.evaluator(place, flow).stage(stage.value, self.span(stage)).flow

    def _group(self, stage: syntax.Group, place: Context, flow: Flow | None) -> Flow | None:
        return self.run(stage.body.statements, place.inside(), flow)

    def _if(self, stage: syntax.If, place: Context, flow: Flow | None) -> Flow | None:
        body = self._chosen(stage, place, flow)
        return self.run(body.statements, place.inside(), flow) if body else flow

    def _chosen(self, stage: syntax.If, place: Context, flow: Flow | None) -> syntax.Body | None:
        bodies = [body for _, body in stage.arms] + ([stage.otherwise] if stage.otherwise else [])
        expecting = all(isinstance(inner, syntax.Expect) for body in bodies for inner in body.statements)
        evaluator = self.evaluator(place, flow, counting=expecting and bool(self.unknown_size()))
        return next((body for condition, body in stage.arms if evaluator.truth(condition)), stage.otherwise)

    # --- loops ---
    def _loop(self, stage: syntax.Repeat | syntax.For, place: Context, flow: Flow | None) -> Flow | None:
        for turn in self._turns(stage, place, flow):
            flow = self.run(stage.body.statements, turn, flow)
        return flow

    def _turns(self, stage: syntax.Repeat | syntax.For, place: Context, flow: Flow | None) -> Iterator[Context]:
        """One place for every turn of a loop; refused before the first if all turns would pass the limit on layers."""
        evaluator = self.evaluator(place, flow)
        if isinstance(stage, syntax.Repeat):
            count = evaluator.whole(stage.count, "a repeat count")
            if count < 0:
                raise fault("wrong-type", f"a repeat count must be 0 or more, got {count}", self.span(stage.count))
            self._check_repetitions(count, self.span(stage.count), stage)
            variable = stage.variable
            bindings: Iterator[dict[str, Value]] = ({variable: index} if variable else {} for index in range(count))
            origins: Iterator[dict[str, Origin]] = ({} for _ in range(count))
        else:
            rows = evaluator.value(stage.rows)
            if not isinstance(rows, ListValue):
                raise self._no_list(stage, rows)
            count = len(rows.items)
            self._check_repetitions(count, self.span(stage.rows), stage)
            bindings = (self._row(stage, row) for row in rows.items)
            from cnndsl.lang.elaborate.blame import row_origins

            origins = row_origins(stage, count, place.scope, self.module.source)
        outer, self._factor = self._factor, self._factor * max(count, 1)
        kept: dict[str, Turns] = {}
        if not count:
            unnamed = self.aliases(stage.body.statements)
            self.budget.spend(len(unnamed))
            place.scope.turns.update((name, Turns([])) for name in unnamed)
        wrong = 0
        try:
            for number, (names, cells) in enumerate(zip(bindings, origins, strict=True)):
                self.step()
                turn, errors = place.inside(names, cells), self.errors
                yield turn
                wrong += self.errors > errors
                if wrong > self.limits.diagnostics:  # the other turns have little to add
                    place.scope.turns.update(dict.fromkeys(self.aliases(stage.body.statements)))
                    self.sound = self.known = False
                    break
                self.budget.spend(place.scope.add_turn(number, turn.scope, kept))
        finally:
            self._factor = outer

    def _no_list(self, stage: syntax.For, rows: Value) -> Fault:
        message, span = f"for goes over a list, but this is {kind(rows)}", self.span(stage.rows)
        if isinstance(rows, int) and not isinstance(rows, bool):
            written = f"range({self.text(stage.rows)})"
            return slip("wrong-type", message, span, f"{quoted(written)} counts from 0 to {rows - 1}", written)
        return fault("wrong-type", message, span)

    def _check_repetitions(self, count: int, span: Span, stage: syntax.Repeat | syntax.For) -> None:
        if count * self._factor > self.limits.layers:
            nested = f", inside loops that repeat {self._factor:,} times," if self._factor > 1 else ""
            message = f"{count:,} repetitions{nested} go over the limit of {self.limits.layers:,} layers"
            raise self._over_limit("repeat-limit", message, span)
        self.budget.require(count * self._weigher.steps(stage.body, self.module), span)

    def _row(self, stage: syntax.For, row: Value) -> dict[str, Value]:
        if not stage.destructured:
            return {stage.targets[0]: row}
        if not isinstance(row, ListValue) or len(row.items) != len(stage.targets):
            wanted = f"{len(stage.targets)} elements ({listed(stage.targets)})"
            message = f"every row must be a list of {wanted}, but one is {shown(row)}"
            raise fault("wrong-type", message, self.span(stage.rows))
        return dict(zip(stage.targets, row.items, strict=True))

    # --- merges ---
    def _merge(self, stage: syntax.Merge, place: Context, flow: Flow | None) -> Flow:
        if stage.name not in ops.MERGES:
            if stage.name not in ops.NAMES and stage.name not in self.module.blocks:
                raise self._unknown_operator(stage, place)
            raise fault(
                "body-without-merge",
                f"{stage.name} takes no body; branches belong to {', '.join(sorted(ops.MERGES))}",
                self.module.source.span(stage.start, stage.name_end),
                "put braces that group statements on a line of their own",
            )
        word = stage._replace(end=stage.arguments[-1].end if stage.arguments else stage.name_end)
        flows = list(self._branches(stage.body.statements, place.inside(), flow))
        if not flows:
            advice = "each statement of its body is one branch; `identity` is the value itself"
            raise fault("missing-branches", f"{stage.name} has no branches", self.span(word), advice)
        return flows[0] if len(flows) == 1 else self._operator(word, place, flows)

    def _branches(self, statements: Sequence[syntax.Statement], place: Context, flow: Flow | None) -> Iterator[Flow]:
        """The values at the ends of a merge's branches; loops and conditions contribute theirs."""
        self._check_depth(place, statements)
        for statement in statements:
            self.step()
            ended = False
            with self._collecting(place, statement):
                yield from self._branch(statement, place, flow)
                ended = True
            if isinstance(statement, syntax.Pipeline) and not ended:
                self._lose(statement, place.scope)
                yield self.unknown(self.span(statement))

    def _branch(self, statement: syntax.Statement, place: Context, flow: Flow | None) -> Iterator[Flow]:
        if not isinstance(statement, syntax.Pipeline | syntax.Input):
            self.statement(statement, place, flow)
            return
        stage = statement.stages[0] if isinstance(statement, syntax.Pipeline) else None
        alone = isinstance(statement, syntax.Pipeline) and len(statement.stages) == 1 and stage and not stage.alias
        if alone and isinstance(stage, syntax.Repeat | syntax.For):
            for turn in self._turns(stage, place, flow):
                yield from self._branches(stage.body.statements, turn, flow)
        elif alone and isinstance(stage, syntax.If):
            body = self._chosen(stage, place, flow)
            if body:
                yield from self._branches(body.statements, place.inside(), flow)
        else:
            yield self._branch_end(statement, place, flow)

    def _branch_end(self, statement: syntax.Statement, place: Context, flow: Flow | None) -> Flow:
        """The value of one branch, placed at the branch's own text; unknown after an error in it."""
        end = None
        with self._collecting(place, statement):
            end = self.statement(statement, place, flow)
            if end is None:
                raise fault("no-input", "nothing flows into this branch", self.span(statement))
        return (end or self.unknown(self.span(statement)))._replace(span=self.span(statement))

    # --- blocks ---
    def _block(self, stage: syntax.Apply, place: Context, flow: Flow) -> Flow | None:
        block, module = self.module.blocks[stage.name]
        span = self.span(stage)
        if any(body.statements is block.body.statements for body in self._bodies):
            raise fault("recursion", f"block {quoted(stage.name)} uses itself", span, "repeat a body with `repeat n`")
        self.budget.require(self._weigher.steps(block.body, module), span)
        arguments = self._block_arguments(stage, block, module, place, flow)
        other = self._other_instance(stage, block, place)
        name = self._name(place, stage, instance_name(stage.name))
        path = (*place.around[-1].path, name) if place.around else (name,)
        instance = Instance(path=path, block=stage.name, span=span)
        instance.arguments = {
            key: value
            for key, value in arguments.items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        }
        around = (*place.around, instance)
        reserved = self.aliases(block.body.statements)
        twin = Twin(f"{name}.", f"{other.instance.path[-1]}.") if other and other.instance else None
        twins = (*place.twins, twin) if twin else place.twins
        inner = Context(Scope(module.scope, sealed=True), reserved, f"{name}.", around, place.depth + 1, twins)
        inner.scope.names.update(arguments)
        for parameter, argument in matched(stage, block, self.module.source).items():
            inner.scope.origins[parameter] = Origin(argument.value, self.module.source, place.scope)
        caller, self.module = self.module, module
        call = Label(span, f"in block {shortened(stage.name)} used here")
        self._bodies.append(Body(block.body.statements, module.source, stage.name, call))
        try:
            end = self.run(block.body.statements, inner, flow)
        finally:
            self._bodies.pop()
            self.module = caller
        if other and twin and end and end.shape is not None:
            self._check_all_shared(other, twin, span)
        return end

    def _instance(self, stage: syntax.Stage, first: int, place: Context) -> Instance | None:
        """What a stage is whose layers begin at ``first``, if it is a block."""
        if not isinstance(stage, syntax.Apply) or stage.name not in self.module.blocks:
            return None
        layers = self.graph.layers[first : first + 1]
        return self.graph.instances[layers[0].path[: len(place.around) + 1]] if layers else None

    def _check_all_shared(self, other: Named, twin: Twin, span: Span) -> None:
        for layer in self.graph.layers[other.first : other.last]:
            inside = layer.name.removeprefix(twin.other)
            if takes_share(type(layer.op)) and twin.prefix + inside not in self.graph.values:
                mine = quoted(twin.prefix.removesuffix("."))
                message = f"{mine} has no layer {quoted(inside)}, which would use the weights of {quoted(layer.name)}"
                raise fault("share-mismatch", message, span, _EQUAL)

    def _other_instance(self, stage: syntax.Apply, block: syntax.Block, place: Context) -> Named | None:
        """The instance whose weights a block is to use; None without ``share=``, or where an error makes it unknown."""
        argument = shared(stage, block)
        if argument is None:
            return None
        node, span = argument.value, self.span(argument.value)
        needed = f"share= needs an instance of block {shortened(stage.name)}"
        example = f"name one above with `as`, as in {quoted(f'{stage.name} as first')}"
        if not isinstance(node, syntax.Name | syntax.Index):
            raise fault("bad-argument", f"{needed}, by its name", span, example)
        found = self.evaluator(place, None).stage(node, span)
        if found.flow.shape is None:
            return None
        if found.instance is None or found.instance.block != stage.name:
            what = f"one of block {shortened(found.instance.block)}" if found.instance else "none"
            raise fault("bad-argument", f"{needed}, and {quoted(written(node))} is {what}", span, example)
        if not any(takes_share(type(layer.op)) for layer in self.graph.layers[found.first : found.last]):
            raise fault("bad-argument", f"share= needs weights, and {quoted(written(node))} has none", span)
        return found

    def _block_arguments(
        self, stage: syntax.Apply, block: syntax.Block, module: Module, place: Context, flow: Flow
    ) -> dict[str, Value | Named]:
        evaluator = self.evaluator(place, flow)
        arguments = matched(stage, block, self.module.source)
        given = {name: evaluator.argument(argument.value) for name, argument in arguments.items()}
        scope = Scope(module.scope, sealed=True)
        values: dict[str, Value | Named] = {}
        for parameter in block.parameters:
            if parameter.name in given:
                scope.names[parameter.name] = values[parameter.name] = given[parameter.name]
                continue
            if parameter.default is None:
                raise missing_arguments(stage, block, given, self.module.source)
            caller, self.module = self.module, module
            self._bodies.append(Body(block.body.statements, module.source, stage.name))
            try:
                values[parameter.name] = Evaluator(self, scope, None).argument(parameter.default)
            finally:
                self._bodies.pop()
                self.module = caller
            scope.names[parameter.name] = values[parameter.name]
        return values


Handler = Callable[[Expander, syntax.Stage, Context, "Flow | None"], "Flow | None"]

_STAGES = cast(
    dict[type[syntax.Stage], Handler],
    {
        syntax.Apply: Expander._apply,
        syntax.Merge: Expander._merge,
        syntax.From: Expander._from,
        syntax.Group: Expander._group,
        syntax.Repeat: Expander._loop,
        syntax.For: Expander._loop,
        syntax.If: Expander._if,
    },
)
