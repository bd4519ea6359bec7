"""The function that `fit` calls for each batch: an algorithm's step on all replicas."""

import tensorflow as tf


def make(algorithm):
    """Makes a function from an iterator of batches to the step's losses.

    Args:
        algorithm: An `Algorithm`, compiled. Its step is one graph; in parts, one for a
            part and one to finish.
    """
    if algorithm.accumulate_steps == 1:
        step = _on_all_replicas(algorithm, algorithm.train_step)
        return lambda iterator: step(next(iterator))
    part = _on_all_replicas(algorithm, algorithm.accumulate_step)
    finish = _on_all_replicas(algorithm, algorithm.finish_step)

    def train(iterator):
        batch = next(iterator)
        losses = [
            part(batch, tf.constant(number))
            for number in range(algorithm.accumulate_steps)
        ]
        means = {k: sum(each[k] for each in losses) / len(losses) for k in losses[0]}
        return {**means, **finish()}

    return train


def _on_all_replicas(algorithm, function):
    """The function as a graph, on every replica; its results are averaged."""
    strategy = algorithm.distribute_strategy

    def run(*arguments):
        results = strategy.run(function, args=arguments)
        return {
            name: strategy.reduce("MEAN", value, axis=None)
            for name, value in results.items()
        }

    if algorithm.run_eagerly:
        return run
    return tf.function(run, autograph=False, jit_compile=algorithm.jit_compile)
