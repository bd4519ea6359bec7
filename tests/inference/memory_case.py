"""Prints how much memory a network takes for an image at once, and the estimate.

python -m tests.inference.memory_case CHANNELS LAYERS CLASSES HEIGHT WIDTH
"""

import json
import resource
import sys

import numpy as np

from selene_tf.inference import large_images, run
from selene_tf.networks import dynamic_routing
from tests.inference.toy_models import Pixelwise


def main(channels, num_layers, num_classes, height, width):
    network = dynamic_routing.build(num_classes, channels, num_layers)
    labels, _ = run._traced(network)
    labels(np.zeros((1, 64, 64, 3), np.uint8))
    image = np.zeros((1, height, width, 3), np.uint8)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    labels(image)
    taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    model = Pixelwise(metadata={"structure": {"channels": channels}})
    model.class_names = ["a"] * num_classes
    estimate = large_images.bytes_at_once(model, (height, width))
    print(json.dumps({"taken": taken * 1024, "estimate": estimate}))  # noqa: T201


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
