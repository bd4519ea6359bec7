"""Trains, and prints memory and open files each 500 steps; takes train.py's flags."""

import json

import psutil

from selene_tf.cli import command, flagfile
from selene_tf.training.loop import Supervisor


def main():
    from selene_tf import experiment

    end = Supervisor.on_train_batch_end

    def end_and_measure(self, batch, logs=None):
        end(self, batch, logs)
        if self.progress.step % 500 == 0:
            process = psutil.Process()
            figures = {
                "step": self.progress.step,
                "memory": process.memory_info().rss,
                "files": process.num_fds(),
            }
            command.say(json.dumps(figures))

    Supervisor.on_train_batch_end = end_and_measure
    experiment.train(flagfile.from_flags())


if __name__ == "__main__":
    flagfile.define_flags()
    command.run(main, [])
