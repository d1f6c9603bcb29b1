"""What ``surface`` and ``curvature`` share: a result for each input, drawn and printed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from landscape.commands.shared import compute_device, named_models, print_json
from landscape.figures.click_options import Drawing
from landscape.launch import launch

if TYPE_CHECKING:
    from landscape.results.storage.kinds import ResultKind
    from landscape.training.targets.inputs import Analysis


def analyse_each(inputs: tuple[str, ...], given: dict[str, Any], kind: ResultKind[Any], analysis: Analysis) -> None:
    """Read or compute a result of one kind for each input, draw it, and print it."""
    from landscape.figures.entries import ModelEntry
    from landscape.progress import progress_bar
    from landscape.results.storage.kinds import check_place, copy_result
    from landscape.results.storage.transactions import together
    from landscape.training.targets.inputs import analyse, files_of, metadata_of, open_inputs, title_of
    from landscape.training.targets.related_results import along_beside, surface_and_curvature

    where, named = compute_device(given["device"], given["threads"]), named_models(inputs, given)
    drawing = Drawing.of(given, files_of(named))
    drawing.check_single([str(one) for one in named])
    drawing.check()
    opened = open_inputs(named, kind, data=given["data"], data_dir=given["data_dir"], device=where)
    if drawing.page is not None:  # then there is one input
        check_place(Path(drawing.page), kind, metadata_of(opened[0]), Path(str(named[0])))
    printed = []
    for path, model_or_result in zip(named, opened, strict=True):
        with progress_bar(kind.title) as progress:
            result, stored, history = analyse(path, model_or_result, analysis, device=where, progress=progress)
        if not launch().first:
            continue
        page = Path(drawing.page) if drawing.page is not None else stored.with_suffix(".html")
        title = title_of(result.metadata, page)
        surface, curvature = surface_and_curvature(result, stored)
        with together():
            entry = ModelEntry(title, surface, curvature, history, along_beside(surface, stored))
            page, *pictures = drawing.draw([entry], page)
            files = [str(file) for file in (page, copy_result(stored, page), *pictures)]
        printed.append({**kind.values(result), "files": files})
        if not given["as_json"]:
            click.echo(f"{title}: {result}")
            click.echo("\n".join(files))
    if given["as_json"] and launch().first:
        print_json(printed[0] if len(printed) == 1 else printed)
