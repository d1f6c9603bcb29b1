"""What the guide says about experiment trackers, where they are installed."""

import pytest

from landscape.figures.static import contour_figure
from tests.support.drawable import full_curvature, interpolated


def test_tensorboard_takes_a_figure_and_a_trace(tmp_path):
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from torch.utils.tensorboard import SummaryWriter

    trace = full_curvature().trace
    with SummaryWriter(tmp_path) as writer:
        writer.add_figure("landscape/surface", contour_figure(interpolated()), global_step=3)
        writer.add_scalar("landscape/trace", float(trace), global_step=3)
    events = EventAccumulator(str(tmp_path)).Reload()
    (picture,) = events.Images("landscape/surface")
    assert picture.step == 3 and picture.width > 500 and picture.encoded_image_string.startswith(b"\x89PNG")
    (number,) = events.Scalars("landscape/trace")
    assert number.value == pytest.approx(trace.mean, rel=1e-6)
