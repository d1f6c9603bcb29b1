"""Leave-one-out: which of a user's last items each split holds out."""

from __future__ import annotations

# By split: how many of a user's last items its inputs s[:-k] lack. In training each input's target is the item after
# it, the last one s[-3]; validation predicts s[-2] and the test s[-1].
HELD_OUT = {"train": 3, "valid": 2, "test": 1}
TRAINING_SEQUENCE = HELD_OUT["valid"]  # training sees s[:-2], its targets included
RANKED = ("valid", "test")  # the splits of one target a user, which is ranked among all items
