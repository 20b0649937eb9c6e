"""`edgecls networks`: the networks edgecls can train, what each costs, and the layers of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgecls.cli.console import out, print_json, print_table, steps

if TYPE_CHECKING:
    from edgecls.networks.cost import Cost
    from edgecls.networks.network import Network

CLASSES = 10
LETTERS = {
    "PReLU": "P",
    "swish": "S",
    "hard-swish": "H",
    "squeeze-and-excite": "E",
    "depthwise": "D",
    "unfused batch norm": "B",
}


def command(
    name: Annotated[str | None, typer.Argument(help="Show the layers of this network.")] = None,
    size: Annotated[
        int | None, typer.Option(min=1, help="Side of the picture in pixels; default: each network's own.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """List the networks edgecls can train with what they cost, or show the layers of one."""
    from edgecls.networks.table import NETWORKS, find_network

    chosen = [find_network(name)] if name else list(NETWORKS.values())
    if name:
        chosen[0].check_size(size or chosen[0].size)
    costs = _count(chosen, size)
    if json:
        print_json(_document(chosen, size, costs=costs, layers=name is not None))
    elif name:
        _print_one(chosen[0], size or chosen[0].size, costs[name])
    else:
        _print_all(chosen, size, costs)


def _count(networks: list[Network], size: int | None) -> dict[str, Cost]:
    """The cost of every network that can take that size, with the head a run gets by default."""
    from edgecls.networks.cost import shapes_only
    from edgecls.training.backend import import_keras

    costs: dict[str, Cost] = {}
    with steps() as announce:
        tick = announce("counting networks")
        tick(0, len(networks))
        keras = import_keras()
        with shapes_only(keras):
            for done, network in enumerate(networks, start=1):
                if (size or network.size) >= network.min_size:
                    costs[network.name] = _cost(keras, network, size or network.size)
                tick(done, len(networks))
    return costs


def _cost(keras: Any, network: Network, size: int) -> Cost:
    from edgecls.networks.cost import cost_of
    from edgecls.training.classifier import build_head, head_kind, hidden_units, vectorize

    hidden = hidden_units(network, network.head)
    backbone = vectorize(keras, network.build(size), head_kind(network, network.head))
    head = build_head(keras, int(backbone.output.shape[-1]), CLASSES, hidden=hidden, dropout=0)
    return cost_of(backbone).then(cost_of(head))


def _weights(network: Network) -> str:
    """Where its trained weights come from."""
    from edgecls.networks.keras_download import KerasDownload

    kinds = (
        "keras" if isinstance(loader, KerasDownload) else "package" for loader in network.weights.values()
    )
    return "/".join(dict.fromkeys(kinds)) or "none"


def _fine_tuning(network: Network) -> str:
    """Rate for all of its layers, and its late ones; nothing where there are no weights to begin with."""
    if network.unfreeze is None:
        return ""
    return f"rate {network.fine_tune_rate:g}; its late layers are those from {network.unfreeze} on"


def _print_all(networks: list[Network], size: int | None, costs: dict[str, Cost]) -> None:
    columns = ["network", "title", "size", "params, M", "MACs, M", "peak, MB", "int8", "weights"]
    rows = [_row(network, size or network.size, costs.get(network.name)) for network in networks]
    print_table("Networks", columns, rows)
    legend = ", ".join(f"{letter} {note}" for note, letter in LETTERS.items())
    out.print(
        f"With the head of a run and {CLASSES} classes. MACs: multiply-adds a picture.\n"
        "Peak: activations held at once in int8; four times that in float32.\n"
        f"int8: {legend}\n"
        "Weights: downloaded by Keras, or in a package of edgecls[weights].",
        markup=False,
    )


def _row(network: Network, size: int, cost: Cost | None) -> list[str]:
    start, end = [network.name, network.title], [_weights(network)]
    if cost is None:
        return [*start, f">={network.min_size}", "", "", "", "", *end]
    return [
        *start,
        str(size),
        f"{cost.parameters / 1e6:.2f}",
        f"{cost.multiply_adds / 1e6:,.0f}"
        if cost.multiply_adds >= 1e7
        else f"{cost.multiply_adds / 1e6:.2f}",
        f"{cost.peak_numbers / 1e6:.2f}",
        "".join(letter for note, letter in LETTERS.items() if cost.notes[note]),
        *end,
    ]


def _print_one(network: Network, size: int, cost: Cost) -> None:
    """Every fact of one network, a line each, and its layers."""
    facts = {
        "title": network.title,
        "paper": network.paper,
        "size": f"{size}x{size}, own {network.size}, smallest {network.min_size}",
        "scaling": _scaling(network),
        "weights": _weights(network),
        "fine-tuning": _fine_tuning(network),
        "head": network.head,
        "paper's head": "dense layers of " + ", ".join(map(str, network.hidden)) if network.hidden else "",
        "width": "any" if network.scalable else "1",
        "parameters": f"{cost.parameters:,} with {CLASSES} classes",
        "multiply-adds": f"{cost.multiply_adds:,}",
        "peak": f"{cost.peak_numbers:,} activations held at once, a byte each in int8, four in float32",
        "int8": ", ".join(f"{count} x {note}" for note, count in cost.notes.items() if count),
    }
    out.print("\n".join(f"{key:13} {value}" for key, value in facts.items() if value), markup=False)
    columns = ["layer", "type", "output", "parameters", "multiply-adds"]
    rows = [
        [
            layer.name,
            layer.kind,
            "x".join(map(str, layer.shape)),
            f"{layer.parameters:,}",
            f"{layer.multiply_adds:,}",
        ]
        for layer in cost.layers
    ]
    print_table("Layers", columns, rows)


def _scaling(network: Network) -> str:
    """What happens to red, green and blue, once where it is the same."""
    pairs = zip(network.scaling.scale, network.scaling.offset, strict=True)
    return ", ".join(dict.fromkeys(f"pixel * {a:.5g} {'-' if b < 0 else '+'} {abs(b):.5g}" for a, b in pairs))


def _document(
    networks: list[Network], size: int | None, *, costs: dict[str, Cost], layers: bool
) -> dict[str, Any]:
    return {
        "classes": CLASSES,
        "networks": [_entry(network, size, costs.get(network.name), layers=layers) for network in networks],
    }


def _entry(network: Network, size: int | None, cost: Cost | None, *, layers: bool) -> dict[str, Any]:
    """One network; what it costs is null at a size it cannot take."""
    from edgecls.records import to_record

    entry = {
        "name": network.name,
        "title": network.title,
        "paper": network.paper,
        "own_size": network.size,
        "min_size": network.min_size,
        "scaling": to_record(network.scaling),
        "weights": _weights(network),
        "unfreeze": network.unfreeze,
        "fine_tune_rate": network.fine_tune_rate,
        "head": network.head,
        "hidden": list(network.hidden),
        "scalable": network.scalable,
        "cost": None,
    }
    if cost:
        entry["cost"] = {
            "size": size or network.size,
            "parameters": cost.parameters,
            "multiply_adds": cost.multiply_adds,
            "peak_bytes_int8": cost.peak_numbers,
            "peak_bytes_float32": 4 * cost.peak_numbers,
            "int8": cost.notes,
        }
        if layers:
            entry["cost"]["layers"] = [to_record(layer) for layer in cost.layers]
    return entry
