"""Blocks: an instance is the block's statements, executed with its arguments."""

from collections.abc import Collection

from cnndsl.errors import Label, Source, Span, listed, quoted, shortened
from cnndsl.ir import Instance
from cnndsl.lang.elaborate.bind import takes_share
from cnndsl.lang.elaborate.expansion import Context, Expansion, Twin
from cnndsl.lang.elaborate.naming import Body, instance_name
from cnndsl.lang.expressions.evaluate import Evaluator
from cnndsl.lang.expressions.names import written
from cnndsl.lang.expressions.scope import Origin, Scope
from cnndsl.lang.expressions.values import Fault, Flow, Named, Value, fault, misnamed, repeated
from cnndsl.lang.modules import Module
from cnndsl.lang.text import syntax
from cnndsl.suggest import suggest

SAME_ARGUMENTS = "give both instances of the block arguments that make the same layers"


class BlockExpansion(Expansion):
    """What an expansion does with the use of a block."""

    def _block(self, stage: syntax.Apply, place: Context, flow: Flow) -> Flow | None:
        block, module = self.module.blocks[stage.name]
        span = self.span(stage)
        if any(body.statements is block.body.statements for body in self._bodies):
            raise fault("recursion", f"block {quoted(stage.name)} uses itself", span, "repeat a body with `repeat n`")
        self.budget.require(self._weigher.steps(block.body, module), span)
        arguments = self._block_arguments(stage, block, module, place, flow)
        other = self._other_instance(stage, block, place)
        name = self.layer_name(place, stage, instance_name(stage.name))
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
                raise fault("share-mismatch", message, span, SAME_ARGUMENTS)

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


# --- which argument belongs to which parameter, before anything is evaluated ---
def shared(stage: syntax.Apply, block: syntax.Block) -> syntax.Argument | None:
    """The argument ``share=``, if it is not a parameter of the block."""
    if any(parameter.name == "share" for parameter in block.parameters):
        return None
    return next((argument for argument in stage.arguments if argument.name == "share"), None)


def matched(stage: syntax.Apply, block: syntax.Block, source: Source) -> dict[str, syntax.Argument]:
    """The arguments by parameter, positional ones in the parameters' order. Raises Fault."""
    parameters = [parameter.name for parameter in block.parameters]
    share = shared(stage, block)
    found: dict[str, syntax.Argument] = {"share": share} if share else {}
    known = {*parameters, *found}
    for index, argument in enumerate(argument for argument in stage.arguments if argument is not share):
        span = source.span(argument.start, argument.end)
        name = argument.name
        if name is None:
            if index >= len(parameters):
                message = f"block {shortened(stage.name)} takes {signature(block)}; this argument is one too many"
                raise fault("too-many-arguments", message, span)
            name = parameters[index]
        if name not in known:
            message = f"block {shortened(stage.name)} has no parameter {quoted(name)}"
            word = source.span(argument.start, argument.start + len(name))
            near = suggest(name, [*parameters, "share"])
            raise misnamed("unknown-parameter", message, word, near, f"it takes {signature(block)}")
        if name in found:
            first = source.span(found[name].start, found[name].end)
            raise repeated(f"{quoted(name)} is given twice", first, span)
        found[name] = argument
    if share:
        del found["share"]
    return found


def missing_arguments(stage: syntax.Apply, block: syntax.Block, given: Collection[str], source: Source) -> Fault:
    """The error for parameters without a default that are not given."""
    *others, last = [quoted(p.name) for p in block.parameters if p.default is None and p.name not in given]
    message = f"block {shortened(stage.name)} needs {f'{listed(others)} and ' if others else ''}{last}"
    span = source.span(stage.start, stage.name_end)
    return fault("missing-argument", message, span, f"it takes {signature(block)}")


def signature(block: syntax.Block) -> str:
    return listed([parameter.name for parameter in block.parameters], most=20) or "no arguments"
