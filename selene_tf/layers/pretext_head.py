"""The classification head of a pretext task."""

import keras
from keras import ops

from selene_tf.layers.conv_norm import ConvNorm
from selene_tf.layers.resize import subsample


def build_for(network, num_classes, name, synchronized=False):
    """Builds a head for a network's output "features"."""
    head = PretextHead(num_classes, synchronized=synchronized, name=name)
    head.build([level.shape for level in network.output["features"]])
    return head


@keras.saving.register_keras_serializable("selene_tf")
class PretextHead(keras.layers.Layer):
    """Classifies what a pretext task did to an image: a decoder turned round.

    SELENE, section 5.2: the routing's output "is taken in the other direction". So it
    starts at the finest level; a 1x1 convolution at every second pixel doubles the
    channels, and the next level is added, down to the coarsest one. Where the decoder
    enlarges, this halves.

    Args:
        num_classes: Number of things that may have been done.
        synchronized: Whether replicas share their batch statistics.

    Call arguments:
        levels: List of features (batch, height, width, channels), finest first; each
            has half the height and width, rounded up, and twice the channels of the
            one before.

    Output shape: (batch, num_classes), logits
    """

    def __init__(self, num_classes, synchronized=False, **kwargs):
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.synchronized = synchronized

    def build(self, levels_shape):
        self.halvings = []
        for number, (finer, coarser) in enumerate(
            zip(levels_shape[:-1], levels_shape[1:], strict=True)
        ):
            halving = ConvNorm(
                coarser[-1],
                synchronized=self.synchronized,
                dtype=self.dtype_policy,
                name=f"halving_{number}",
            )
            halving.build(finer)
            self.halvings.append(halving)
        self.classifier = keras.layers.Dense(
            self.num_classes, dtype=self.dtype_policy, name="classifier"
        )
        self.classifier.build((None, levels_shape[-1][-1]))

    def call(self, levels, training=False):
        features = levels[0]
        for halving, level in zip(self.halvings, levels[1:], strict=True):
            halved = halving(subsample(features), training=training)
            features = halved + level
        return self.classifier(ops.mean(features, axis=(1, 2)))

    def compute_output_shape(self, levels_shape):
        return (levels_shape[0][0], self.num_classes)

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "synchronized": self.synchronized,
        }
