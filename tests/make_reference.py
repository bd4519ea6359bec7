"""Makes `official_reference.npz`, the slice of the official network's numbers.

The complete file has 3 MB, too much for every clone; it comes from the official
DynamicRouting code (its commit is in the array `meta`). This makes the slice anew:

python -m tests.make_reference ../shared/reference/ref_small.npz

Left out is what no test reads: what goes into a cell, the features of a layer, gates
before their activation, and a whole batch's activations in evaluation (those of each
image alone stay). What a network needs to compute anything stays complete: weights
(`sd/`), images and labels; and so do gates, costs, losses, moved statistics and
every array of up to 256 numbers.

Of a larger array of activations, logits or gradients every n-th number of its
flattened form stays, and the one of the largest magnitude, to which differences are
related. n is the smallest prime from 7 on that leaves at most 4096 of logits and 256
of others. No side of an array is a multiple of such a prime, so the numbers that
stay wander over all images, channels, rows and columns. All keep their precision.
"""

import re
import sys

import numpy as np

from tests import reference

# Activations, logits and gradients that tests read; the rest of `USED` is complete.
SLICED = re.compile(
    r"grad(64)?(_budget)?/.*|eval(64)?/logits|eval_b1/\d/(logits|cell/\w+/(keep|up|down))"
)
USED = re.compile(
    rf"{SLICED.pattern}|meta|input|labels|sd/.*|post/.*|budget(64)?/.*|\w+_flops"
    r"|(eval|eval_b1/\d|train|train64)/(loss|(expt|real)_flops\w*|gate/\w+)"
    r"|(eval|eval_b1/\d)/cellflops/.*"
)
PRIMES = [n for n in range(7, 2000) if all(n % k for k in range(2, n))]


def stride_of(name, array):
    """Which numbers of the flattened array stay: every n-th; 1 for all."""
    limit = 4096 if name.endswith("logits") else 256
    if not SLICED.fullmatch(name) or array.size <= limit or not array.any():
        return 1
    return next(prime for prime in PRIMES if array.size <= prime * limit)


def main(file):
    with np.load(file, allow_pickle=False) as arrays:
        used = {name: arrays[name] for name in arrays.files if USED.fullmatch(name)}
    strides = {name: stride_of(name, array) for name, array in used.items()}
    reference.save(reference.PATH, used, strides)


if __name__ == "__main__":
    main(*sys.argv[1:])
