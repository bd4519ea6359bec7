"""What a network costs: multiply-accumulates (MACs) and parameters."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Cost:
    """Multiply-accumulates and parameters of a network.

    Attributes:
        macs: Multiply-accumulates of one image when everything runs: convolutions and
            dense layers, without biases, normalisation, activations and resizing.
        parameters: Trainable parameters, normalisation and biases included.
    """

    macs: int
    parameters: int
