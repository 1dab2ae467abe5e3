"""Names in a generated file: what modules have already, and what Python takes."""

from keyword import iskeyword

from cnndsl.errors import CnnError, listed, quoted
from cnndsl.ir import Graph

IMPORTED = ("Any", "F", "Tensor", "nn", "torch")
"""Names that a file may import."""

RESERVED = frozenset(
    """
    T_destination add_module append apply bfloat16 buffers call_super_init children compile cpu cuda double dump_patches
    eval extend extra_repr float forward get_buffer get_extra_state get_parameter get_submodule half insert ipu
    load_state_dict modules mtia named_buffers named_children named_modules named_parameters parameters pop
    register_backward_hook register_buffer register_forward_hook register_forward_pre_hook
    register_full_backward_hook register_full_backward_pre_hook register_load_state_dict_post_hook
    register_load_state_dict_pre_hook register_module register_parameter register_state_dict_post_hook
    register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule share_memory state_dict to to_empty train
    training type xpu zero_grad
    """.split()  # noqa: SIM905
)
"""What ``nn.Sequential`` has already: a layer of such a name is not reached as an attribute."""

OCCUPIED = frozenset(
    """
    _backward_hooks _backward_pre_hooks _buffers _forward_hooks _forward_hooks_always_called _forward_hooks_with_kwargs
    _forward_pre_hooks _forward_pre_hooks_with_kwargs _is_full_backward_hook _load_state_dict_post_hooks
    _load_state_dict_pre_hooks _modules _non_persistent_buffers_set _parameters _state_dict_hooks _state_dict_pre_hooks
    training
    """.split()  # noqa: SIM905
)
"""Where every module keeps things: no layer can be called so."""


def require_names(graph: Graph) -> None:
    """Raises CnnError ``export-unsupported`` for names that no attribute of a module can have."""
    names = [*(value.name for value in graph.inputs), *(node.name for node in graph.layers)]
    names += [path for node in graph.layers for path in node.path]
    wrong = [name for name in dict.fromkeys(names) if not all(part.isidentifier() for part in name.split("."))]
    occupied = sorted({part for name in names for part in name.split(".")} & OCCUPIED)
    if occupied:
        message = f"PyTorch's modules keep something else as {listed([*map(quoted, occupied)])}"
        raise CnnError.of("export-unsupported", message, "give these layers other names")
    if wrong:
        raise CnnError.of("export-unsupported", f"no names in Python: {listed([*map(quoted, wrong)])}", "rename them")


def attribute(name: str, store: bool = False, owner: str = "self") -> str:
    """How a module is written inside of the one that holds it."""
    if name in RESERVED or iskeyword(name):
        return f'{owner}._modules["{name}"]' if store else f'dict({owner}.named_children())["{name}"]'
    return f"{owner}.{name}"
