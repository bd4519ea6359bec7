import numpy as np

from selene_tf.architectures.routing_path import RoutingPath
from selene_tf.reports import path_text


def test_text_says_how_much_is_left():
    shape = (4, 4, 3)
    kept, bypassed = np.zeros(shape, bool), np.zeros(shape[:2], bool)
    kept[[0, 1, 3], 0, 0], bypassed[2, 0] = True, True
    metadata = {
        **{"macs": 5_000_000, "supernet_macs": 20_000_000},
        **{"parameters": 1234, "supernet_parameters": 4936},
        **{"rule": "keep<=0.3", "images": 7, "image_size": [64, 96]},
    }
    path = RoutingPath(kept, bypassed, np.zeros(shape), np.zeros(shape), metadata)
    # Layers of 1, 2, 3, 4 cells, with 2, 2 + 3, 2 + 3 + 3 and 4 routes.
    assert path_text.summary(path) == (
        "5.0 of 20.0 MMACs at 64x96 (25.0%), 1,234 of 4,936 parameters (25.0%)\n"
        "keep<=0.3 over 7 images: of 10 cells 3 are computed and 1 pass their input "
        "on, 3 of 19 routes are open"
    )
