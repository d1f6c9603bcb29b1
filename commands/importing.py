"""``landscape import``: published weights as checkpoints."""

from __future__ import annotations

import click

from landscape.training.config.shared_options import attributes_option, data_dir_option


@click.group("import")
def importing() -> None:
    """Turn published weights into checkpoints."""


@importing.command("s3rec")
@click.argument("weights", type=click.Path())
@click.option("--data", required=True, help="Name or file of the data they were trained on.")
@data_dir_option
@attributes_option
@click.option("--out", required=True, type=click.Path(dir_okay=False), help="The checkpoint, FILE.pt.")
@click.option("--heads", default=2, help="Number of attention heads, which the weights do not show.")
def import_weights(weights: str, data: str, data_dir: str | None, attributes: str | None, out: str, heads: int) -> None:
    """Read a state dict in the form that S3Rec's authors publish, pre-trained or fine-tuned.

    \b
    Example:  landscape import s3rec Beauty-epochs-150.pt --data Beauty --out s3rec.pt
    """
    from landscape.training.checkpoints.checkpoint import save_checkpoint
    from landscape.training.checkpoints.import_s3rec import check_place, import_s3rec
    from landscape.training.data.dataset import load

    dataset = load(data, data_dir=data_dir, attributes=attributes)
    check_place(out, weights, dataset)
    checkpoint = import_s3rec(weights, dataset, heads=heads)
    save_checkpoint(checkpoint, out)
    click.echo(f"{checkpoint.title}, stage {checkpoint.stage}")
    click.echo(out)
