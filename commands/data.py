"""``landscape data``: data sets listed, downloaded and prepared."""

from __future__ import annotations

import click

from landscape.commands.shared import print_json
from landscape.training.config.shared_options import data_dir_option, json_option


@click.group()
def data() -> None:
    """List, download and prepare data."""


@data.command("list")
@data_dir_option
@json_option
def data_list(data_dir: str | None, as_json: bool) -> None:
    """List the named data sets, and whether they are on this machine.

    \b
    Example:  landscape data list
    """
    from landscape.training.data.catalogue import listing

    rows = listing(data_dir)
    if as_json:
        print_json(rows)
        return
    click.echo(f"{'':<22}{'users':>13}{'items':>13}{'interactions':>13}")
    for row in rows:
        sizes = "".join(f"{'' if row[size] is None else row[size]:>13}" for size in ("users", "items", "interactions"))
        click.echo(f"{row['name']:<22}{sizes}  {row['where']}")


@data.command()
@click.argument("name")
@data_dir_option
def fetch(name: str, data_dir: str | None) -> None:
    """Download a public data set: Beauty, Sports, Toys or Yelp.

    \b
    Example:  landscape data fetch Beauty
    """
    from landscape.training.data.catalogue import data_folder
    from landscape.training.data.download import fetch

    click.echo(fetch(name, data_folder(data_dir)))


@data.command()
@click.argument("raw", nargs=-1, required=True, type=click.Path())
@click.option("--name", help="Name of the prepared set; by default the first file's.")
@click.option("--out", default=".", type=click.Path(file_okay=False), help="Folder for the prepared files.")
@click.option(
    "--overwrite",
    is_flag=True,
    help="Replace NAME.txt, NAME_ids.json and NAME_item2attributes.json, if they are there.",
)
@click.option("--user", help="The column of users in CSV, TSV and Parquet; a usual name by default.")
@click.option("--item", help="The column of items.")
@click.option("--time", help="The column of times.")
@click.option("--columns", help="Of text without a header line, its columns in order: user,item,rating,time.")
@click.option(
    "--time-unit",
    type=click.Choice(["s", "ms", "us", "ns", "order"]),
    help="What times that are numbers are: seconds … nanoseconds since 1970, or an order; by their size by default.",
)
@click.option("--keep-order", is_flag=True, help="The rows are in the order of time; times are not read.")
@click.option(
    "--core", default=5, help="Keep users and items with at least this many interactions, repeatedly; 1 keeps all."
)
@click.option("--year", default=2019, help="Year of Yelp's reviews; 0 reads all years.")
def prepare(
    raw: tuple[str, ...],
    name: str | None,
    out: str,
    overwrite: bool,
    user: str | None,
    item: str | None,
    time: str | None,
    columns: str | None,
    time_unit: str | None,
    keep_order: bool,
    core: int,
    year: int,
) -> None:
    """Turn raw interactions (tables, reviews, ratings, check-ins) into a data set.

    \b
    Example:  landscape data prepare reviews_Beauty.json.gz meta_Beauty.json.gz --name Beauty
    """
    from landscape.training.data.raw.prepare import prepare_files
    from landscape.training.data.raw.tables import Columns

    summary = prepare_files(
        raw, out, name, core=core, overwrite=overwrite,
        columns=Columns(user, item, time), layout=[name.strip() for name in columns.split(",")] if columns else None,
        time_unit=time_unit, keep_order=keep_order, year=year or None,
    )  # fmt: skip
    click.echo(summary)
