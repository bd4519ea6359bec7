"""Trains on so many CPUs, and stops after a step as Ctrl-C does; 0: at the end.

python -m tests.restart_case 2 0 --run_dir=... ...
"""

import sys

import tensorflow as tf

from selene_tf.cli import command, flagfile
from selene_tf.training.loop import Supervisor


def main():
    from selene_tf import experiment

    experiment.train(flagfile.from_flags())


def divide_cpu(count):
    (cpu,) = tf.config.list_physical_devices("CPU")
    part = tf.config.LogicalDeviceConfiguration()
    tf.config.set_logical_device_configuration(cpu, [part] * count)


def stop_after(step):
    end = Supervisor.on_train_batch_end

    def end_and_stop(self, batch, logs=None):
        end(self, batch, logs)
        if self.progress.step == step:
            raise KeyboardInterrupt

    Supervisor.on_train_batch_end = end_and_stop


if __name__ == "__main__":
    divide_cpu(int(sys.argv.pop(1)))
    stop_after(int(sys.argv.pop(1)))
    flagfile.define_flags()
    command.run(main, [])
