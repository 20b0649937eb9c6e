"""`edgecls show RUN IMAGE`: what an image becomes after each layer, and where the decision looked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from edgecls.preprocess import Pixels
    from edgecls.reporting.layer_pictures import Shown
    from edgecls.runs import RunRecord

SCHEMA = 1
PAGE = "show.html"
ATTENTION = "attention.png"


def command(
    run: Annotated[str, typer.Argument(help="Folder or name of a run.", metavar="RUN")],
    image: Annotated[Path, typer.Argument(help="A photo.", metavar="IMAGE")],
    layers: Annotated[
        str | None, typer.Option(help="Names with commas; default: evenly through the network.")
    ] = None,
    channels: Annotated[int, typer.Option(min=1, max=64, help="Channels shown of each layer.")] = 8,
    label: Annotated[
        str | None, typer.Option(help="Where it looked for this class; default the best.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="How many labels are listed, beside that of --label.")] = 3,
    out: Annotated[
        Path | None, typer.Option(help="Folder; default RUN/show/IMAGE without its suffix.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what an earlier show wrote there.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print paths and labels as JSON.")] = False,
) -> None:
    """Draw what an image becomes after each layer, and where the decision looked."""
    from edgecls.cli.console import print_json, print_table, say
    from edgecls.errors import UsageError
    from edgecls.files import new_folder
    from edgecls.images import read_photo
    from edgecls.runs import find_run, read_run

    folder = find_run(run)
    record = read_run(folder)
    if label is not None and label not in record.labels:
        raise UsageError(f"--label: expected one of {', '.join(record.labels)}, found '{label}'")
    pixels = record.preprocess.apply(read_photo(image))
    target = out or folder / "show" / image.stem
    if target.exists() and not force:
        raise UsageError(f"{target} exists already; choose another folder with --out or add --force")
    shown = _look(
        folder,
        record,
        pixels,
        photo=image.name,
        layers=_names(layers),
        label=label,
        channels=channels,
        top=top,
    )
    with new_folder(target, force=force, document=PAGE) as partial:
        files = _write(partial, shown)
    if record.status == "interrupted":
        say(f"{folder} was interrupted; shown are the weights it kept")
    if json:
        print_json(_document(shown, target, files))
        return
    print_table(image.name, ["label", "confidence"], [[name, f"{share:.1%}"] for name, share in shown.top])
    say(f"wrote {target / PAGE} and {len(files) + 1} pictures beside it")


def _names(given: str | None) -> list[str] | None:
    return None if given is None else [name.strip() for name in given.split(",") if name.strip()]


def _look(
    folder: Path,
    record: RunRecord,
    pixels: Pixels,
    *,
    photo: str,
    layers: list[str] | None,
    label: str | None,
    channels: int,
    top: int,
) -> Shown:
    """Pass the picture through the run's model and back from the class that is asked for."""
    from edgecls.evaluation.activations import choose_layers, layer_maps
    from edgecls.evaluation.attention import attention
    from edgecls.reporting.layer_pictures import Shown
    from edgecls.runs import run_model
    from edgecls.training.backend import import_keras

    path = run_model(folder, record)
    keras = import_keras()
    model = keras.models.load_model(path, compile=False)
    maps, scores = layer_maps(keras, model, pixels, layers=choose_layers(model, layers))
    ranked = [(record.labels[i], float(scores[i])) for i in scores.argsort(kind="stable")[::-1]]
    label = label or ranked[0][0]
    listed = tuple(pair for i, pair in enumerate(ranked) if i < top or pair[0] == label)
    heat = attention(keras, model, pixels, label=record.labels.index(label))
    return Shown(record.name, photo, pixels, listed, label, heat, maps, channels)


def _write(folder: Path, shown: Shown) -> dict[str, str]:
    """Write page and pictures; gives the file of each layer."""
    from edgecls.files import write_bytes
    from edgecls.reporting.layer_pictures import attention_picture, layer_picture, show_page
    from edgecls.reporting.page import write_page

    write_page(folder / PAGE, show_page(shown))
    write_bytes(folder / ATTENTION, attention_picture(shown.pixels, shown.heat, shown.label, "png"))
    files = {layer.layer: f"{i:02d}-{layer.layer}.png" for i, layer in enumerate(shown.maps, start=1)}
    for layer in shown.maps:
        write_bytes(folder / files[layer.layer], layer_picture(layer, shown.channels, "png"))
    return files


def _document(shown: Shown, folder: Path, files: dict[str, str]) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "run": shown.run,
        "photo": shown.photo,
        "top": [{"label": name, "confidence": round(share, 6)} for name, share in shown.top],
        "label": shown.label,
        "page": str(folder / PAGE),
        "attention": str(folder / ATTENTION),
        "layers": [
            {
                "name": layer.layer,
                "shape": list(layer.values.shape),
                "picture": str(folder / files[layer.layer]),
            }
            for layer in shown.maps
        ],
    }
