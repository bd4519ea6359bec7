"""The one training step that all algorithms share."""

import keras
import tensorflow as tf
from keras import ops


class Algorithm(keras.Model):
    """Networks, their losses and the step that trains them, under `fit`.

    A subclass says which losses it has (`compute_losses`) and, if it must, what
    happens after the weights moved (`after_update`). A batch is a dict of named
    tensors, see `selene_tf.data.pipelines.training`.

    The step is written for any number of replicas: gradients are averaged over
    them, then clipped by their global norm, then applied. Keras's own clipping
    clips each replica's share before the sum, which is another step.

    Args:
        networks: Name to network. Those with `trainable=False` are not trained.
        deployed: Name of the network that is evaluated and exported.
        max_gradient_norm: Global norm to which gradients are clipped.
    """

    def __init__(self, networks, deployed, max_gradient_norm, **kwargs):
        super().__init__(**kwargs)
        self.networks = networks
        self.deployed = deployed
        self.max_gradient_norm = max_gradient_norm
        # The networks arrive built; there is nothing left for Keras to trace.
        self.built = True

    def compute_losses(self, batch):
        """Every loss by name, (batch,) each, weighted as it enters the sum."""
        raise NotImplementedError

    def after_update(self):
        """Runs after the optimiser's step."""

    def named_variables(self):
        """Name to variable of all that a checkpoint has to hold."""
        named = {
            f"{name}/{variable.path}": variable
            for name, network in self.networks.items()
            for variable in network.weights
        }
        for variable in self.optimizer.variables:
            named[f"optimizer/{variable.path}"] = variable
        return named

    def train_step(self, batch):
        """One step; returns the mean of every loss, and their sum as "loss"."""
        replica = tf.distribute.get_replica_context()
        variables = self.trainable_variables
        with tf.GradientTape() as tape:
            losses = {
                name: ops.mean(values)
                for name, values in self.compute_losses(batch).items()
            }
            losses["loss"] = sum(losses.values())
        gradients = tape.gradient(losses["loss"], [v.value for v in variables])
        gradients = replica.all_reduce("mean", gradients)
        gradients, norm = tf.clip_by_global_norm(gradients, self.max_gradient_norm)
        # `apply` sums over the replicas.
        shares = [gradient / replica.num_replicas_in_sync for gradient in gradients]
        self.optimizer.apply(shares, variables)
        self.after_update()
        return {**losses, "gradient_norm": norm}

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Does nothing: Keras would trace a batch to build what is built."""
        del iterator, data_batch
