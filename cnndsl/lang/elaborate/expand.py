"""Expansion of stages: operators, blocks, loops, conditions and merges become layers of the graph.

Statements are executed in order, each with the value that flows into it. A statement in error gives one diagnostic and
an unknown value; what depends on an unknown value is silent.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import cast

from cnndsl import ops
from cnndsl.errors import Diagnostic, Span, listed, quoted
from cnndsl.ir import Node
from cnndsl.lang.elaborate.bind import Arguments, Shared, takes_share
from cnndsl.lang.elaborate.blocks import SAME_ARGUMENTS, BlockExpansion
from cnndsl.lang.elaborate.expansion import Context, Twin
from cnndsl.lang.expressions.definitions import define
from cnndsl.lang.expressions.names import written
from cnndsl.lang.expressions.scope import Origin, Scope
from cnndsl.lang.expressions.values import (
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
from cnndsl.lang.text import syntax

MOST_TURNS_IN_ERROR = 3_000
"""A network of which something is unknown after an error is not expanded for long: further loops have one turn."""
_NO_VALUE = frozenset({"let", "param", "symbol", "assume", "expect", "output", "train"})
"""Words that begin statements which leave the value that flows as it is."""


class Expander(BlockExpansion):
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
            elif isinstance(statement, syntax.Broken):
                after = self._behind_broken(statement, flow)
            if self.recording:
                self.recording.statement(self.span(statement), place.scope, before)
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
            if self.recording and flow is not None:
                layers = range(first, len(self.graph.layers))
                self.recording.value(self.span(stage), flow, layers)
            if alias and flow is not None:
                named = Named(flow, first, len(self.graph.layers), self._instance(stage, first, place))
                define(place.scope, alias.name, named, self.span(alias))
        return flow

    def _behind_broken(self, node: syntax.Broken, flow: Flow | None) -> Flow | None:
        """What flows behind what cannot be read: unknown, unless its first word says that it makes no value."""
        keeps = not node.bodies and not _NO_VALUE.isdisjoint(node.words[:1])
        return flow if keeps else Flow("", None, "float32", self.span(node))

    def broken(self, node: syntax.Broken, place: Context, flow: Flow | None) -> Flow | None:
        """What a statement that cannot be read would have named is unknown; the bodies it opened are checked."""
        word, name = (*node.words, "", "")[:2]
        if word in ("let", "param", "symbol"):
            place.scope.names[name] = None
        if word not in ("train", "block"):
            for body in node.bodies:
                self.run(body.statements, place.inside(), Flow("", None, "float32", self.span(node)))
        raise Unknowable

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

        if self.module.gaps or stage.name in self.module.doubtful:
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
        name = self.layer_name(place, stage, stage.name)
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
            raise fault("share-mismatch", message, span, SAME_ARGUMENTS)
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
        expecting = all(
            isinstance(inner, syntax.Expect | syntax.Broken) for body in bodies for inner in body.statements
        )
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
                self._turns_in_error += not self.known
                if wrong > self.limits.diagnostics or self._turns_in_error > MOST_TURNS_IN_ERROR:
                    # The other turns have little to add.
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
            if self.recording:
                self.recording.statement(self.span(statement), place.scope, flow)
            ended = False
            with self._collecting(place, statement):
                yield from self._branch(statement, place, flow)
                ended = True
            if isinstance(statement, syntax.Pipeline) and not ended:
                self._lose(statement, place.scope)
            if isinstance(statement, syntax.Pipeline | syntax.Broken) and not ended:
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
