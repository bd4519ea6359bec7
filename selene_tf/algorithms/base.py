"""The one training step that all algorithms share."""

import functools

import keras
import tensorflow as tf
from keras import ops

from selene_tf import losses
from selene_tf.algorithms import (
    drop_path_progress,
    gradient_step,
    replicas,
    step_weights,
    train_function,
)
from selene_tf.algorithms.gradient_accumulation import (
    GradientAccumulator,
    rows_of_part,
)
from selene_tf.layers.batch_norm import moving_statistics

# What the names of a batch's tensors start with.
PREFIXES = {"labelled": "", "unlabelled": "unlabelled_"}

# Weight of the loss of auxiliary logits, as in PSPNet (Zhao et al. 2017,
# https://arxiv.org/abs/1612.01105).
AUXILIARY_WEIGHT = 0.4


class Algorithm(keras.Model):
    """Networks, their losses and the step that trains them, under `fit`.

    A subclass says which losses it has (`compute_losses`) and, if it must, what a pixel
    counts in them (`pixel_weights`), and what happens after the weights moved
    (`after_step`). A batch is a
    dict of named tensors, see `selene_tf.data.pipeline.batching.training`.

    The step is written for any number of replicas: gradients are averaged over
    them, then clipped by their global norm, then applied. Keras's own clipping
    clips each replica's share before the sum, which is another step. Of two trained
    networks each is clipped by the norm of its own gradients.

    With `accumulate_steps` each replica takes its share of the images in so many
    parts, one after the other, and the mean of their gradients is the step's. It is
    that of the whole batch but for what is not a mean over images or pixels:
    normalisation's statistics, drop path's draws, the budget's square, OHEM's choice
    are of a part.

    Args:
        networks: Name to network. Those with `trainable=False` are not trained.
        deployed: Name of the network that is evaluated and exported.
        max_gradient_norm: Global norm to which gradients are clipped.
        supervised_loss: Function from labels, logits, `weight`, what a labelled pixel
            counts (see `losses.pixel_weight`), and, where there are some,
            `class_weights`, to a loss an image.
        class_weights: What a labelled pixel of each class counts in it; None for 1.
        budget: A `Budget` for the trained networks' gates, or None.
        pretext: A `PretextLoss`, or None.
        num_steps: Steps of the whole training, which drop path has to know.
        accumulate_steps: Parts of a step.
        auxiliary_weight: Weight of the loss of auxiliary logits.
    """

    # Names of what `compute_losses` gives for the log alone: (batch,), or with a value
    # for each class (batch, classes).
    monitored = ()

    def __init__(  # noqa: PLR0913 (what every algorithm has; the rest is in its class)
        self,
        networks,
        deployed,
        max_gradient_norm,
        *,
        supervised_loss=losses.cross_entropy,
        class_weights=None,
        budget=None,
        pretext=None,
        num_steps=None,
        accumulate_steps=1,
        auxiliary_weight=AUXILIARY_WEIGHT,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.auxiliary_weight = auxiliary_weight
        self.networks = networks
        self.heads = pretext.heads if pretext else {}
        self.deployed = deployed
        self.max_gradient_norm = max_gradient_norm
        self.supervised_loss = supervised_loss
        self.class_weights = class_weights
        self._dropping = drop_path_progress.layers_of(networks.values(), num_steps)
        self.budget = budget
        self.pretext = pretext
        self.num_steps = num_steps
        self.accumulate_steps = accumulate_steps
        self._sums = None
        if accumulate_steps > 1:
            self._sums = GradientAccumulator(self.trained_variables())
        # The networks arrive built; there is nothing left for Keras to trace.
        self.built = True

    def compute_losses(self, batch):
        """Every loss by name, weighted as it enters the sum.

        (batch,) each, a value an image, but for the budget's scalar; and what is
        `monitored`, as the log is to have it.
        """
        raise NotImplementedError

    def pixel_weights(self, batch):
        """What a pixel counts in each loss that is a mean over pixels.

        They are taken over the whole step's batch, on all replicas and in all parts.

        Returns:
            Name to scalar; a batch then has them under these names, (batch,).
        """
        counted = losses.label_weights(batch["label"], self.class_weights)
        return {"label_pixel_weight": losses.pixel_weight([counted], replicas.gather)}

    def supervised_losses(self, batch, outputs):
        """The supervised loss on the labelled images, (batch,).

        Auxiliary logits, if the network has any, learn from the labels beside its own,
        each at `auxiliary_weight`.

        Args:
            batch: The batch.
            outputs: The network's outputs for the labelled images.
        """
        options = {"weight": batch["label_pixel_weight"]}
        if self.class_weights is not None:
            options["class_weights"] = self.class_weights
        loss_of = functools.partial(self.supervised_loss, batch["label"], **options)
        loss = loss_of(outputs["logits"])
        for logits in outputs.get("auxiliary", ()):
            loss += self.auxiliary_weight * loss_of(logits)
        return loss

    def on_weights_loaded(self):
        """Runs when the weights to start from are there."""

    def after_step(self):
        """Runs after the optimiser's step."""

    def forward(self, name, batch):
        """A trained network's outputs for the labelled and the unlabelled images.

        Returns:
            {"labelled": outputs, "unlabelled": outputs}, the second only where the
            batch has such images; their strong view if it has one.
        """
        # Two passes and not one over both: each batch keeps its own statistics.
        network = self.networks[name]
        outputs = {"labelled": network(batch["image"], training=True)}
        others = batch.get("unlabelled_strong_image", batch.get("unlabelled_image"))
        if others is not None:
            with moving_statistics(network, self._moves_statistics(batch)):
                outputs["unlabelled"] = network(others, training=True)
        return outputs

    def _moves_statistics(self, batch):
        """Whether the second pass moves the trained network's moving statistics.

        Those are for images as they are: strongly augmented ones have other colours,
        tiles in another order have edges that no image has. And what teaches nothing
        shall change nothing.
        """
        is_altered = "unlabelled_strong_image" in batch or self.pretext is not None
        return False if is_altered else self.teaches()

    def teaches(self):
        """Whether unlabelled images have a weight in this step: a bool scalar."""
        return True

    def side_losses(self, name, batch, outputs):
        """What a trained network learns beside: the budget's and the pretext's loss.

        Args:
            name: Name of the network.
            batch: The batch.
            outputs: What `forward` gave for both.
        """
        side = {}
        if self.budget is not None:
            gates = ops.concatenate([each["gates"] for each in outputs.values()])
            side["budget"] = self._budget_loss(gates)
        if self.pretext is not None:
            side[self.pretext.name] = sum(
                self.pretext.loss(
                    name,
                    each["features"],
                    batch[f"{PREFIXES[which]}pretext_label"],
                    batch[f"{PREFIXES[which]}pretext_weight"],
                )
                for which, each in outputs.items()
            )
        suffix = self._suffix(name)
        return {f"{loss}{suffix}": value for loss, value in side.items()}

    def _budget_loss(self, gates):
        own = ops.mean(self.budget.costs(gates))
        mean = replicas.mean(ops.stop_gradient(own))
        # The value of all images, the gradient of one's own; the step averages
        # the gradients, and gets that of the mean.
        mean = mean + own - ops.stop_gradient(own)
        return self.budget.loss(mean, self.optimizer.iterations)

    def named_variables(self):
        """Name to variable of all that a checkpoint has to hold."""
        parts = self.networks | {f"{k}_head": head for k, head in self.heads.items()}
        named = {
            f"{name}/{variable.path}": variable
            for name, part in parts.items()
            for variable in part.variables
        }
        # Numbered, since velocities of two networks bear the same names.
        for number, variable in enumerate(self.optimizer.variables):
            named[f"optimizer/{number}/{variable.path}"] = variable
        return named

    def trained_variables(self):
        """Name of each trained network to its and its head's trainable variables."""
        trained = {}
        for name, network in self.networks.items():
            head = [self.heads[name]] if name in self.heads else []
            if network.trainable:
                parts = [part.trainable_variables for part in (network, *head)]
                trained[name] = [variable for part in parts for variable in part]
        return trained

    def train_step(self, batch):
        """One step; returns the mean of every loss, and their sum as "loss"."""
        means, gradients = self._differentiate(self.with_weights(batch))
        return {**means, **self._update(gradients)}

    def accumulate_step(self, batch, part):
        """Adds the gradients of a part of the batch; returns its losses."""
        batch = rows_of_part(self.with_weights(batch), part, self.accumulate_steps)
        means, gradients = self._differentiate(batch)
        self._sums.add(gradients)
        return means

    def finish_step(self):
        """The step from the mean of what was added; returns the gradients' norm."""
        return self._update(self._sums.take(self.accumulate_steps))

    def with_weights(self, batch):
        """The batch with what each image and pixel counts in the step's means."""
        return step_weights.add(batch, self.pixel_weights(batch), PREFIXES.values())

    def _differentiate(self, batch):
        """The means of all losses, and by network the gradients of their sum."""
        drop_path_progress.tell(
            self._dropping, self.optimizer.iterations, self.num_steps
        )
        variables = self.trained_variables()
        with tf.GradientTape() as tape:
            results = self.compute_losses(batch)
            monitored = {name: ops.mean(results[name], 0) for name in self.monitored}
            means = {
                name: ops.mean(values)
                for name, values in results.items()
                if name not in self.monitored
            }
            means["loss"] = sum(means.values())
        values = {name: [v.value for v in own] for name, own in variables.items()}
        gradients = tape.gradient(means["loss"], values)
        return {**means, **monitored}, gradients

    def _update(self, gradients):
        """The optimiser's step; returns each network's gradient norm."""
        norms = gradient_step.apply(
            self.optimizer, gradients, self.trained_variables(), self.max_gradient_norm
        )
        self.after_step()
        return {f"gradient_norm{self._suffix(n)}": norm for n, norm in norms.items()}

    def _suffix(self, name):
        """Tells the losses of two trained networks apart."""
        trained = [network for network in self.networks.values() if network.trainable]
        return f"_{name}" if len(trained) > 1 else ""

    def make_train_function(self, force=False):
        """Makes `train_function`, from an iterator of batches to the losses, for `fit`.

        Keras's puts the step into a graph inside of a graph, and hands its thousands
        of variables on from one to the other; that takes seconds to trace.
        """
        if self.train_function is not None and not force:
            return
        self.train_function = train_function.make(self)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Does nothing: Keras would trace a batch to build what is built."""
        del iterator, data_batch
