"""The one training step that all algorithms share."""

import keras
import tensorflow as tf
from keras import ops

from selene_tf.layers.drop_path import DropPath


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
        budget: A `Budget` for the trained networks' gates, or None.
        num_steps: Steps of the whole training, which drop path has to know.
    """

    def __init__(
        self,
        networks,
        deployed,
        max_gradient_norm,
        budget=None,
        num_steps=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.networks = networks
        self.deployed = deployed
        self.max_gradient_norm = max_gradient_norm
        self._dropping = [
            layer
            for network in networks.values()
            for layer in network.layers
            if isinstance(layer, DropPath)
        ]
        if self._dropping and not num_steps:
            raise ValueError("num_steps must be given for networks with drop path.")
        self.budget = budget
        self.num_steps = num_steps
        # The networks arrive built; there is nothing left for Keras to trace.
        self.built = True

    def compute_losses(self, batch):
        """Every loss by name, weighted as it enters the sum.

        (batch,) each, a value a picture, but for the budget's scalar.
        """
        raise NotImplementedError

    def begin(self):
        """Runs when the weights to start from are there."""

    def after_update(self):
        """Runs after the optimiser's step."""

    def budget_losses(self, gates):
        """The budget's loss, a scalar by name; nothing without a budget.

        Args:
            gates: (batch, num_layers + 1, 4, 3), of all pictures of a step.
        """
        if self.budget is None:
            return {}
        own = ops.mean(self.budget.costs(gates))
        replica = tf.distribute.get_replica_context()
        mean = replica.all_reduce("mean", ops.stop_gradient(own))
        # The value of all pictures, the gradient of one's own; the step averages
        # the gradients, and gets that of the mean.
        mean = mean + own - ops.stop_gradient(own)
        return {"budget": self.budget.loss(mean, self.optimizer.iterations)}

    def named_variables(self):
        """Name to variable of all that a checkpoint has to hold."""
        named = {
            f"{name}/{variable.path}": variable
            for name, network in self.networks.items()
            for variable in network.variables
        }
        for variable in self.optimizer.variables:
            named[f"optimizer/{variable.path}"] = variable
        return named

    def train_step(self, batch):
        """One step; returns the mean of every loss, and their sum as "loss"."""
        replica = tf.distribute.get_replica_context()
        variables = self.trainable_variables
        self._tell_progress()
        with tf.GradientTape() as tape:
            losses = {
                name: ops.mean(values)
                for name, values in self.compute_losses(batch).items()
            }
            losses["loss"] = sum(losses.values())
        gradients = tape.gradient(losses["loss"], [v.value for v in variables])
        if replica.num_replicas_in_sync > 1:
            gradients = replica.all_reduce("mean", gradients)
        norm = tf.linalg.global_norm(gradients)
        factor = self.max_gradient_norm / tf.maximum(norm, self.max_gradient_norm)
        self.optimizer.apply([factor * each for each in gradients], variables)
        self.after_update()
        return {**losses, "gradient_norm": norm}

    def make_train_function(self, force=False):
        """Makes `train_function`, from an iterator of batches to the losses, for `fit`.

        Keras's puts the step into a graph inside of a graph, and hands its thousands
        of variables on from one to the other; that takes seconds to trace.
        """
        if self.train_function is not None and not force:
            return
        strategy = self.distribute_strategy

        def step(batch):
            losses = strategy.run(self.train_step, args=(batch,))
            return {
                name: strategy.reduce("MEAN", value, axis=None)
                for name, value in losses.items()
            }

        if not self.run_eagerly:
            step = tf.function(step, autograph=False, jit_compile=self.jit_compile)
        self.train_function = lambda iterator: step(next(iterator))

    def _tell_progress(self):
        """Tells drop path, if there is any, how much of the training is done."""
        for layer in self._dropping:
            done = ops.cast(self.optimizer.iterations, "float32")
            layer.progress.assign(done / self.num_steps)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Does nothing: Keras would trace a batch to build what is built."""
        del iterator, data_batch
